"""Copies are read back and brought back within set times, and it is told where they are not (R4.1)."""

import secrets
from datetime import timedelta

import pytest

from reelwarden_backup.district.ledger import verifying
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.events.backup import (
    DrillCompleted,
    ObjectCorrupt,
    ObjectsErased,
    ObjectsStored,
    ObjectVerified,
    ReadingsMeasured,
    VerificationRequested,
)
from reelwarden_local.damage import damage_object
from tests.backup.test_ledger import NOW, put, rows
from tests.support.backup import Clock, Store, Turned, ledger, only
from tests.support.video import clip

DAY = timedelta(days=1)


async def test_each_copy_is_read_again_before_its_time_is_over(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock
) -> None:
    objects = tuple([await put(store, school, secrets.token_bytes(100)) for _ in range(70)])
    await role.hear(ObjectsStored(objects=objects))
    await role.turn("verify")
    await role.said()
    clock.ahead = timedelta(days=26)
    await role.turn("again", "measure")
    said = await role.said()
    assert only(said, ObjectVerified) == []
    assert [(e.unread, e.overdue, e.oldest) for e in only(said, ReadingsMeasured)] == [(0, 0, None)]
    clock.ahead = timedelta(days=28)
    await role.turn("again", "measure")
    said = await role.said()
    assert {one for event in only(said, ObjectVerified) for one in event.objects} == {
        one.segment for one in objects
    }
    assert only(said, ReadingsMeasured)[0].overdue == 0


async def test_what_is_not_read_in_time_is_told_per_school_and_once(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock, database: str
) -> None:
    other = await store.school()
    await role.hear(ObjectsStored(objects=(await put(store, school), await put(store, school))))
    await role.turn("verify")
    role.school = other
    await role.hear(ObjectsStored(objects=(await put(store, other),)))
    clock.ahead = timedelta(days=31)
    await role.said()
    await role.turn("measure")
    async with ledger(database, store, clock) as replica:
        replica.school = school
        await replica.turn("measure")
    told = only(await role.said(), ReadingsMeasured)
    found = {(one.unread, one.overdue) for one in told}
    assert found == {(0, 2), (1, 0)}
    assert {one.again_days for one in told} == {30}
    assert max(one.oldest for one in told if one.oldest) < NOW + timedelta(hours=1)
    await role.turn("verify", "again", "measure")
    clock.ahead += timedelta(minutes=11)
    await role.turn("measure")
    assert {(one.unread, one.overdue) for one in only(await role.said(), ReadingsMeasured)[-2:]} == {(0, 0)}


async def test_a_drill_that_meets_a_damaged_copy_has_it_stored_again(
    role: Turned[LedgerStore], store: Store, school: str, database: str
) -> None:
    bodies = [clip(), clip() + b"another"]
    good, bad = [await put(store, school, body) for body in bodies]
    await role.hear(ObjectsStored(objects=(good, bad)))
    await role.turn("verify")
    await role.said()
    damage_object(store.server, bodies[1])
    await role.turn("drill", "verify")
    said = await role.said()
    (drill,) = only(said, DrillCompleted)
    assert (drill.sampled, drill.restored, drill.failures) == (2, 1, (bad.segment,))
    assert only(said, ObjectCorrupt)[0].segment == bad.segment
    assert only(said, VerificationRequested)[0].object_version == bad.object_version
    assert only(said, ObjectVerified) == []
    assert await rows(database, "select school, restored from drills") == [(school, 1)]


async def test_each_school_has_its_drill_and_none_twice(
    role: Turned[LedgerStore], store: Store, school: str, clock: Clock, database: str
) -> None:
    other = await store.school()
    for one in (school, other):
        role.school = one
        await role.hear(ObjectsStored(objects=tuple([await put(store, one, clip()) for _ in range(7)])))
    await role.turn("verify", "drill", "drill")
    told = only(await role.said(), DrillCompleted)
    assert [(one.sampled, one.restored) for one in told] == [(5, 5), (5, 5)]
    assert await rows(database, "select school from drills order by 1") == [(school,), (other,)]
    clock.ahead = timedelta(days=8)
    await role.turn("drill")
    assert len(only(await role.said(), DrillCompleted)) == 2


async def test_what_is_long_gone_is_forgotten_but_not_what_was_found_bad(
    role: Turned[LedgerStore],
    store: Store,
    school: str,
    clock: Clock,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifying, "FORGET", 2)
    body = secrets.token_bytes(5_000)
    erased = tuple([await put(store, school, secrets.token_bytes(50)) for _ in range(5)])
    kept, bad = await put(store, school), await put(store, school, body)
    await role.hear(ObjectsStored(objects=(*erased, kept, bad)))
    await role.turn("verify")
    damage_object(store.server, body)
    clock.ahead = 2 * DAY
    await role.turn("sample")
    await role.hear(ObjectsErased(objects=erased, erased_at=NOW + 2 * DAY))
    clock.ahead = 61 * DAY
    await role.turn("measure")
    assert len(await rows(database, "select 1 from objects")) == 7  # a late word of them must not revive them
    clock.ahead = 63 * DAY
    await role.turn("measure")
    left = await rows(database, "select segment, state from objects order by state")
    assert left == [(bad.segment, "corrupt"), (kept.segment, "verified")]
    assert await rows(database, "select outcome, segment from verifications") == [("corrupt", bad.segment)]
