"""A hold is in force when all its files lie in the vault, read and found whole; else it says what is not."""

from datetime import timedelta

import pytest

from reelwarden_common.errors import Transient
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import SegmentsAnswer, SegmentsQuery
from reelwarden_common.events.retention import HoldInForce, SegmentsErased, SweepStopped, VaultMeasured
from reelwarden_common.identity import digest_of
from reelwarden_retention.shapes import CameraPolicy
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.budget import Budget
from tests.support.retention import NOW, TEN, Site, hold, period, plan, released

START = NOW - timedelta(hours=2)


def in_vault(site: Site) -> set[str]:
    folder = site.root / ".reelwarden/vault/gate"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_covered_segments_and_their_neighbours_are_linked_and_told_once(site: Site) -> None:
    segments = await site.record(*(START + n * TEN for n in range(8)))
    await site.hear(plan(1, holds=(hold("h1", START + 2.5 * TEN, START + 4.5 * TEN),)))
    await site.vault.turn()
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    covered = segments[1:6]
    assert event.complete
    assert event.gone == ()
    assert event.segments == len(covered)
    assert event.bytes == sum(s.size for s in covered)
    assert event.digest == digest_of(s.digest for s in covered)
    assert in_vault(site) == {f"{s.digest}.mp4" for s in covered}
    one = covered[0]
    there = site.root / f".reelwarden/vault/gate/{one.digest}.mp4"
    assert there.stat().st_ino == (site.root / one.locator).stat().st_ino


async def test_recorders_that_rewrite_get_copies(site: Site) -> None:
    site.vault = site.make_vault(site.answer, write_once=False)
    [segment] = await site.record(START)
    await site.hear(plan(1, holds=(hold("h1", START, START + TEN),)))
    await site.vault.turn()
    there = site.root / f".reelwarden/vault/gate/{segment.digest}.mp4"
    (site.root / segment.locator).write_bytes(b"rewritten by its recorder")
    assert there.read_bytes() != b"rewritten by its recorder"
    assert there.stat().st_mtime == segment.file_time.timestamp()


async def test_held_footage_survives_deletion_behind_our_back(site: Site) -> None:
    segments = await site.record(START, START + TEN, START + 2 * TEN)
    await site.hear(plan(1, holds=(hold("h1", START, START + 3 * TEN),)))
    await site.vault.turn()
    (site.root / segments[1].locator).unlink()
    async with site.units.begin() as store:
        store.catalogue.gone(segments[1].id)
    await site.vault.turn()
    assert [event.gone for event in site.said(HoldInForce)] == [()]
    assert f"{segments[1].digest}.mp4" in in_vault(site)


async def test_what_was_gone_before_is_named(site: Site) -> None:
    segments = await site.record(START, START + TEN, START + 2 * TEN, START + 5 * TEN)
    (site.root / segments[1].locator).unlink()
    await site.hear(plan(1, holds=(hold("h1", START, START + 6 * TEN),)))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.complete
    assert event.gone == (CameraSpan(camera="gate", start=START + TEN, end=START + 2 * TEN),)
    assert event.gaps == (CameraSpan(camera="gate", start=START + 3 * TEN, end=START + 5 * TEN),)


@pytest.mark.parametrize("told_by", ["the scanner", "a certificate", "a loss"])
async def test_what_was_recorded_is_gone_and_what_was_not_is_a_gap(site: Site, told_by: str) -> None:
    """Three segments side by side are lost in one piece; the recorder was off for the next two."""
    segments = await site.record(*(START + n * TEN for n in (0, 1, 2, 3, 6)))
    lost = segments[1:4]
    for one in lost:
        (site.root / one.locator).unlink()

    async def remembering(question: SegmentsQuery) -> SegmentsAnswer:
        answer = await site.answer(question)
        return answer.model_copy(update={"away": tuple(lost)})

    if told_by == "the scanner":
        site.vault = site.make_vault(remembering, write_once=True)
        async with site.units.begin() as store:
            store.conn.execute("DELETE FROM footage")
    else:
        async with site.units.begin() as store:
            for one in lost:
                (store.catalogue.erased if told_by == "a certificate" else store.catalogue.gone)(one.id)
    await site.hear(plan(1, holds=(hold("h1", START, START + 7 * TEN),)))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.gone == (CameraSpan(camera="gate", start=START + TEN, end=START + 4 * TEN),)
    assert event.gaps == (CameraSpan(camera="gate", start=START + 4 * TEN, end=START + 6 * TEN),)


