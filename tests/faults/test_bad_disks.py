"""A school's disks full and read-only, under real processes: all wait, nothing is half done, all goes on."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from reelwarden_common.events.backup import ObjectsStored
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldInForce
from reelwarden_local.servers import ServerError
from tests.support.backends import ObjectStore
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.school_days import DAY, SCHOOL, TEN, coming_due, converged, goes_by, open_school
from tests.support.small_disk import SmallDisk
from tests.support.town import Film, MovedRole, Town, town

NO_ROOM = "Free some space"
OTHER = "s777"
"""A school whose bucket no other test uses."""


def span_of(films: list[Film]) -> CameraSpan:
    return CameraSpan(camera="gate", start=films[0].start, end=films[-1].end)


async def logged(role: MovedRole, word: str, more: int = 2) -> None:
    """Wait until a role has written a word so many times more."""

    def count() -> int:
        return role.log_path.read_text(encoding="utf-8").count(word)

    before = count()

    async def enough() -> bool:
        return count() >= before + more

    await until(enough)


def lying_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_a_storage_that_is_full_and_then_read_only(place: Town) -> None:
    """The vault's copy finds no room; then nothing can be moved or linked at all."""
    toml = place.toml.read_text(encoding="utf-8")
    place.toml.write_text(toml.replace("storage =", "write_once = false\nstorage ="), encoding="utf-8")
    with SmallDisk(place.storage(SCHOOL), 8) as disk:
        place.roots[SCHOOL] = disk.path
        place.inside[SCHOOL] = disk.inside
        films = await open_school(place)
        reaper, vault = place.running["reaper"], disk.path / ".reelwarden/vault"
        held = films[-2:]
        disk.fill()
        await place.say("desk", SCHOOL, filed("a1", [span_of(held)], place.district_clock() + 40 * DAY))
        await logged(reaper, "hold_waits")
        assert await place.heard(HoldInForce, "SITE", SCHOOL) == []
        assert not [name for name in lying_in(vault) if name.endswith(".mp4") and "/." not in name]
        assert all(one.path.stat().st_size for one in held)
        disk.make_room()
        [told] = await place.wait(HoldInForce, "SITE", SCHOOL)
        assert (told.complete, told.segments, told.gone) == (True, 2, ())
        assert len(lying_in(vault)) == 2

        await disk.turn("ro")
        before = lying_in(disk.path)
        place.pass_(DAY)
        await place.say("desk", SCHOOL, filed("a2", [span_of(films[-4:-2])], place.district_clock() + DAY))
        await logged(reaper, "loop_failed")
        await logged(reaper, "hold_waits")
        assert lying_in(disk.path) == before
        assert len(await place.heard(HoldInForce, "SITE", SCHOOL)) == 1
        await disk.turn("rw")
        await place.wait(HoldInForce, "SITE", SCHOOL, count=2)
        await goes_by(place, films, frozenset(), days=0)
        await converged(place, films, frozenset())
        assert await place.letters() == []


async def test_a_state_disk_that_is_full_and_then_read_only(place: Town) -> None:
    """Neither catalogue nor journal can be written: nothing is taken in, nothing goes uncertified."""
    with SmallDisk(place.folder / "sites" / SCHOOL, 8) as disk:
        place.inside[SCHOOL] = disk.inside
        films = await open_school(place)
        scanner, reaper = place.running["scanner"], place.running["reaper"]
        tomorrow, held = coming_due(place, films, 1), coming_due(place, films, 2)
        disk.fill()
        place.pass_(DAY)
        await place.say("desk", SCHOOL, filed("a1", [span_of(held)], place.district_clock() + 40 * DAY))
        start = place.clocks[SCHOOL]().replace(hour=6, minute=0, second=0, microsecond=0)
        before = len(films)

        async def more_until_it_complains() -> bool:
            there = len(films) - before
            films.extend(place.film(SCHOOL, start + (there + n) * TEN) for n in range(20))
            async with httpx.AsyncClient(timeout=30) as client:
                answer = await client.get(f"{scanner.url}/readyz")
            return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and NO_ROOM in answer.text

        await until(more_until_it_complains, every=0.5)
        await logged(reaper, NO_ROOM, 1)
        assert all(one.path.exists() for one in (*films[before:], *held))
        disk.make_room()
        await place.wait(HoldInForce, "SITE", SCHOOL)
        spared = frozenset(one.id for one in held)
        await goes_by(place, films, spared, days=0)
        assert not any(one.path.exists() for one in tomorrow)

        await asyncio.gather(scanner.kill(), reaper.kill())
        await disk.turn("ro")
        place.pass_(DAY)
        for role in (scanner, reaper):
            with pytest.raises(ServerError, match=r"cannot start: .* readonly database"):
                await role.start()
        assert all(one.path.exists() for one in held)
        await disk.turn("rw")
        await asyncio.gather(scanner.start(), reaper.start())
        await goes_by(place, films, spared, days=0)
        await converged(place, films, spared)
        assert await place.letters() == []


async def test_a_replicator_without_room_for_its_state_stores_each_once(
    tmp_path: Path, fresh_database: str, s3: ObjectStore
) -> None:
    await asyncio.to_thread(s3.client().make_bucket, f"rw-footage-{OTHER}", object_lock=True)
    store = {"RW_S3_ENDPOINT": s3.endpoint, "RW_S3_ACCESS_KEY": s3.access_key}
    async with town(tmp_path, fresh_database, (OTHER,)) as place:
        toml = place.toml.read_text(encoding="utf-8")
        everything = toml.replace("[[schools]]", '[backup]\npolicy = "everything"\n[[schools]]', 1)
        place.toml.write_text(everything, encoding="utf-8")
        with SmallDisk(place.folder / "sites" / OTHER / "replicator", 4) as disk:
            await place.start("scanner", school=OTHER)
            place.inside[OTHER] = disk.inside
            [role] = await place.start("replicator", school=OTHER, RW_S3_SECRET_KEY=s3.secret_key, **store)
            start = place.clocks[OTHER]().replace(microsecond=0) - timedelta(hours=5)
            films = [place.film(OTHER, start + n * TEN) for n in range(10)]
            await until(lambda: stored_once(place, films))
            disk.fill()
            films += [place.film(OTHER, start + (10 + n) * TEN) for n in range(150)]
            await logged(role, NO_ROOM, 2)
            assert role.running
            disk.make_room()
            await until(lambda: stored_once(place, films))
            listed = await asyncio.to_thread(versions, s3, f"rw-footage-{OTHER}")
            assert sorted(listed) == sorted(one.id for one in films)
            assert await place.letters() == []


async def stored_once(place: Town, films: list[Film]) -> bool:
    events = await place.heard(ObjectsStored, "SITE", OTHER, OTHER)
    return sorted(one.segment for event in events for one in event.objects) == sorted(one.id for one in films)


def versions(s3: ObjectStore, bucket: str) -> list[str]:
    """Of each version of footage in a bucket, the segment that it is of."""
    listed = s3.client().list_objects(bucket, prefix="gate/", recursive=True, include_version=True)
    return [Path(one.object_name or "").stem for one in listed]
