"""The district's database is lost, the buckets are not: the ledger comes back from them alone."""

import asyncio
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from reelwarden_backup.district.ledger import bucket as bucket_module
from reelwarden_backup.district.ledger.bucket import Bucket, Rebuilt
from reelwarden_backup.district.ledger.rebuild import rebuild
from reelwarden_backup.district.ledger.settings import Settings
from reelwarden_backup.shapes import BadRecord, manifest, manifest_key, read_manifest
from reelwarden_common.events.backup import ObjectCorrupt, ObjectsStored, RunRecorded, StoredObject
from tests.backup.test_replicator import recorded
from tests.support.backup import Clock, Site, Store, ledger, make_schema, only

LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
FACTS = "school, segment, object_version, camera, start_at, end_at, digest, size, bucket, key, stored_at"


@pytest_asyncio.fixture(loop_scope="session")
async def database(fresh_database: str) -> str:
    return await make_schema(fresh_database)


async def rows(database: str, query: str) -> set[tuple[object, ...]]:
    connection = await asyncpg.connect(database, server_settings={"search_path": "backup"})
    try:
        return {tuple(row) for row in await connection.fetch(query)}
    finally:
        await connection.close()


@dataclass
class Told:
    """What a school told of its bucket before the district's database was lost."""

    stored: list[StoredObject]
    runs: list[RunRecorded]
    gone: StoredObject
    """Was erased on its day."""
    unlisted: StoredObject
    """Was stored after the last backup record."""
    missing: StoredObject
    """Was taken away under its lock, as no honest store allows."""

    @property
    def there(self) -> list[StoredObject]:
        return [one for one in self.stored if one != self.gone]


def put(store: Store, school: str, key: str, text: bytes) -> None:
    store.admin.put_object(f"rw-footage-{school}", key, io.BytesIO(text), len(text))


async def a_past(site: Site, store: Store) -> Told:
    """Two backup records, and what happened to the bucket since."""
    stored: list[StoredObject] = []
    runs: list[RunRecorded] = []
    async with site.replicator() as role:
        segments = [site.record()[0], site.record("yard")[0], site.record("gate", LONG_AGO)[0]]
        for part in (segments[:2], segments[2:]):
            await role.hear(recorded(*part))
            await role.turn("store", "store", "record")
            said = await role.said()
            stored += [one for event in only(said, ObjectsStored) for one in event.objects]
            runs += only(said, RunRecorded)
        last = site.record("yard", datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2))[0]
        await role.hear(recorded(last))
        await role.turn("store")
        unlisted = only(await role.said(), ObjectsStored)[0].objects[0]
    gone = next(one for one in stored if one.start == LONG_AGO)
    store.admin.remove_object(gone.bucket, gone.key, version_id=gone.object_version)
    missing = stored[0].model_copy(update={"segment": "ab" * 16, "object_version": "never-was"})
    key = manifest_key("forgotten", missing.start)
    run = runs[0].model_copy(update={"run": "forgotten", "objects": 1, "manifest": key})
    put(store, site.school, key, json.dumps(manifest(site.school, run, [missing])).encode())
    return Told([*stored, unlisted], [*runs, run], gone, unlisted, missing)


def settings(database: str) -> Settings:
    return Settings(database_url=SecretStr(database))


async def rebuilt(database: str, site: Site, store: Store) -> Rebuilt:
    (found,) = await rebuild([site.school], settings(database), store.settings("ledger"))
    return found


def facts(school: str, objects: list[StoredObject]) -> set[tuple[object, ...]]:
    return {
        (
            *(school, o.segment, o.object_version, o.camera, o.start, o.end, o.digest, o.size, o.bucket),
            *(o.key, o.stored_at),
        )
        for o in objects
    }


async def test_the_ledger_comes_back_from_the_bucket_alone(site: Site, store: Store, database: str) -> None:
    told = await a_past(site, store)
    found = await rebuilt(database, site, store)
    assert found == Rebuilt(site.school, records=3, copies=3, unlisted=1, gone=1, missing=1)
    known = await rows(database, f"SELECT {FACTS} FROM objects WHERE key <> '{told.unlisted.key}'")
    listed = [one for one in told.stored if one != told.unlisted]
    assert known == facts(site.school, [*listed, told.missing])
    assert await rows(database, "SELECT run, kind, objects, bytes FROM runs") == {
        (run.run, run.kind, run.objects, run.bytes) for run in told.runs
    }
    states = await rows(database, "SELECT segment, object_version, state FROM objects")
    assert states == {
        (one.segment, one.object_version, "erased" if one == told.gone else "unverified")
        for one in [*told.stored, told.missing]
    }
    unlisted = await rows(
        database,
        "SELECT camera, start_at, end_at, digest, size, locked_until, object_version FROM objects"
        f" WHERE key = '{told.unlisted.key}'",
    )
    last = told.unlisted
    assert unlisted == {
        (last.camera, last.start, last.end, last.digest, last.size, last.locked_until, last.object_version)
    }


async def test_what_came_back_counts_once_it_was_read(site: Site, store: Store, database: str) -> None:
    told = await a_past(site, store)
    await rebuilt(database, site, store)
    clock = Clock()
    async with ledger(database, store, clock) as role:
        for _ in range(3):
            await role.turn("verify")
            clock.ahead += timedelta(minutes=1)
        corrupt = only(await role.said(), ObjectCorrupt)
    assert [(one.segment, one.reason) for one in corrupt] == [(told.missing.segment, "missing")]
    verified = await rows(database, "SELECT segment FROM objects WHERE state = 'verified'")
    assert verified == {(one.segment,) for one in told.there}


