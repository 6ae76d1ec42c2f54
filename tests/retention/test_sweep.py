"""What is due goes, after a person let the first sweep go on; what is held, unknown or unlike stays."""

import os
from collections.abc import Sequence
from datetime import timedelta

import pytest

from reelwarden_common.events.ingest import RejectedFile, SegmentMoved
from reelwarden_common.events.retention import PlanApplied, SegmentsErased, SweepStopped
from reelwarden_retention.shapes import CameraPolicy
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.disk import Busy, Disk
from reelwarden_retention.site.reaper.domain import Due, candidates
from reelwarden_retention.site.reaper.handlers import on_segment_moved
from reelwarden_retention.site.reaper.journal import Entry
from tests.support.retention import NOW, TEN, Site, Time, envelope, hold, period, plan

OLD = NOW - timedelta(days=33)
YOUNG = NOW - timedelta(days=2)


async def stop(site: Site) -> None:
    """Sweep until the brake speaks: it waits for two sweeps that agree."""
    await site.sweeper.turn()
    await site.sweeper.turn()


async def let_go(site: Site, version: int = 100) -> None:
    """Stop the first sweep, confirm it, sweep again."""
    await stop(site)
    stopped = site.said(SweepStopped)[-1]
    await site.hear(plan(version, confirmed_sweeps=(stopped.sweep,), issued_at=site.time.now))
    await site.sweeper.turn()


async def test_first_sweep_stops_and_erases_exactly_what_was_confirmed(site: Site) -> None:
    old = await site.record(OLD, OLD + TEN)
    young = await site.record(YOUNG)
    await site.hear(plan(1))
    await site.sweeper.turn()
    await site.sweeper.turn()
    [stopped] = site.said(SweepStopped)
    assert (stopped.reason, stopped.segments) == ("first-sweep", 2)
    assert all(map(site.exists, old + young))

    later = await site.record(OLD + 2 * TEN)
    await site.hear(plan(2, confirmed_sweeps=(stopped.sweep,)))
    await site.sweeper.turn()
    assert not any(map(site.exists, old))
    assert all(map(site.exists, young + later))
    [event] = site.said(SegmentsErased)
    assert {c.segment for c in event.certificates} == {s.id for s in old}
    assert all(c.copies == ("disk",) and c.due <= NOW for c in event.certificates)

    await site.sweeper.turn()
    assert not any(map(site.exists, later))
    assert len(site.said(SegmentsErased)) == 2
    assert list((site.root / ".reelwarden/trash").iterdir()) == []


async def test_what_comes_back_keeps_nothing_waiting_behind_it(site: Site) -> None:
    """A file of a confirmed sweep is deleted by somebody and restored, again and again; others come due."""
    one, other = await site.record(OLD, OLD + TEN)
    await site.hear(plan(1))
    await stop(site)
    [stopped] = site.said(SweepStopped)
    await site.hear(plan(2, confirmed_sweeps=(stopped.sweep,)))
    (site.root / one.locator).unlink()
    await site.sweeper.turn()
    assert not site.exists(other)
    for n in range(3):
        async with site.units.begin() as store:
            store.catalogue.back(one.id, one.locator)
        [later] = await site.record(OLD + (5 + n) * TEN)
        await site.sweeper.turn()
        assert not site.exists(later)


async def test_what_is_back_at_its_place_is_not_certified_for_its_copy_in_the_vault(site: Site) -> None:
    """The scanner missed it while it lay in the trash; it was put back, which nobody has said yet."""
    [one] = await site.record(OLD)
    await site.hear(plan(1, holds=(hold("h1", OLD, OLD + TEN, until=NOW + timedelta(days=1)),)))
    await site.vault.turn()
    async with site.units.begin() as store:
        store.catalogue.gone(one.id)
    site.time.pass_(timedelta(days=2))
    await site.hear(plan(2, issued_at=site.time.now))
    await let_go(site)
    assert site.exists(one)
    assert site.said(SegmentsErased) == []
    async with site.units.begin() as store:
        store.catalogue.back(one.id, one.locator)
    await let_go(site, 101)  # it was gone through: asked anew, and the next plan still names it
    assert not site.exists(one)
    [event] = site.said(SegmentsErased)
    assert event.certificates[0].segment == one.id
    assert list((site.root / ".reelwarden/vault/gate").iterdir()) == []


async def test_the_brake_waits_while_the_catalogue_still_grows(site: Site) -> None:
    await site.hear(plan(1))
    for n in range(5):
        await site.record(OLD + n * TEN)
        await site.sweeper.turn()
    assert site.said(SweepStopped) == []
    await site.sweeper.turn()
    [stopped] = site.said(SweepStopped)
    assert stopped.segments == 5


async def test_a_sweep_unlike_the_others_stops(site: Site) -> None:
    await site.record(OLD)
    await site.record(YOUNG)
    await site.hear(plan(1))
    await let_go(site)
    await site.record(*(OLD + n * TEN for n in range(1, 22)))
    await stop(site)
    assert [s.reason for s in site.said(SweepStopped)] == ["first-sweep", "too-many"]
    assert site.said(SweepStopped)[-1].segments == 21


