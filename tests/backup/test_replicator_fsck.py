"""The replicator's checks on a real store: each damage at its depth, work that goes on is none."""

import asyncio
import hashlib
import io
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from reelwarden_backup.shapes import segment_of
from reelwarden_backup.site.replicator import app as replicator_app
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.events.backup import ObjectsStored, StoredObject
from reelwarden_common.events.fsck import Depth, FsckQuery, RepairTask
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.fsck import Fsck
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import FSCK
from reelwarden_common.s3 import StoreAway
from reelwarden_common.settings import S3Settings
from reelwarden_local.damage import damage_object
from tests.backup.test_replicator import recorded
from tests.support.backup import Site, Store, Turned, only
from tests.support.fsck import check, kinds_at

NOTHING: dict[Depth, list[str]] = {depth: [] for depth in Depth}
LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def of(role: Turned[Any]) -> Fsck:
    """The checks of a role, as operators reach them."""
    (answer,) = (one for one in role.role.answers if one.question == FSCK)
    assert isinstance(answer, Answer)
    found = answer.reply.__self__  # type: ignore[attr-defined]
    assert isinstance(found, Fsck)
    return found


async def stored(site: Site, role: Turned[ReplicatorStore], count: int = 6) -> list[StoredObject]:
    """So many segments recorded and copied, the first so old that nothing locks it; in order."""
    starts = [LONG_AGO, *(START + timedelta(minutes=n) for n in range(1, count))]
    segments = [site.record(start=start)[0] for start in starts]
    await role.hear(recorded(*segments))
    await role.turn("store")
    copies = {one.segment: one for event in only(await role.said(), ObjectsStored) for one in event.objects}
    return [copies[one.id] for one in segments]


def tables(site: Site, statement: str, *values: object) -> None:
    """Change the replicator's tables behind its back."""
    with closing(sqlite3.connect(site.settings.state_dir / "replicator.sqlite")) as conn:
        assert conn.execute(statement, values).rowcount == 1
        conn.commit()


def take_away(store: Store, one: StoredObject) -> None:
    store.admin.remove_object(one.bucket, one.key, version_id=one.object_version)


def stray(site: Site, store: Store) -> None:
    body = secrets.token_bytes(100)
    key = f"gate/{START:%Y-%m-%d}/{hashlib.sha256(body).hexdigest()[:32]}.mp4"
    store.admin.put_object(f"rw-footage-{site.school}", key, io.BytesIO(body), len(body))


async def test_a_bucket_as_told_has_no_difference_and_is_read_whole(site: Site) -> None:
    async with site.replicator() as role:
        copies = await stored(site, role)
        assert await kinds_at(of(role)) == NOTHING
        found = await check(of(role), Depth.DIGEST)
        assert found.bytes_read == sum(one.size for one in copies)
        day = found.days[1]
        assert (day.camera, day.day, day.count) == ("gate", f"{START:%Y-%m-%d}", len(copies) - 1)
        assert day.digest == digest_of(f"{one.segment}/{one.object_version}" for one in copies[1:])


async def test_each_damage_is_seen_at_its_depth_and_at_none_above(site: Site, store: Store) -> None:
    async with site.replicator() as role:
        copies = await stored(site, role)
        held = next(one for one in copies if one == copies[4])
        tables(site, "UPDATE segments SET held = 1 WHERE id = ?", held.segment)
        tables(site, "UPDATE copies SET todo = 'protect' WHERE segment = ?", held.segment)
        await role.turn("protect")
        assert await kinds_at(of(role)) == NOTHING
        take_away(store, copies[0])
        stray(site, store)
        tables(site, "UPDATE segments SET size = size + 1 WHERE id = ?", copies[1].segment)
        tables(site, "UPDATE segments SET due_us = due_us + 864000000000 WHERE id = ?", copies[2].segment)
        body = store.admin.get_object(*place(copies[3])).read()
        await asyncio.to_thread(damage_object, store.server, body)
        store.admin.disable_object_legal_hold(held.bucket, held.key, version_id=held.object_version)
        tables(site, "DELETE FROM copies WHERE segment = ?", copies[5].segment)
        base = ["copy-missing", "copy-unknown", "copy-unknown", "not-copied"]
        sizes = sorted([*base, "copy-size-differs", "hold-missing", "lock-short"])
        assert await kinds_at(of(role)) == {
            Depth.PRESENCE: base,
            Depth.SIZE: sizes,
            Depth.DIGEST: sorted([*sizes, "copy-digest-differs"]),
        }
        whole, parts = await check(of(role), Depth.DIGEST), await check(of(role), Depth.DIGEST, seconds=1e-9)
        assert parts.pages > 6 > whole.pages
        assert (parts.items, parts.days) == (whole.items, whole.days)


async def test_what_can_be_mended_is_and_altered_footage_is_never_stored(site: Site, store: Store) -> None:
    async with site.replicator() as role:
        copies = await stored(site, role)
        altered = site.record(start=LONG_AGO + timedelta(hours=1))[0]
        await role.hear(recorded(altered))
        await role.turn("store")
        (bad,) = only(await role.said(), ObjectsStored)[-1].objects
        for one in (copies[0], bad):
            take_away(store, one)
        (site.storage / altered.locator).write_bytes(b"something else")
        tables(site, "UPDATE segments SET due_us = due_us + 864000000000 WHERE id = ?", copies[2].segment)
        found = await check(of(role), Depth.SIZE)
        assert found.kinds == ["copy-missing", "copy-missing", "lock-short"]
        answer = await of(role).repair(RepairTask(items=found.items))
        assert {segment_of(one.item.partition("#")[0]): (one.done, one.what) for one in answer.repairs} == {
            copies[0].segment: (True, "is-copied-again"),
            bad.segment: (False, "altered-at-its-place"),
            copies[2].segment: (True, "is-protected-again"),
        }
        await role.turn("store", "protect", "erase")
        left = await check(of(role), Depth.DIGEST)
        assert [(one.kind, one.item) for one in left.differences] == [
            ("copy-missing", f"copies:{bad.key}#{bad.object_version}")
        ]
        assert sorted(key for key, _ in store.versions(site.school)) == sorted(one.key for one in copies)


async def test_work_that_goes_on_is_no_difference(site: Site, store: Store) -> None:
    """A put that was not seen to end; a copy that is about to go."""
    async with site.replicator() as role:
        copies = await stored(site, role)
        coming = site.record(start=START + timedelta(hours=1))[0]
        await role.hear(recorded(coming))
        async with role.role.units.begin() as tables_now:
            tables_now.copies.to_store(1)
        key = f"gate/{START:%Y-%m-%d}/{coming.id}.mp4"
        store.admin.put_object(f"rw-footage-{site.school}", key, io.BytesIO(b"x"), 1)
        tables(site, "UPDATE copies SET todo = 'erase' WHERE segment = ?", copies[0].segment)
        take_away(store, copies[0])
        assert await kinds_at(of(role)) == NOTHING


async def test_a_store_that_is_away_is_said_and_no_loss(site: Site) -> None:
    async with site.replicator() as role:
        await stored(site, role, 2)
        settings = S3Settings(endpoint="127.0.0.1:9", access_key="x", secret_key=SecretStr("x"))
        async with replicator_app.build(site.settings, settings, site.clock) as cut_off:
            with pytest.raises(StoreAway):
                await of(Turned(cut_off, site.school)).look(FsckQuery())


def place(one: StoredObject) -> tuple[str, str]:
    return one.bucket, one.key
