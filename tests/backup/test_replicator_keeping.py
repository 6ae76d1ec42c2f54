"""How copies are kept and let go: legal holds, locks, what hides a copy, and what nobody certifies."""

import asyncio
import io
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from minio.error import S3Error

from reelwarden_backup.site.replicator import storing, upkeep
from reelwarden_common.events.backup import ObjectsErased, ObjectsStored, StoredObject, VerificationRequested
from reelwarden_common.events.retention import Hold
from reelwarden_common.s3 import S3, NotAllowed
from tests.backup.test_replicator import erased, hold, kept, lost, plan, recorded, store_one
from tests.support.backup import Site, Store, only
from tests.support.ingest import until

NOW = datetime.now(UTC).replace(microsecond=0)
OLD = NOW - timedelta(days=40)


def has_legal_hold(store: Store, one: StoredObject) -> bool:
    try:
        return bool(store.admin.is_object_legal_hold_enabled(one.bucket, one.key, one.object_version))
    except S3Error as error:
        if error.code != "NoSuchObjectLegalHold":
            raise
        return False


async def test_held_copies_get_a_legal_hold_and_lose_it_only_with_the_original(
    site: Site, store: Store
) -> None:
    old, _ = site.record(start=NOW - timedelta(days=40))
    async with site.replicator() as role:
        await role.hear(kept(hold(old)))
        one = await store_one(role, old)
        assert one.locked_until is None  # its due time has passed
        await role.turn("protect")
        client = S3(store.settings(f"site-{site.school}"))
        with pytest.raises(NotAllowed):
            await client.erase(one.bucket, one.key, one.object_version)
        client.close()
        await role.hear(erased(old))
        await role.turn("erase")
        (told,) = only(await role.said(), ObjectsErased)
    assert told.objects[0].object_version == one.object_version
    assert store.versions(site.school) == []


async def test_a_hold_placed_later_holds_copies_and_its_release_lets_go(site: Site, store: Store) -> None:
    segment, _ = site.record(start=OLD)
    other, _ = site.record(start=NOW - timedelta(hours=1))
    async with site.replicator() as role:
        one = await store_one(role, segment)
        two = await store_one(role, other)
        assert not await asyncio.to_thread(has_legal_hold, store, one)
        await role.hear(kept(hold(segment)))
        await role.turn("protect")
        assert await asyncio.to_thread(has_legal_hold, store, one)
        assert not await asyncio.to_thread(has_legal_hold, store, two)
        await role.hear(kept())
        await role.turn("protect", "retire", "erase")
        assert not await asyncio.to_thread(has_legal_hold, store, one)
        assert len(store.versions(site.school)) == 2  # the original is still there: nobody certified it
        await role.hear(erased(segment))
        await role.turn("erase")
    assert store.versions(site.school) == [(two.key, two.object_version)]


async def test_footage_under_two_holds_stays_held_until_the_last_ends(site: Site, store: Store) -> None:
    segment, _ = site.record(start=OLD)
    second = hold(segment).model_copy(update={"id": "h-second"})
    async with site.replicator() as role:
        one = await store_one(role, segment)
        for holds in ((hold(segment), second), (second,)):
            await role.hear(kept(*holds))
            await role.turn("protect")
            assert await asyncio.to_thread(has_legal_hold, store, one)
        await role.hear(kept())
        await role.turn("protect")
        assert not await asyncio.to_thread(has_legal_hold, store, one)


@pytest.mark.parametrize("last", [True, False])
async def test_a_hold_that_changes_while_it_is_set_is_set_again(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch, *, last: bool
) -> None:
    """Between the choice and the store's answer another list of holds is heard."""
    segment, _ = site.record(start=OLD)
    lists: dict[bool, tuple[Hold, ...]] = {True: (hold(segment),), False: ()}
    async with site.replicator() as role:
        one = await store_one(role, segment)
        await role.hear(kept(*lists[not last]))
        if last:
            await role.hear(kept(*lists[last]))
            await role.turn("protect")
            await role.hear(kept(*lists[not last]))
        real = S3.legal_hold

        async def slow(client: S3, *place: str, on: bool) -> None:
            monkeypatch.setattr(S3, "legal_hold", real)
            await role.hear(kept(*lists[last]))
            await real(client, *place, on=on)

        monkeypatch.setattr(S3, "legal_hold", slow)
        await role.turn("protect", "protect")
        assert await asyncio.to_thread(has_legal_hold, store, one) is last