async def test_held_footage_and_its_neighbours_stay_until_the_hold_ends(site: Site) -> None:
    segments = await site.record(*(OLD + n * TEN for n in range(6)))
    one = hold("h1", OLD + 2.5 * TEN, OLD + 3 * TEN, until=NOW + timedelta(days=1))
    await site.hear(plan(1, holds=(one,)))
    await let_go(site)
    assert [site.exists(s) for s in segments] == [False, True, True, True, False, False]
    site.time.pass_(timedelta(days=1, minutes=1))
    await site.sweeper.turn()
    assert not any(map(site.exists, segments))


async def test_a_hold_that_arrives_after_the_choice_still_counts(site: Site) -> None:
    segments = await site.record(OLD, OLD + TEN, YOUNG)
    await site.hear(plan(1))
    await let_go(site)
    late = await site.record(OLD + 2 * TEN)
    decision = await site.sweeper._decide()
    assert [one.footage.id for one in decision.erase] == [late[0].id]
    await site.hear(plan(101, holds=(hold("h1", OLD + 2 * TEN, OLD + 3 * TEN),)))
    assert await site.eraser.erase(decision.erase) == []
    assert site.exists(late[0])
    assert not site.exists(segments[0])


async def test_recorder_managed_footage_is_never_ours_to_erase(site: Site) -> None:
    segments = await site.record(OLD)
    await site.hear(plan(1, policies=(CameraPolicy(period=period(managed=False)),)))
    await site.sweeper.turn()
    assert site.exists(segments[0])
    assert site.said(SweepStopped) == []


async def test_unknown_files_and_links_are_never_touched(site: Site) -> None:
    [segment] = await site.record(OLD)
    outside = site.state / "outside.mp4"
    outside.write_bytes((site.root / segment.locator).read_bytes())
    (site.root / segment.locator).unlink()
    (site.root / segment.locator).symlink_to(outside)
    unknown = site.root / "frigate/unknown.mp4"
    unknown.write_bytes(b"who knows")
    os.utime(unknown, (0, 0))
    await site.hear(plan(1))
    await let_go(site)
    assert outside.exists()
    assert unknown.exists()
    assert (site.root / segment.locator).is_symlink()
    assert site.said(SegmentsErased) == []


async def test_a_folder_that_became_a_link_is_not_followed(site: Site) -> None:
    [segment] = await site.record(OLD)
    folder = (site.root / segment.locator).parent
    elsewhere = site.state / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    await site.hear(plan(1))
    await let_go(site)
    assert [path.name for path in elsewhere.iterdir()] == [segment.locator.rsplit("/", 1)[-1]]
    assert site.said(SegmentsErased) == []


@pytest.mark.parametrize("body", [b"x" * 10, None])
async def test_what_differs_from_the_catalogue_is_put_back_and_told(site: Site, body: bytes | None) -> None:
    [segment, other] = await site.record(OLD, OLD + TEN)
    path = site.root / segment.locator
    changed = body or bytes(len(path.read_bytes()))
    path.write_bytes(changed)
    await site.hear(plan(1))
    await let_go(site)
    assert path.read_bytes() == changed
    assert not site.exists(other)
    assert [s.reason for s in site.said(SweepStopped)] == ["first-sweep", "mismatch"]
    await site.sweeper.turn()
    assert len(site.said(SweepStopped)) == 2, "not tried again at once"


async def test_rejected_files_go_by_their_file_time(site: Site) -> None:
    old, young = [
        RejectedFile(
            id=f"r{n}",
            camera="gate",
            locator=f"frigate/bad{n}.mp4",
            size=3,
            file_time=end,
            digest=None,
            reason="truncated",
            detail="",
        )
        for n, end in enumerate((OLD, YOUNG))
    ]
    for one in (old, young):
        (site.root / one.locator).parent.mkdir(exist_ok=True)
        (site.root / one.locator).write_bytes(b"bad")
    async with site.units.begin() as store:
        store.catalogue.record([rows.of_rejected(old, "gate"), rows.of_rejected(young, "gate")])
    await site.hear(plan(1))
    await let_go(site)
    assert not (site.root / old.locator).exists()
    assert (site.root / young.locator).exists()
    [event] = site.said(SegmentsErased)
    assert event.certificates[0].start == event.certificates[0].end == OLD


async def test_a_storage_that_is_not_bound_is_left_alone_and_told_once(site: Site) -> None:
    [segment] = await site.record(OLD)
    await site.hear(plan(1))
    await let_go(site, 2)
    [again] = await site.record(OLD + TEN)
    identity = site.root / ".reelwarden/storage.id"
    text = identity.read_text()
    for other in ("another disk", None):
        identity.write_text(other) if other else identity.unlink()
        await site.sweeper.turn()
        await site.sweeper.turn()
    assert [s.reason for s in site.said(SweepStopped)] == ["first-sweep", "storage-unbound"]
    assert not site.exists(segment)
    assert site.exists(again)
    identity.write_text(text)
    await site.sweeper.turn()
    assert not site.exists(again)


