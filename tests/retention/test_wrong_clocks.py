"""What a wrong clock may not do: end a hold, begin a delay, put off a look; nor a death at a bad moment."""

from datetime import timedelta

import pytest

from reelwarden_common.events.retention import HoldInForce, HoldsKept, SegmentsErased
from reelwarden_retention.shapes import CameraPolicy
from reelwarden_retention.site.reaper.store import ReaperStore
from tests.support.retention import DELAY, NOW, TEN, Site, hold, period, plan, released

OLD = NOW - timedelta(days=33)
WRONG = (timedelta(days=400), timedelta(days=-400), timedelta(days=1), timedelta(days=-1))


def set_clock(site: Site, ahead: timedelta) -> None:
    """Somebody sets the clock; the kernel no longer vouches for it."""
    site.time.now += ahead
    site.time.trusted = not ahead


async def ready(site: Site) -> None:
    """A site that erased before."""
    async with site.units.begin() as store:
        store.remember("erased", "yes")


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_hold_outlives_a_wrong_clock_that_is_mended(site: Site, wrong: timedelta) -> None:
    [segment] = await site.record(OLD)
    await ready(site)
    await site.hear(plan(1, holds=(hold("h1", OLD, OLD + TEN, until=NOW + timedelta(days=20)),)))
    await site.vault.turn()
    set_clock(site, wrong)
    await site.sweeper.turn()
    async with site.units.begin() as store:
        store.say_kept()
    assert [one.id for one in site.said(HoldsKept)[-1].holds] == ["h1"]
    set_clock(site, -wrong)
    site.time.trusted = True
    await site.sweeper.turn()
    assert site.exists(segment)


@pytest.mark.parametrize("wrong", WRONG)
async def test_no_release_begins_to_count_by_a_wrong_clock(site: Site, wrong: timedelta) -> None:
    [segment] = await site.record(OLD)
    await ready(site)
    held = hold("h1", OLD, OLD + TEN, until=NOW + timedelta(days=20))
    await site.hear(plan(1, holds=(held,)))
    set_clock(site, wrong)
    await site.hear(plan(2, holds=(held,), releases=(released("h1", NOW),)))
    set_clock(site, -wrong)
    site.time.trusted = True
    site.time.pass_(DELAY - timedelta(hours=1))
    await site.hear(plan(3, holds=(held,), releases=(released("h1", NOW),), issued_at=site.time.now))
    site.time.pass_(DELAY - timedelta(hours=1))
    await site.sweeper.turn()
    assert site.exists(segment)
    site.time.pass_(timedelta(hours=2))
    await site.sweeper.turn()
    assert not site.exists(segment)


@pytest.mark.parametrize("wrong", WRONG)
async def test_no_shortening_begins_to_count_by_a_wrong_clock(site: Site, wrong: timedelta) -> None:
    [segment] = await site.record(OLD)
    await ready(site)
    await site.hear(plan(1, policies=(CameraPolicy(period=period(days=40)),)))
    set_clock(site, wrong)
    await site.hear(plan(2))
    set_clock(site, -wrong)
    site.time.trusted = True
    await site.hear(plan(3, issued_at=site.time.now))
    site.time.pass_(DELAY - timedelta(hours=1))
    await site.sweeper.turn()
    assert site.exists(segment)
    site.time.pass_(timedelta(hours=2))
    await site.sweeper.turn()
    assert not site.exists(segment)


async def test_a_hold_that_was_looked_after_by_a_clock_far_ahead_is_looked_after_again(site: Site) -> None:
    set_clock(site, timedelta(days=400))
    until = site.time.now + timedelta(days=30)
    await site.hear(plan(1, holds=(hold("h1", NOW, NOW + TEN, until=until),)))
    await site.vault.turn()
    set_clock(site, timedelta(days=-400))
    site.write(NOW)
    site.time.pass_(timedelta(hours=1))
    await site.vault.turn()
    assert site.said(HoldInForce)[-1].segments == 1


async def test_a_process_that_dies_after_the_vault_let_go_costs_the_original_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    [segment] = await site.record(OLD)
    await ready(site)
    await site.hear(plan(1, holds=(hold("h1", OLD, OLD + TEN, until=NOW + timedelta(hours=1)),)))
    await site.vault.turn()
    site.time.pass_(timedelta(hours=2))
    longer = plan(2, policies=(CameraPolicy(period=period(days=40)),), issued_at=site.time.now)
    await site.hear(longer)
    shares = "reelwarden_retention.site.reaper.catalogue.Catalogue.vaulted"
    with monkeypatch.context() as dying:
        dying.setattr(shares, _die)
        with pytest.raises(KeyboardInterrupt):
            await site.sweeper.turn()
    await site.sweeper.turn()
    async with site.units.begin() as store:
        assert _whereabouts(store, segment.id) == ("present", None)


async def test_what_a_dying_process_left_in_the_vault_goes_with_the_original(site: Site) -> None:
    [segment] = await site.record(OLD)
    await ready(site)
    vault = site.root / ".reelwarden/vault/gate"
    vault.mkdir(parents=True)
    (vault / f"{segment.digest}.mp4").hardlink_to(site.root / segment.locator)
    await site.hear(plan(1))
    await site.sweeper.turn()
    [event] = site.said(SegmentsErased)
    assert event.certificates[0].copies == ("disk", "vault")
    assert list(vault.iterdir()) == []


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _whereabouts(store: ReaperStore, identifier: str) -> tuple[str, str | None]:
    one = store.catalogue.one(identifier)
    assert one is not None
    return one.presence.value, one.vault