LATER = NOW + timedelta(days=60)


async def test_what_was_erased_long_ago_is_gone_and_no_gap(site: Site) -> None:
    """The reaper has forgotten it; so has the scanner."""
    segments = await site.record(*(START + n * TEN for n in range(3)))
    for one in segments:
        (site.root / one.locator).unlink()
    async with site.units.begin() as store:
        for one in segments:
            store.catalogue.erased(one.id)
    site.recorded.clear()
    site.time.pass_(timedelta(days=33))
    async with site.units.begin() as store:
        store.forget()
    await site.hear(plan(1, holds=(hold("h1", START, START + 3 * TEN, until=LATER),)))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.gone == (CameraSpan(camera="gate", start=START, end=START + 3 * TEN),)
    assert event.gaps == ()


async def test_what_was_erased_is_gone_though_another_file_claims_its_time(site: Site) -> None:
    """The camera's clock was set back and it recorded the same minute again."""
    first = await site.record(START, START + TEN)
    (site.root / first[0].locator).unlink()
    async with site.units.begin() as store:
        store.catalogue.erased(first[0].id)
    again = site.write(START, body=b"the same minute again")
    async with site.units.begin() as store:
        store.catalogue.record([rows.of_segment(again)])
    await site.hear(plan(1, holds=(hold("h1", START, START + 2 * TEN),)))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert (event.complete, event.segments, event.gaps) == (True, 2, ())
    assert event.gone == (CameraSpan(camera="gate", start=START, end=START + TEN),)


async def test_a_gap_that_was_told_stays_one_however_old_it_grows(site: Site) -> None:
    await site.record(START, START + 2 * TEN)
    await site.hear(plan(1, holds=(hold("h1", START, START + 3 * TEN, until=LATER),)))
    await site.vault.turn()
    site.time.pass_(timedelta(days=40))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.gone == ()
    assert event.gaps == (CameraSpan(camera="gate", start=START + TEN, end=START + 2 * TEN),)


async def test_a_file_that_the_scanner_still_believes_in_is_told_as_gone(site: Site) -> None:
    segments = await site.record(START, START + TEN)
    (site.root / segments[0].locator).unlink()

    async def unaware(_: SegmentsQuery) -> SegmentsAnswer:
        return SegmentsAnswer(segments=tuple(segments), complete_to=NOW, missing=())

    site.vault = site.make_vault(unaware, write_once=True)
    await site.hear(plan(1, holds=(hold("h1", START, START + 2 * TEN),)))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.gone == (CameraSpan(camera="gate", start=START, end=START + TEN),)


async def test_a_changed_file_is_kept_but_does_not_count(site: Site) -> None:
    segments = await site.record(START, START + TEN)
    (site.root / segments[0].locator).write_bytes(b"changed")
    await site.hear(plan(1, holds=(hold("h1", START, START + 2 * TEN),)))
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.segments == 1
    assert len(event.gone) == 1
    assert len(in_vault(site)) == 2


async def test_a_hold_on_what_is_still_recorded_completes_later(site: Site) -> None:
    await site.record(NOW - TEN)
    await site.hear(plan(1, holds=(hold("h1", NOW - TEN, NOW + 2 * TEN),)))
    await site.vault.turn()
    first = site.said(HoldInForce)[-1]
    assert (first.complete, first.segments, first.gone) == (False, 1, ())
    site.time.pass_(3 * TEN)
    await site.record(NOW, NOW + TEN)
    await site.vault.turn()
    last = site.said(HoldInForce)[-1]
    assert (last.complete, last.segments, last.gone) == (True, 3, ())


async def test_a_long_hold_is_asked_for_piece_by_piece(site: Site) -> None:
    await site.record(*(START + n * TEN for n in range(0, 360, 30)))
    asked: list[SegmentsQuery] = []

    async def noting(question: SegmentsQuery) -> SegmentsAnswer:
        asked.append(question)
        return await site.answer(question)

    site.vault = site.make_vault(noting, write_once=True)
    await site.hear(plan(1, holds=(hold("h1", START, START + timedelta(hours=1)),)))
    await site.vault.turn()
    assert max(q.end - q.start for q in asked) <= timedelta(minutes=15)
    assert site.said(HoldInForce)[-1].segments == 12


async def test_an_absent_scanner_delays_but_loses_nothing(site: Site) -> None:
    [segment] = await site.record(START)

    async def away(_: SegmentsQuery) -> SegmentsAnswer:
        raise Transient("nobody answers")

    vault = site.make_vault(away, write_once=True)
    await site.hear(plan(1, holds=(hold("h1", START, START + TEN),)))
    await vault.turn()
    assert site.said(HoldInForce) == []
    await site.vault.turn()
    assert site.said(HoldInForce)[-1].complete
    assert site.exists(segment)