async def test_without_a_believable_clock_nothing_is_erased(site: Site) -> None:
    time: Time = site.time
    [segment] = await site.record(OLD)
    await site.hear(plan(1, issued_at=time.now))
    await let_go(site, 2)
    [again] = await site.record(OLD + TEN)
    time.trusted = False
    time.now += timedelta(hours=1)
    await site.sweeper.turn()
    assert site.exists(again), "the clock was moved"
    time.boot = "boot-2"
    await site.sweeper.turn()
    assert site.exists(again), "nothing vouches for it since boot"
    await site.hear(plan(3, issued_at=time.now))
    await site.sweeper.turn()
    assert not site.exists(again)
    assert not site.exists(segment)


async def test_a_clock_that_is_doubted_for_long_is_told_once(site: Site) -> None:
    site.time.trusted = False
    await site.hear(plan(1, issued_at=NOW - timedelta(hours=1)))
    for _ in range(4):
        await site.sweeper.turn()
        site.time.pass_(timedelta(hours=25))
    assert [s.reason for s in site.said(SweepStopped)] == ["clock-unconfirmed"]


async def test_a_clock_in_the_future_erases_nothing_young(site: Site) -> None:
    [segment] = await site.record(YOUNG)
    await site.hear(plan(1))
    site.time.now += timedelta(days=365)
    await site.sweeper.turn()
    assert site.exists(segment)
    assert site.said(SweepStopped) == []


async def test_one_process_at_a_time_sweeps_a_storage(site: Site) -> None:
    with Disk(site.root).alone(), pytest.raises(Busy):
        await site.sweeper.turn()
    await site.sweeper.turn()


async def test_a_shortening_waits_for_the_sites_own_delay_and_is_said_when_it_counts(site: Site) -> None:
    [segment] = await site.record(NOW - timedelta(days=40), camera="gate")
    await site.hear(plan(1, policies=(CameraPolicy(period=period(days=60)),)))
    await site.hear(plan(2, policies=(CameraPolicy(period=period(days=30)),)))
    await site.sweeper.turn()
    assert site.said(SweepStopped) == []
    assert site.said(PlanApplied)[-1].periods[0].days == 60
    site.time.pass_(timedelta(hours=72, minutes=1))
    await stop(site)
    assert site.said(SweepStopped)[-1].segments == 1
    assert site.said(PlanApplied)[-1].periods[0].days == 30
    assert site.exists(segment)


async def test_footage_that_gave_its_name_away_goes_from_where_it_lies_now(site: Site) -> None:
    """Its place is taken first, where it lies is said later; the new footage stays its own time."""
    [old] = await site.record(OLD)
    now_at = (site.root / old.locator).with_name("rotated.mp4")
    (site.root / old.locator).rename(now_at)
    young = site.write(YOUNG).model_copy(update={"locator": old.locator})
    (site.root / site.recorded[-1].locator).rename(site.root / old.locator)
    moved = SegmentMoved(
        segment=old.id,
        camera=old.camera,
        locator=str(now_at.relative_to(site.root)),
        was=old.locator,
        start=old.start,
    )
    async with site.units.begin() as store:
        store.catalogue.record([rows.of_segment(young)])
        await on_segment_moved(moved, envelope(moved, role="scanner"), store)
    await site.hear(plan(1))
    await let_go(site)
    assert not now_at.exists()
    assert site.exists(young)
    [event] = site.said(SegmentsErased)
    assert [one.locator for one in event.certificates] == [moved.locator]


async def test_a_place_that_was_taken_meanwhile_costs_nothing(site: Site) -> None:
    """The recorder writes a new file where one lies in the trash that a hold just saved."""
    [segment] = await site.record(OLD)
    body = (site.root / segment.locator).read_bytes()
    await site.hear(plan(1))
    [due] = await due_now(site)

    def taken(step: str) -> None:
        if step == "condemned":
            (site.root / segment.locator).write_bytes(b"new")

    site.eraser._reached = taken
    unlink = site.eraser._unlink

    async def held_first(entries: Sequence[Entry]) -> list[Entry]:
        await site.hear(plan(2, holds=(hold("h1", OLD, OLD + TEN),)))
        return await unlink(entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site.eraser, "_unlink", held_first)
        await site.eraser.erase([due])
    assert (site.root / segment.locator).read_bytes() == b"new"
    kept = site.root / f".reelwarden/vault/gate/{segment.digest}.mp4"
    assert kept.read_bytes() == body
    assert list((site.root / ".reelwarden/trash").iterdir()) == []
    assert site.said(SegmentsErased) == []


async def due_now(site: Site) -> list[Due]:
    async with site.units.begin() as store:
        looked_at = store.catalogue.oldest("gate", NOW, NOW)
        return candidates(looked_at, store.policies(), store.holds(), store.margins(), NOW)
