"""The ledger's checks on a real store and database: its records against the bucket, and read-backs."""

import io
import json
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.events.backup import ObjectCorrupt, ObjectsStored, RunRecorded, StoredObject
from reelwarden_common.events.fsck import Depth, RepairTask
from tests.backup.test_replicator_fsck import of, stored, take_away
from tests.support.backup import Clock, Site, Store, Turned, ledger, make_schema, only
from tests.support.fsck import Checked, check, kinds_at

NOTHING: dict[Depth, list[str]] = {depth: [] for depth in Depth}


@pytest_asyncio.fixture(loop_scope="session")
async def database(fresh_database: str) -> str:
    return await make_schema(fresh_database)


@dataclass
class Told:
    """A school that told the ledger of its copies, and what it has of them by itself."""

    copies: list[StoredObject]
    run: RunRecorded
    own: Checked


async def told(site: Site, role: Turned[LedgerStore]) -> Told:
    """Copies and their backup record, all read back."""
    async with site.replicator() as replicator:
        copies = await stored(site, replicator)
        await replicator.turn("record")
        (run,) = only(await replicator.said(), RunRecorded)
        own = await check(of(replicator))
    role.school = site.school
    await role.hear(ObjectsStored(objects=tuple(copies)))
    await role.hear(run)
    await role.turn("verify")
    return Told(copies, run, own)


async def change(database: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(database, server_settings={"search_path": "backup"})
    try:
        assert await connection.execute(statement, *values) in ("UPDATE 1", "DELETE 1")
    finally:
        await connection.close()


async def test_a_ledger_as_told_has_no_difference_and_counts_as_the_school_does(
    site: Site, store: Store, database: str
) -> None:
    async with ledger(database, store, Clock()) as role:
        school = await told(site, role)
        assert await kinds_at(of(role), site.school) == NOTHING
        found = await check(of(role), Depth.DIGEST, site.school)
        assert found.days == school.own.days
        assert sum(day.count for day in found.days) == len(school.copies)


async def test_each_damage_is_seen_at_its_depth_and_at_none_above(
    site: Site, store: Store, database: str
) -> None:
    clock = Clock()
    async with ledger(database, store, clock) as role:
        school = await told(site, role)
        gone, larger, corrupt, unread, unknown, _ = school.copies
        take_away(store, gone)
        await change(database, "UPDATE objects SET size = size + 1 WHERE segment = $1", larger.segment)
        await change(database, "UPDATE objects SET state = 'corrupt' WHERE segment = $1", corrupt.segment)
        await change(database, "UPDATE objects SET state = 'unverified' WHERE segment = $1", unread.segment)
        await change(database, "DELETE FROM objects WHERE segment = $1", unknown.segment)
        clock.ahead = timedelta(days=2)
        base = ["copy-corrupt", "copy-missing", "copy-unknown", "not-read-back"]
        deeper = ["copy-corrupt", "copy-missing", "copy-size-differs", "copy-unknown", "not-read-back"]
        assert await kinds_at(of(role), site.school) == {
            Depth.PRESENCE: base,
            Depth.SIZE: deeper,
            Depth.DIGEST: sorted([*deeper, "record-names-unknown"]),
        }
        whole = await check(of(role), Depth.DIGEST, site.school)
        parts = await check(of(role), Depth.DIGEST, site.school, seconds=1e-9)
        assert parts.pages > 4
        assert (parts.items, parts.days) == (whole.items, whole.days)


@pytest.mark.parametrize(
    ("spoiled", "kind", "depth"),
    [("", "record-damaged", Depth.DIGEST), ("objects", "record-differs", Depth.DIGEST)],
)
async def test_a_backup_record_that_was_changed_in_the_bucket_is_found_by_reading_it(
    site: Site, store: Store, database: str, spoiled: str, kind: str, depth: Depth
) -> None:
    async with ledger(database, store, Clock()) as role:
        school = await told(site, role)
        (text,) = store.manifests(site.school)
        body = json.dumps(json.loads(text) | {spoiled: 99}).encode() if spoiled else b"not json"
        store.admin.put_object(f"rw-footage-{site.school}", school.run.manifest, io.BytesIO(body), len(body))
        found = await kinds_at(of(role), site.school)
        assert found == NOTHING | {depth: [kind]}


async def test_mending_takes_in_what_is_there_and_reads_what_is_doubted(
    site: Site, store: Store, database: str
) -> None:
    async with ledger(database, store, Clock()) as role:
        school = await told(site, role)
        other, unknown = school.copies[0], school.copies[4]
        await change(
            database,
            "UPDATE objects SET size = 1, digest = $2 WHERE segment = $1",
            *(other.segment, "ab" * 32),
        )
        await change(database, "DELETE FROM objects WHERE segment = $1", unknown.segment)
        await role.said()
        items = (await check(of(role), Depth.SIZE, site.school)).items
        answer = await of(role).repair(RepairTask(school=site.school, items=items))
        assert [(one.done, one.what) for one in answer.repairs] == [
            (True, "is-read-back"),
            (True, "is-taken-in"),
        ]
        await role.turn("verify", "verify")
        (told_bad,) = only(await role.said(), ObjectCorrupt)
        assert (told_bad.segment, told_bad.reason) == (other.segment, "differs")
        assert (await check(of(role), Depth.DIGEST, site.school)).kinds == ["copy-corrupt"]