async def test_when_a_hold_ended_the_vault_lets_go(site: Site) -> None:
    old = NOW - timedelta(days=33)
    segments = await site.record(old, old + TEN, START, START + TEN)
    holds = (
        hold("old", old, old + 2 * TEN, until=NOW + timedelta(days=1)),
        hold("new", START, START + 2 * TEN, until=NOW + timedelta(days=1)),
    )
    await site.hear(plan(1, holds=holds))
    await site.vault.turn()
    assert len(in_vault(site)) == 4
    (site.root / segments[1].locator).unlink()
    async with site.units.begin() as store:
        store.catalogue.gone(segments[1].id)
        store.remember("erased", "yes")
    site.time.pass_(timedelta(days=2))
    await site.sweeper.turn()
    certificates = {c.segment: c for event in site.said(SegmentsErased) for c in event.certificates}
    assert certificates[segments[0].id].copies == ("disk", "vault")
    assert certificates[segments[1].id].copies == ("vault",)
    assert in_vault(site) == set()
    assert all(map(site.exists, segments[2:]))


@pytest.mark.parametrize("later", [timedelta(hours=71), timedelta(hours=73)])
async def test_a_release_frees_footage_after_the_delay_and_not_before(site: Site, later: timedelta) -> None:
    old = NOW - timedelta(days=33)
    [segment] = await site.record(old)
    one = hold("h1", old, old + TEN)
    await site.hear(plan(1, holds=(one,)))
    await site.hear(plan(2, holds=(one,), releases=(released("h1", NOW),)))
    site.time.pass_(later)
    await site.sweeper.turn()
    await site.sweeper.turn()
    assert bool(site.said(SweepStopped)) == (later > timedelta(hours=72))
    assert site.exists(segment)


async def test_what_a_recorder_overwrote_after_its_hold_is_erased_on_its_day(site: Site) -> None:
    """The camera's recorder reuses the same place; the copy in the vault is ours, with a day of its own."""
    old = NOW - timedelta(days=29)
    [segment] = await site.record(old)
    policies = (CameraPolicy(period=period(managed=False)),)
    held = hold("h1", old, old + TEN, until=NOW + timedelta(hours=1))
    await site.hear(plan(1, policies=policies, holds=(held,)))
    await site.vault.turn()
    (site.root / segment.locator).unlink()
    (site.root / segment.locator).write_bytes(b"the next round")
    async with site.units.begin() as store:
        store.remember("erased", "yes")
    site.time.pass_(timedelta(hours=2))
    await site.sweeper.turn()
    assert in_vault(site) == {f"{segment.digest}.mp4"}
    site.time.pass_(timedelta(days=4))
    await site.sweeper.turn()
    assert in_vault(site) == set()
    [event] = site.said(SegmentsErased)
    assert [(c.segment, c.copies) for c in event.certificates] == [(segment.id, ("vault",))]
    assert (site.root / segment.locator).read_bytes() == b"the next round"


def measured(site: Site) -> list[tuple[int, int, int, int]]:
    return [(e.files, e.bytes, e.extra, e.budget) for e in site.said(VaultMeasured)]


@pytest.mark.parametrize("write_once", [True, False])
async def test_what_the_vault_takes_is_told_when_it_changes_and_every_hour(
    site: Site, *, write_once: bool
) -> None:
    site.vault = site.make_vault(site.answer, write_once=write_once)
    budget = Budget(site.units, site.disk, 0.25, write_once=write_once)
    allowed = round(site.disk.total() / 4)
    await budget.turn()
    one, two = await site.record(START, START + TEN)
    await site.hear(plan(1, holds=(hold("h1", START, START + 2 * TEN),)))
    await site.vault.turn()
    held = one.size + two.size
    await budget.turn()
    await budget.turn()
    copies = 0 if write_once else held
    assert measured(site) == [(0, 0, 0, allowed), (2, held, copies, allowed)]
    (site.root / one.locator).unlink()
    async with site.units.begin() as store:
        store.catalogue.gone(one.id)
    await budget.turn()
    assert measured(site)[-1] == (2, held, one.size if write_once else held, allowed)
    before = len(measured(site))
    site.time.pass_(timedelta(hours=1))
    await budget.turn()
    assert len(measured(site)) == before + 1
