"""The ledger on a real store and database: only what was read back counts."""

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from reelwarden_backup.district.ledger.domain import CLAIM, Object, Outcome, Reading, Seen, judge
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.db import drift
from reelwarden_common.errors import Early, Refused
from reelwarden_common.events.access import RestoreAsked
from reelwarden_common.events.backup import (
    BacklogMeasured,
    DrillCompleted,
    ObjectCorrupt,
    ObjectRestored,
    ObjectsErased,
    ObjectsStored,
    ObjectVerified,
    RestoreFailed,
    RestoreRequested,
    RunRecorded,
    StoredObject,
    VerificationRequested,
)
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import LostSegment, SegmentsLost
from reelwarden_common.s3 import StoreAway
from reelwarden_local.damage import damage_object
from tests.support.backup import Clock, Store, Turned, ledger, only
from tests.support.video import clip

NOW = datetime.now(UTC).replace(microsecond=0)


async def put(store: Store, school: str, body: bytes | None = None) -> StoredObject:
    return await asyncio.to_thread(store.put, school, body or secrets.token_bytes(20_000))


async def test_the_migrations_make_the_schema(fresh_database: str) -> None:
    admin = await asyncpg.connect(fresh_database)
    try:
        assert await drift(admin, "backup") == []
    finally:
        await admin.close()