async def test_again_changes_nothing(site: Site, store: Store, database: str) -> None:
    await a_past(site, store)
    await rebuilt(database, site, store)
    before = await rows(database, "SELECT segment, object_version, state, check_after FROM objects")
    again = await rebuilt(database, site, store)
    assert (again.unlisted, again.gone, again.missing) == (0, 0, 0)
    assert await rows(database, "SELECT segment, object_version, state, check_after FROM objects") == before


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("step", range(8))
async def test_broken_off_anywhere_it_says_nothing_wrong_and_can_be_begun_again(
    site: Site, store: Store, database: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await a_past(site, store)
    with monkeypatch.context() as patched:
        patched.setattr(bucket_module, "Bucket", _killed_at(step))
        patched.setattr("reelwarden_backup.district.ledger.rebuild.Bucket", _killed_at(step))
        with pytest.raises(Killed):
            await rebuilt(database, site, store)
    async with ledger(database, store, Clock()) as role:
        await role.turn("verify")
    states = await rows(database, "SELECT segment, state FROM objects WHERE state <> 'unverified'")
    assert states <= {(one.segment, "verified") for one in told.there}
    found = await rebuilt(database, site, store)
    assert (found.gone, found.missing, found.copies) == (1, 1, 3)
    segments = await rows(database, "SELECT segment FROM objects WHERE state <> 'erased'")
    assert segments == {(one.segment,) for one in [*told.there, told.missing]}


def _killed_at(step: int) -> Callable[..., Bucket]:
    """A bucket whose reading ends with the step of this number: the last comes before the verdicts."""

    class Mortal(Bucket):
        left = step

        def _die(self) -> None:
            if self.left == 0:
                raise Killed
            self.left -= 1

        async def _read_records(self, day: str) -> None:
            self._die()
            await super()._read_records(day)
            self._die()

        async def _look_at(self, day: str) -> None:
            self._die()
            await super()._look_at(day)
            self._die()

        async def rebuild(self) -> Rebuilt:
            await super().rebuild()
            raise AssertionError("it was not killed")

    return Mortal


async def test_rubbish_in_the_bucket_is_named_and_costs_nothing_else(
    site: Site, store: Store, database: str
) -> None:
    told = await a_past(site, store)
    foreign = manifest("s999", told.runs[0], [told.missing])
    for name, text in {
        "_runs/2026-01-01/a.json": b"not json",
        "_runs/2026-01-01/b.json": b"[]",
        "_runs/2026-01-01/c.json": json.dumps(foreign).encode(),
        "gate/2026-01-01/somebody.mp4": b"words",
    }.items():
        await asyncio.to_thread(put, store, site.school, name, text)
    found = await rebuilt(database, site, store)
    assert (found.records, found.unlisted) == (3, 1)
    places = [
        "a.json: no backup",
        "b.json: no backup",
        "c.json: a backup record of s999",
        "nothing is written",
    ]
    assert all(said in problem for said, problem in zip(places, found.problems, strict=True))


async def test_what_somebody_hid_by_deleting_is_found(site: Site, store: Store, database: str) -> None:
    """A delete without a version, as of `aws s3 rm --recursive`, takes nothing away that is under lock."""
    told = await a_past(site, store)
    bucket = f"rw-footage-{site.school}"
    for one in list(store.admin.list_objects(bucket, recursive=True)):
        store.admin.remove_object(bucket, one.object_name or "")
    assert list(store.admin.list_objects(bucket, recursive=True)) == []
    found = await rebuilt(database, site, store)
    assert (found.records, found.copies, found.gone, found.missing) == (3, 3, 1, 1)
    segments = await rows(database, "SELECT segment FROM objects WHERE state <> 'erased'")
    assert segments == {(one.segment,) for one in [*told.there, told.missing]}


async def test_a_record_overwritten_later_does_not_count(site: Site, store: Store, database: str) -> None:
    told = await a_past(site, store)
    await asyncio.to_thread(put, store, site.school, told.runs[0].manifest, b"{}")
    found = await rebuilt(database, site, store)
    assert (found.records, found.problems) == (3, [])


def test_a_record_of_another_bucket_is_refused() -> None:
    with pytest.raises(BadRecord):
        read_manifest("s001", "rw-footage-s001", b'{"school": "s001"}')


async def test_as_a_command(site: Site, store: Store, database: str) -> None:
    await a_past(site, store)
    s3 = store.settings("ledger")
    environment = {
        **os.environ,
        "RW_DATABASE_URL": database,
        "RW_DISTRICT_TOML": str(site.toml),
        "RW_S3_ENDPOINT": s3.endpoint,
        "RW_S3_ACCESS_KEY": s3.access_key,
        "RW_S3_SECRET_KEY": s3.secret_key.get_secret_value(),
    }

    async def run(*arguments: str, **changed: str) -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reelwarden_backup.district.ledger.rebuild", *arguments),
            env=environment | changed,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    code, out, _ = await run("--json")
    (found,) = json.loads(out)
    expected: dict[str, Any] = {"school": site.school, "records": 3, "copies": 3, "missing": 1}
    assert expected.items() <= found.items()
    assert code == 1, "something is missing under lock"
    code, _, err = await run("s999")
    assert (code, "has no school 's999'" in err) == (2, True)
    code, _, err = await run(RW_S3_SECRET_KEY="wrong")
    assert (code, "Traceback" in err) == (2, False)
