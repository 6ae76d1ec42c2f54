"""The replicator on a real store: what it copies, how it keeps copies, and that a crash changes nothing."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.events.backup import (
    BacklogMeasured,
    ObjectRestored,
    ObjectsErased,
    ObjectsStored,
    RestoreFailed,
    RestoreRequested,
    RunRecorded,
    StoredObject,
    VerificationRequested,
)
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import (
    InitSegment,
    LostSegment,
    Segment,
    SegmentMoved,
    SegmentsLost,
    SegmentsRecorded,
)
from reelwarden_common.events.retention import (
    CameraPeriod,
    Certificate,
    Hold,
    HoldsKept,
    HoldSource,
    PlanApplied,
    SegmentsErased,
)
from reelwarden_common.s3 import S3, NotAllowed
from tests.support.backup import Site, Store, Turned, only

NOW = datetime.now(UTC).replace(microsecond=0)


def recorded(*segments: Segment) -> SegmentsRecorded:
    return SegmentsRecorded(segments=segments)


def erased(*segments: Segment) -> SegmentsErased:
    return SegmentsErased(
        certificates=tuple(
            Certificate(
                segment=one.id,
                camera=one.camera,
                start=one.start,
                end=one.end,
                digest=one.digest,
                size=one.size,
                locator=one.locator,
                due=one.end,
                erased_at=NOW,
                plan="0" * 64,
            )
            for one in segments
        )
    )


def lost(one: Segment) -> SegmentsLost:
    gone = LostSegment(
        id=one.id, camera=one.camera, start=one.start, end=one.end, digest=one.digest, locator=one.locator
    )
    return SegmentsLost(segments=(gone,), noticed_at=NOW)


def kept(*holds: Hold) -> HoldsKept:
    return HoldsKept(epoch=1, version=1, holds=holds)


def hold(one: Segment, until: datetime | None = None) -> Hold:
    return Hold(
        id="h-" + one.id[:8],
        source=HoldSource.APPLICATION,
        cause="a1",
        span=CameraSpan(camera=one.camera, start=one.start, end=one.end),
        purpose="incident",
        until=until or NOW + timedelta(days=30),
    )


def plan(*cameras: str, days: int, managed: bool = True) -> PlanApplied:
    periods = tuple(
        CameraPeriod(camera=c, days=days, grace_minutes=720, zone="Asia/Shanghai", managed=managed)
        for c in cameras
    )
    return PlanApplied(epoch=1, version=1, digest="0" * 64, effective_at=NOW, periods=periods)


def restore(one: StoredObject) -> RestoreRequested:
    return RestoreRequested(
        segment=one.segment,
        digest=one.digest,
        bucket=one.bucket,
        key=one.key,
        object_version=one.object_version,
    )


async def store_one(role: Turned[ReplicatorStore], segment: Segment) -> StoredObject:
    await role.hear(recorded(segment))
    await role.turn("store")
    (told,) = only(await role.said(), ObjectsStored)
    return told.objects[0]


async def test_footage_is_copied_once_under_lock_and_written_up(site: Site, store: Store) -> None:
    segment, body = site.record()
    async with site.replicator() as role:
        assert await role.hear(recorded(segment), "e1")
        assert not await role.hear(recorded(segment), "e1")
        await role.hear(recorded(segment), "e2")
        await role.turn("store", "store", "record", "record", "backlog")
        said = await role.said()
    (stored,) = only(said, ObjectsStored)
    (one,) = stored.objects
    assert one.key == f"gate/{segment.start:%Y-%m-%d}/{segment.id}.mp4"
    assert store.versions(site.school) == [(one.key, one.object_version)]
    assert one.locked_until is not None
    assert timedelta(days=30) < one.locked_until - segment.start < timedelta(days=33)
    (run,) = only(said, RunRecorded)
    assert (run.kind, run.objects, run.bytes) == ("full", 1, len(body))
    assert run.spans == (CameraSpan(camera="gate", start=segment.start, end=segment.end),)
    (manifest,) = store.manifests(site.school)
    assert json.loads(manifest)["contents"][0]["digest"] == segment.digest
    (backlog,) = only(said, BacklogMeasured)
    assert (backlog.segments, backlog.failing) == (0, "")


async def test_a_fragment_s_copy_bears_what_it_cannot_be_decoded_without(site: Site, store: Store) -> None:
    """A third copy, made from the object alone, plays: the recorder has long replaced that file."""
    begins = InitSegment.of(b"ftyp moov")
    segment, _ = site.record(name="segments/gate/1767225600.m4s")
    async with site.replicator() as role:
        one = await store_one(role, segment.model_copy(update={"init": begins}))
        await role.hear(recorded(segment.model_copy(update={"init": begins})), "again")
        await role.turn("store")
    found = store.admin.stat_object(one.bucket, one.key, version_id=one.object_version).metadata
    assert found is not None
    borne = InitSegment(digest=found["x-amz-meta-init-sha256"], data=found["x-amz-meta-init"])
    assert borne.content() == b"ftyp moov"
    assert found["x-amz-meta-sha256"] == segment.digest


async def test_the_site_cannot_shorten_its_own_locks(site: Site, store: Store) -> None:
    segment, _ = site.record()
    async with site.replicator() as role:
        one = await store_one(role, segment)
    client = S3(store.settings(f"site-{site.school}"))
    assert one.locked_until is not None
    with pytest.raises(NotAllowed):
        await client.lock_until(one.bucket, one.key, one.object_version, NOW + timedelta(hours=1))
    with pytest.raises(NotAllowed):
        await client.erase(one.bucket, one.key, one.object_version)
    other = next(s for s in store.free if s != site.school)
    with pytest.raises(NotAllowed):
        await client.put_bytes(f"rw-footage-{other}", "x", b"forged")
    client.close()


@pytest.mark.parametrize(
    ("policy", "copied"), [("everything", {"gate", "yard"}), ("priority", {"gate"}), ("held", set())]
)
async def test_the_policy_says_what_is_copied_and_a_hold_adds_to_it(
    store: Store, tmp_path: Path, policy: str, copied: set[str]
) -> None:
    site = Site(tmp_path / "site", await store.school(), store, policy=policy)
    gate, _ = site.record("gate")
    yard, _ = site.record("yard")
    async with site.replicator() as role:
        await role.hear(recorded(gate, yard))
        await role.turn("store")
        assert {o.camera for e in only(await role.said(), ObjectsStored) for o in e.objects} == copied
        await role.hear(kept(hold(yard)))
        await role.turn("store", "protect")
    assert {key.split("/")[0] for key, _ in store.versions(site.school)} == copied | {"yard"}


async def test_a_wider_policy_copies_what_a_narrower_one_left_out(store: Store, tmp_path: Path) -> None:
    site = Site(tmp_path / "site", await store.school(), store, policy="held")
    segment, _ = site.record()
    async with site.replicator() as role:
        await role.hear(recorded(segment))
    site.toml.write_text(site.toml.read_text().replace('"held"', '"everything"'))
    async with site.replicator() as role:
        await role.turn("store")
        assert len(only(await role.said(), ObjectsStored)) == 1


async def test_a_legal_hold_that_was_not_seen_to_be_set_keeps_no_copy_for_ever(
    site: Site, store: Store
) -> None:
    old, _ = site.record(start=NOW - timedelta(days=40))
    async with site.replicator() as role:
        one = await store_one(role, old)
        client = S3(store.settings(f"site-{site.school}"))
        await client.legal_hold(one.bucket, one.key, one.object_version, on=True)
        client.close()
        await role.hear(erased(old))
        await role.turn("erase")
        site.clock.ahead = timedelta(hours=2)
        await role.turn("erase")
    assert store.versions(site.school) == []


async def test_a_rest_that_began_by_a_clock_far_ahead_does_not_last(site: Site, store: Store) -> None:
    segment, _ = site.record()
    async with site.replicator() as role:
        site.clock.ahead = timedelta(days=400)
        await store.server.stop()
        await role.hear(recorded(segment))
        await role.turn("store")
        await store.server.start()
        site.clock.ahead = timedelta(0)
        await role.turn("store")
        assert only(await role.said(), ObjectsStored)


async def test_no_clock_of_its_own_ends_a_hold(site: Site, store: Store) -> None:
    old, _ = site.record(start=NOW - timedelta(days=40))
    async with site.replicator() as role:
        await store_one(role, old)
        await role.hear(lost(old))
        site.clock.ahead = timedelta(days=400)
        await role.hear(kept(hold(old)))
        await role.turn("retire", "erase")
        assert len(store.versions(site.school)) == 1
        await role.hear(kept())
        await role.turn("retire", "erase")
    assert store.versions(site.school) == []


async def test_a_longer_period_lengthens_locks_and_a_shorter_one_does_not(site: Site, store: Store) -> None:
    segment, _ = site.record()
    async with site.replicator() as role:
        one = await store_one(role, segment)
        assert one.locked_until is not None
        client = S3(store.settings(f"site-{site.school}"))
        place = (one.bucket, one.key, one.object_version)
        for days, until in (
            (31, one.locked_until + timedelta(days=1)),
            (7, one.locked_until + timedelta(days=1)),
        ):
            await role.hear(plan("gate", days=days))
            await role.turn("protect")
            assert await client.locked_until(*place) == until
        client.close()


async def test_a_locked_copy_waits_for_the_end_of_its_lock(site: Site, store: Store) -> None:
    segment, _ = site.record()
    async with site.replicator() as role:
        await store_one(role, segment)
        await role.hear(erased(segment))
        await role.turn("erase")
        assert only(await role.said(), ObjectsErased) == []
        site.clock.ahead = timedelta(days=40)  # ours is ahead of the store's: it still refuses
        await role.turn("erase", "erase", "backlog")
        said = await role.said()
    assert only(said, ObjectsErased) == []
    assert "locked" in only(said, BacklogMeasured)[0].failing
    assert len(store.versions(site.school)) == 1


@pytest.mark.parametrize("crash", ["before the record", "after a doubt"])
async def test_a_put_that_was_not_seen_to_end_is_not_repeated(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    segment, _ = site.record()

    class Killed(BaseException):
        """What no handler catches."""

    async with site.replicator() as role:
        await role.hear(recorded(segment))
        with monkeypatch.context() as patch:
            patch.setattr(ReplicatorStore, "add_copies", lambda *_: (_ for _ in ()).throw(Killed()))
            with pytest.raises(Killed):
                await role.turn("store")
        if crash == "after a doubt":
            await role.turn("store")
    async with site.replicator() as role:
        await role.turn("store")
        said = await role.said()
    assert len(only(said, ObjectsStored)) == 1
    assert len(store.versions(site.school)) == 1


async def test_a_lost_state_file_is_rebuilt_without_new_copies(site: Site, store: Store) -> None:
    segment, _ = site.record()
    gone, _ = site.record("yard", NOW - timedelta(days=40))
    async with site.replicator() as role:
        await store_one(role, segment)
        await store_one(role, gone)
    for file in site.settings.state_dir.iterdir():
        file.unlink()
    async with site.replicator() as role:
        await role.hear(erased(gone))
        await role.hear(recorded(segment, gone))
        await role.turn("store", "erase")
        said = await role.said()
    assert [o.segment for e in only(said, ObjectsStored) for o in e.objects] == [segment.id]
    assert [o.segment for e in only(said, ObjectsErased) for o in e.objects] == [gone.id]
    assert len(store.versions(site.school)) == 1


async def test_surplus_versions_are_erased(site: Site, store: Store) -> None:
    old, body = site.record(start=NOW - timedelta(days=40))
    key = f"gate/{old.start:%Y-%m-%d}/{old.id}.mp4"
    client = S3(store.settings(f"site-{site.school}"))
    for _ in range(3):
        await client.put_bytes(f"rw-footage-{site.school}", key, body)
    client.close()
    async with site.replicator() as role:
        one = await store_one(role, old)
        await role.turn("erase")
    assert store.versions(site.school) == [(key, one.object_version)]


async def test_a_store_that_is_down_is_waited_for(site: Site, store: Store) -> None:
    """Ten copies that fail side by side are one outage: the rest after it is a short one."""
    segments = [site.record(start=NOW - timedelta(minutes=n))[0] for n in range(10)]
    async with site.replicator() as role:
        await store.server.kill()
        await role.hear(recorded(*segments))
        await role.turn("store", "backlog")
        (backlog,) = only(await role.said(), BacklogMeasured)
        assert backlog.segments == 10
        assert backlog.oldest == min(one.start for one in segments)
        assert "S3" in backlog.failing
        await store.server.start()
        site.clock.ahead += timedelta(seconds=3)
        await role.turn("store", "backlog")
        said = await role.said()
    assert sum(len(e.objects) for e in only(said, ObjectsStored)) == 10
    assert (only(said, BacklogMeasured)[0].segments, only(said, BacklogMeasured)[0].failing) == (0, "")
    assert len(store.versions(site.school)) == 10


async def test_one_bad_file_costs_the_others_nothing_and_is_written_up(site: Site) -> None:
    good, _ = site.record(start=NOW - timedelta(minutes=1))
    vanished, _ = site.record(start=NOW - timedelta(minutes=2))
    altered, _ = site.record(start=NOW - timedelta(minutes=3))
    outside, _ = site.record(start=NOW - timedelta(minutes=4))
    odd, _ = site.record(name="frigate/空 格\n换行.mp4", start=NOW - timedelta(minutes=5))
    (site.storage / vanished.locator).unlink()
    (site.storage / altered.locator).write_bytes(b"x" * altered.size)
    link = site.storage / outside.locator
    link.unlink()
    link.symlink_to(site.toml)
    async with site.replicator() as role:
        await role.hear(recorded(good, vanished, altered, outside, odd))
        await role.turn("store", "store", "record", "backlog")
        said = await role.said()
        assert {o.segment for e in only(said, ObjectsStored) for o in e.objects} == {good.id, odd.id}
        (run,) = only(said, RunRecorded)
        told = "\n".join(run.exceptions)
        assert "not there" in told
        assert "changed since it was hashed" in told
        assert "leads out of the storage" in told
        assert "3 files could not be copied" in only(said, BacklogMeasured)[0].failing
        # moved, and found again
        moved = vanished.locator.replace("gate", "moved")
        (site.storage / moved).parent.mkdir(parents=True)
        (site.storage / moved).write_bytes((site.storage / good.locator).read_bytes())
        await role.hear(SegmentMoved(segment=good.id, camera="gate", locator=moved, was=good.locator))


async def test_a_lost_segment_comes_back_with_its_time(site: Site) -> None:
    segment, body = site.record(start=NOW - timedelta(days=3))
    path = site.storage / segment.locator
    async with site.replicator() as role:
        one = await store_one(role, segment)
        path.unlink()
        path.parent.rmdir()
        await role.hear(lost(segment))
        await role.hear(restore(one))
        await role.turn("restore")
        (told,) = only(await role.said(), ObjectRestored)
        assert (told.locator, told.digest) == (segment.locator, segment.digest)
        assert path.read_bytes() == body
        assert path.stat().st_mtime == segment.file_time.timestamp()
        assert list((site.storage / ".reelwarden" / "restore").iterdir()) == []
        await role.hear(restore(one))
        await role.turn("restore")
        assert len(only(await role.said(), ObjectRestored)) == 1  # there already: said again, nothing done


async def test_a_restore_works_from_what_the_object_says_of_itself(site: Site) -> None:
    segment, body = site.record(name="frigate/校门 口.mp4")
    async with site.replicator() as role:
        one = await store_one(role, segment)
    for file in site.settings.state_dir.iterdir():
        file.unlink()
    (site.storage / segment.locator).unlink()
    async with site.replicator() as role:
        await role.hear(restore(one))
        await role.turn("restore")
        (told,) = only(await role.said(), ObjectRestored)
    assert (told.camera, told.locator) == ("gate", segment.locator)
    assert (site.storage / segment.locator).read_bytes() == body


async def test_a_restore_never_overwrites_nor_leaves_the_storage(site: Site, tmp_path: Path) -> None:
    taken, _ = site.record(start=NOW - timedelta(minutes=1))
    escaped, _ = site.record(start=NOW - timedelta(days=2))
    wrong, _ = site.record(start=NOW - timedelta(days=3))
    async with site.replicator() as role:
        copies = [await store_one(role, one) for one in (taken, escaped, wrong)]
        (site.storage / taken.locator).write_bytes(b"something else")
        folder = (site.storage / escaped.locator).parent
        (site.storage / escaped.locator).unlink()
        folder.rmdir()
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
        (site.storage / wrong.locator).unlink()
        for one in copies[:2]:
            await role.hear(restore(one))
        await role.hear(restore(copies[2]).model_copy(update={"digest": "0" * 64}))
        await role.turn("restore")
        failed = {event.segment: event.reason for event in only(await role.said(), RestoreFailed)}
    assert failed == {taken.id: "occupied", escaped.id: "outside-storage", wrong.id: "corrupt"}
    assert (site.storage / taken.locator).read_bytes() == b"something else"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (site.storage / wrong.locator).exists()


async def test_a_bad_copy_is_stored_again_and_goes_afterwards(site: Site, store: Store) -> None:
    segment, _ = site.record(start=NOW - timedelta(days=40))
    async with site.replicator() as role:
        bad = await store_one(role, segment)
        await role.hear(
            VerificationRequested(segment=segment.id, reason="differs", object_version=bad.object_version)
        )
        await role.turn("store", "erase")
        said = await role.said()
    (good,) = only(said, ObjectsStored)[0].objects
    assert good.object_version != bad.object_version
    assert only(said, ObjectsErased)[0].objects[0].object_version == bad.object_version
    assert store.versions(site.school) == [(good.key, good.object_version)]


async def test_copies_whose_recorder_erases_go_by_themselves_once_due(store: Store, tmp_path: Path) -> None:
    site = Site(tmp_path / "site", await store.school(), store, unmanaged=True)
    due, _ = site.record(start=NOW - timedelta(days=40))
    held, _ = site.record("yard", start=NOW - timedelta(days=40))
    fresh, _ = site.record(start=NOW - timedelta(minutes=1))
    async with site.replicator() as role:
        for one in (due, held, fresh):
            await store_one(role, one)
        await role.turn("retire", "erase")
        assert only(await role.said(), ObjectsErased) == []  # no word on holds yet
        await role.hear(kept(hold(held)))
        await role.turn("protect", "retire", "erase")
        (told,) = only(await role.said(), ObjectsErased)
    assert [one.segment for one in told.objects] == [due.id]
    assert len(store.versions(site.school)) == 2


async def test_a_backup_record_that_was_begun_is_finished_after_a_crash(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment, _ = site.record()

    class Killed(BaseException):
        """What no handler catches."""

    async with site.replicator() as role:
        await store_one(role, segment)
        with monkeypatch.context() as patch:
            patch.setattr(ReplicatorStore, "tell_run", lambda *_: (_ for _ in ()).throw(Killed()))
            with pytest.raises(Killed):
                await role.turn("record")
    async with site.replicator() as role:
        await role.turn("record", "record")
        (run,) = only(await role.said(), RunRecorded)
    (manifest,) = {hashlib.sha256(text).hexdigest() for text in store.manifests(site.school)}
    assert run.objects == 1
    assert manifest


async def test_what_is_lost_before_it_was_copied_is_written_up(site: Site) -> None:
    segment, _ = site.record()
    (site.storage / segment.locator).unlink()
    async with site.replicator() as role:
        await role.hear(recorded(segment))
        await role.hear(lost(segment))
        await role.turn("store", "record", "backlog")
        said = await role.said()
    assert "vanished before it was copied" in only(said, RunRecorded)[0].exceptions[0]
    assert only(said, BacklogMeasured)[0].segments == 0