async def rows(database: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(database, server_settings={"search_path": "backup"})
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_what_was_read_back_and_is_right_counts(
    role: Turned[LedgerStore], store: Store, school: str, database: str
) -> None:
    objects = tuple([await put(store, school) for _ in range(5)])
    await role.hear(ObjectsStored(objects=objects))
    assert await rows(database, "select distinct state from objects") == [("unverified",)]
    await role.turn("verify", "verify")
    (told,) = only(await role.said(), ObjectVerified)
    assert set(told.objects) == {one.segment for one in objects}
    assert told.bytes == 100_000
    assert await rows(database, "select state, count(*) from objects group by 1") == [("verified", 5)]
    assert await rows(database, "select outcome, count(*) from verifications group by 1") == [("verified", 5)]


async def test_silent_rot_is_found_and_another_copy_asked_for(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock, database: str
) -> None:
    body = secrets.token_bytes(20_000)
    good, bad = await put(store, school), await put(store, school, body)
    await role.hear(ObjectsStored(objects=(good, bad)))
    await role.turn("verify")
    await role.said()
    damage_object(store.server, body)
    await role.turn("sample")
    assert await role.said() == []  # read back just now: not its turn yet
    clock.ahead = timedelta(days=1, minutes=1)
    await role.turn("sample")
    said = await role.said()
    (corrupt,) = only(said, ObjectCorrupt)
    assert (corrupt.segment, corrupt.expected, corrupt.reason) == (bad.segment, bad.digest, "differs")
    assert corrupt.found not in (None, bad.digest)
    (again,) = only(said, VerificationRequested)
    assert (again.segment, again.object_version) == (bad.segment, bad.object_version)
    assert only(said, ObjectVerified)[0].objects == (good.segment,)
    with pytest.raises(Refused, match="no good copy"):
        await role.hear(RestoreAsked(segment=bad.segment, actor="a-1"))
    assert await rows(database, "select state from objects where state <> 'verified'") == [("corrupt",)]


async def test_an_object_that_is_missing_under_lock_is_told_after_a_second_look(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock
) -> None:
    one = await put(store, school)
    gone = one.model_copy(update={"object_version": "0" * 32})
    await role.hear(ObjectsStored(objects=(gone,)))
    await role.turn("verify")
    assert await role.said() == []
    clock.ahead = timedelta(minutes=1)
    await role.turn("verify")
    (corrupt,) = only(await role.said(), ObjectCorrupt)
    assert (corrupt.reason, corrupt.found) == ("missing", None)


async def test_a_store_that_is_away_proves_nothing(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock, database: str
) -> None:
    one = await put(store, school)
    await role.hear(ObjectsStored(objects=(one,)))
    await store.server.kill()
    with pytest.raises(StoreAway):
        await role.turn("verify")
    assert await rows(database, "select state, tries, claimed_until from objects") == [
        ("unverified", 0, None)
    ]
    await store.server.start()
    clock.ahead = timedelta(minutes=1)
    await role.turn("verify")
    assert only(await role.said(), ObjectVerified)[0].objects == (one.segment,)


async def test_two_replicas_share_the_work_and_tell_it_once(
    database: str, store: Store, clock: Clock, school: str
) -> None:
    objects = tuple([await put(store, school, secrets.token_bytes(200)) for _ in range(100)])
    async with ledger(database, store, clock) as one, ledger(database, store, clock) as other:
        one.school = other.school = school
        event = ObjectsStored(objects=objects)
        await asyncio.gather(one.hear(event, "e1"), other.hear(event, "e1"))
        await asyncio.gather(one.turn("verify"), other.turn("verify"))
        said = [*await one.said(), *await other.said()]
        await asyncio.gather(one.turn("drill"), other.turn("drill"))
        drills = only([*await one.said(), *await other.said()], DrillCompleted)
    told = [segment for event in only(said, ObjectVerified) for segment in event.objects]
    assert sorted(told) == sorted(one.segment for one in objects)
    assert len(drills) == 1


async def test_a_replica_that_died_leaves_its_claim_to_another(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock
) -> None:
    one = await put(store, school)
    await role.hear(ObjectsStored(objects=(one,)))
    async with role.role.units.begin() as unit:
        assert len(await unit.claim_new(10)) == 1
    await role.turn("verify")
    assert await role.said() == []
    clock.ahead = CLAIM + timedelta(minutes=1)
    await role.turn("verify")
    assert only(await role.said(), ObjectVerified)[0].objects == (one.segment,)


async def test_erased_objects_are_not_looked_for(
    role: Turned[LedgerStore], store: Store, school: str, database: str
) -> None:
    one, late = await put(store, school), await put(store, school)
    await role.hear(ObjectsStored(objects=(one,)))
    await role.hear(ObjectsErased(objects=(one, late), erased_at=NOW))
    await role.hear(ObjectsStored(objects=(late,)))  # heard in the wrong order
    await role.turn("verify")
    assert await role.said() == []
    assert await rows(database, "select distinct state from objects") == [("erased",)]


async def test_a_lost_segment_is_restored_from_its_best_copy(
    role: Turned[LedgerStore], store: Store, school: str, database: str
) -> None:
    one = await put(store, school)
    with pytest.raises(Early):
        await role.hear(RestoreAsked(segment=one.segment, actor="a-1"))
    await role.hear(ObjectsStored(objects=(one,)))
    await role.turn("verify")
    newer = one.model_copy(update={"object_version": "unread", "stored_at": NOW + timedelta(hours=1)})
    await role.hear(ObjectsStored(objects=(newer,)))
    gone = LostSegment(
        id=one.segment, camera=one.camera, start=one.start, end=one.end, digest=one.digest, locator="x.mp4"
    )
    await role.hear(SegmentsLost(segments=(gone,), noticed_at=NOW))
    await role.said()
    await role.hear(RestoreAsked(segment=one.segment, actor="a-1"))
    (asked,) = only(await role.said(), RestoreRequested)
    assert (asked.object_version, asked.digest) == (one.object_version, one.digest)
    assert await rows(database, "select state, actor from lost") == [("requested", "a-1")]
    await role.hear(RestoreFailed(segment=one.segment, reason="corrupt", detail="wrong"))
    assert await rows(database, "select state, reason from lost") == [("failed", "corrupt")]
    assert ("verified",) not in await rows(database, "select state from objects")
    await role.hear(
        ObjectRestored(
            segment=one.segment, camera=one.camera, start=one.start, digest=one.digest, locator="x.mp4"
        )
    )
    assert await rows(database, "select state, reason from lost") == [("restored", None)]


async def test_a_drill_brings_footage_back_and_plays_it(
    role: Turned[LedgerStore], store: Store, school: str, database: str
) -> None:
    await role.turn("drill")
    assert await role.said() == []  # nothing to bring back yet
    plays = await put(store, school, clip())
    noise = await put(store, school)
    await role.hear(ObjectsStored(objects=(plays, noise)))
    await role.turn("verify")
    await role.said()
    await role.turn("drill", "drill")  # the second finds that none is due for a week
    (told,) = only(await role.said(), DrillCompleted)
    assert (told.sampled, told.restored, told.failures) == (2, 1, (noise.segment,))
    assert await rows(database, "select sampled, failures from drills") == [(2, [noise.segment])]


async def test_records_and_backlogs_are_kept(role: Turned[LedgerStore], school: str, database: str) -> None:
    run = RunRecorded(
        run="r1",
        started_at=NOW,
        ended_at=NOW,
        kind="full",
        spans=(CameraSpan(camera="gate", start=NOW, end=NOW),),
        objects=3,
        bytes=9,
        place=f"s3:rw-footage-{school}",
        exceptions=("gate: gone",),
        manifest="_runs/x.json",
    )
    await role.hear(run)
    await role.hear(run)
    assert await rows(database, "select run, objects, exceptions from runs") == [("r1", 3, ["gate: gone"])]
    for segments in (5, 0):
        await role.hear(BacklogMeasured(segments=segments, bytes=0, oldest=None))
    assert await rows(database, "select school, segments from backlogs") == [(school, 0)]


AN_OBJECT = Object(
    school="s001",
    segment="a",
    object_version="v",
    camera="gate",
    start=NOW,
    digest="d",
    size=1,
    bucket="b",
    key="k",
    locked_until=NOW + timedelta(days=1),
    tries=0,
)


@pytest.mark.parametrize(
    ("seen", "found", "changes", "outcome"),
    [
        (Seen.READ, "d", {}, Outcome.VERIFIED),
        (Seen.READ, "x", {}, Outcome.CORRUPT),
        (Seen.FAILED, None, {}, Outcome.AGAIN),
        (Seen.FAILED, None, {"tries": 1}, Outcome.UNREADABLE),
        (Seen.NOT_THERE, None, {}, Outcome.AGAIN),
        (Seen.NOT_THERE, None, {"tries": 1}, Outcome.MISSING),
        (Seen.NOT_THERE, None, {"tries": 9, "locked_until": NOW}, Outcome.AGAIN),
        (Seen.NOT_THERE, None, {"tries": 9, "locked_until": None}, Outcome.AGAIN),
    ],
)
def test_what_a_reading_says(
    seen: Seen, found: str | None, changes: dict[str, Any], outcome: Outcome
) -> None:
    verdict = judge(Reading(replace(AN_OBJECT, **changes), seen, found), NOW)
    assert verdict.outcome is outcome
    assert (verdict.again_at is not None) == (outcome is Outcome.AGAIN)