async def test_an_erased_originals_copy_goes_when_its_lock_is_over(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment, _ = site.record()
    monkeypatch.setattr(
        storing, "lock_end", lambda *_: datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    )
    async with site.replicator() as role:
        one = await store_one(role, segment)
        over = one.locked_until
        assert over is not None
        client = S3(store.settings(f"site-{site.school}"))
        with pytest.raises(NotAllowed):
            await client.erase(one.bucket, one.key, one.object_version)
        client.close()
        await role.hear(erased(segment))

        async def gone() -> bool:
            await role.turn("erase")
            return not store.versions(site.school)

        await until(gone)
        (told,) = only(await role.said(), ObjectsErased)
    assert (told.objects[0].object_version, told.erased_at >= over) == (one.object_version, True)


async def test_neither_a_delete_marker_nor_a_version_on_top_fools_it(site: Site, store: Store) -> None:
    """Somebody with the school's key deletes a copy and puts rubbish over another, both under lock."""
    hidden, _ = site.record("gate", OLD)
    covered, _ = site.record("yard", OLD)
    async with site.replicator() as role:
        first, second = await store_one(role, hidden), await store_one(role, covered)
        admin = store.admin
        await asyncio.to_thread(admin.remove_object, first.bucket, first.key)
        await asyncio.to_thread(admin.put_object, second.bucket, second.key, io.BytesIO(b"rubbish"), 7)
        await role.hear(kept(hold(hidden), hold(covered).model_copy(update={"id": "h-2"})))
        await role.turn("protect")
        for one in (first, second):
            assert await asyncio.to_thread(has_legal_hold, store, one)
        await role.hear(kept())
        await role.hear(erased(hidden, covered))
        await role.turn("protect", "erase")
        told = [one for event in only(await role.said(), ObjectsErased) for one in event.objects]
    assert {one.object_version for one in told} >= {first.object_version, second.object_version}
    left = await asyncio.to_thread(store.versions, site.school)
    assert not {first.object_version, second.object_version} & {version for _, version in left}


async def test_all_that_is_due_goes_in_one_turn_and_is_forgotten_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ROWS", 2)
    files = [site.record(start=OLD + timedelta(minutes=n), body=bytes([n]) * 50)[0] for n in range(7)]
    held = site.record("yard", OLD)[0]
    async with site.replicator() as role:
        await role.hear(recorded(*files, held))
        await role.turn("store")
        assert sum(len(e.objects) for e in only(await role.said(), ObjectsStored)) == 8
        for one in (*files, held):
            await role.hear(lost(one))
        await role.hear(kept(hold(held)))
        site.clock.ahead = timedelta(hours=1)
        await role.turn("protect", "retire", "erase", "retire")
        assert sum(len(e.objects) for e in only(await role.said(), ObjectsErased)) == 7
        assert rows(site) == 8  # a late word of them must not make them new
        site.clock.ahead = timedelta(days=60)
        await role.turn("retire")
        assert rows(site) == 1


@pytest.mark.parametrize("found_bad", [False, True])
async def test_what_was_let_go_without_a_certificate_is_called_back_by_a_hold(
    site: Site, store: Store, found_bad: bool
) -> None:
    old, _ = site.record(start=OLD)
    async with site.replicator() as role:
        one = await store_one(role, old)
        await role.hear(lost(old))
        await role.hear(kept())
        await role.turn("retire")  # the store is away: nothing is erased yet
        if found_bad:
            await role.hear(
                VerificationRequested(segment=old.id, reason="differs", object_version=one.object_version)
            )
        await role.hear(kept(hold(old)))
        await role.turn("retire", "erase", "protect", "erase")
        assert await asyncio.to_thread(has_legal_hold, store, one)
        await role.hear(kept())
        await role.turn("protect", "retire", "erase")
        (told,) = only(await role.said(), ObjectsErased)
    assert [gone.object_version for gone in told.objects] == [one.object_version]
    assert store.versions(site.school) == []


async def test_what_was_let_go_without_a_certificate_is_called_back_by_a_longer_period(
    site: Site, store: Store
) -> None:
    old, _ = site.record(start=OLD)
    async with site.replicator() as role:
        one = await store_one(role, old)
        await role.hear(lost(old))
        await role.hear(kept())
        await role.turn("retire")
        await role.hear(plan(old.camera, days=90))
        await role.turn("protect", "retire", "erase")
        assert store.versions(site.school) == [(one.key, one.object_version)]
        await role.hear(erased(old))
        await role.turn("erase")
        assert len(store.versions(site.school)) == 1  # it is locked until it is due
        site.clock.ahead = timedelta(days=90)
        await role.hear(plan(old.camera, days=180))
        await role.turn("protect", "retire")
    rows = sqlite3.connect(site.settings.state_dir / "replicator.sqlite").execute("SELECT todo FROM copies")
    assert rows.fetchall() == [("erase",)]  # what is certified as erased is not called back


def rows(site: Site) -> int:
    conn = sqlite3.connect(site.settings.state_dir / "replicator.sqlite")
    try:
        return int(conn.execute("SELECT count(*) FROM segments").fetchone()[0])
    finally:
        conn.close()
