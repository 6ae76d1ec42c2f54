"""The scanner's checks on real files: each damage is seen at its depth, work that goes on is none."""

import os
import shutil
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from reelwarden_common.errors import Transient
from reelwarden_common.events.fsck import Depth, FsckQuery, RepairTask
from reelwarden_common.events.ingest import DayCounted, SegmentAltered
from reelwarden_ingest.site.scanner import fsck
from reelwarden_ingest.site.scanner.storage import Unbound
from reelwarden_local.recorders.manifest import WrittenFile
from tests.ingest.scanner_site import CAMERAS, GATE, HALL, YARD, Site, days_ago, site
from tests.support.fsck import check, kinds_at

START = days_ago(2).replace(hour=6, minute=30)
MINUTE = timedelta(minutes=1)
DEEP = 7 * 3600
"""Seconds after which a pass looks at every file again."""
NOTHING: dict[Depth, list[str]] = {depth: [] for depth in Depth}


async def filled(at: Site) -> list[WrittenFile]:
    for camera in CAMERAS:
        at.recorder.backfill(camera.id, START, START + MINUTE)
    at.recorder.empty(GATE.id, START + 5 * MINUTE)
    await at.scan()
    return at.good


def rot(path: Path) -> None:
    """Change a byte, with nothing that a look at the folder could show."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_storage_as_catalogued_has_no_difference_and_is_read_whole(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        checks = fsck.checks(at.scanner)
        assert await kinds_at(checks) == NOTHING
        found = await check(checks, Depth.DIGEST)
        assert found.checked == len(good)
        assert found.bytes_read == sum(one.size for one in good)
        await at.reports.count_days()
        told = {(e.camera, e.day): (e.count, e.digest) for e in at.said(DayCounted) if e.count}
        assert {(d.camera, d.day): (d.count, d.digest) for d in found.days} == told


async def test_each_damage_is_seen_at_its_depth_and_at_none_above(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        gone, short, rotten = (at.path(one) for one in (good[0], good[7], good[12]))
        gone.unlink()
        with short.open("ab") as file:
            file.write(b"x")
        rot(rotten)
        stray = gone.with_name("99.99.mp4")
        shutil.copy(at.path(good[1]), stray)
        gone.with_name("notes.txt").write_text("no footage")
        checks = fsck.checks(at.scanner)
        seen = ["missing", "unknown-file"]
        assert await kinds_at(checks) == {
            Depth.PRESENCE: seen,
            Depth.SIZE: [*seen[:1], "size-differs", *seen[1:]],
            Depth.DIGEST: ["digest-differs", *seen[:1], "size-differs", *seen[1:]],
        }
        found = {one.kind: one for one in (await check(checks, Depth.DIGEST)).differences}
        assert found["digest-differs"].where == good[12].path
        assert found["digest-differs"].expected == good[12].sha256
        assert (found["missing"].camera, found["missing"].start) == (good[0].camera, good[0].start)


async def test_footage_that_rotted_unseen_is_said_to_be_altered_once(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        rotten = at.path(good[12])
        content, before = rotten.read_bytes(), rotten.stat()
        rot(rotten)
        at.time.offset += DEEP
        await at.scan()
        assert at.said(SegmentAltered) == [], "no pass sees it"
        checks = fsck.checks(at.scanner)
        for kind in ("digest-differs", "altered"):
            assert (await check(checks, Depth.DIGEST)).kinds == [kind]
            await at.scanner.settle()
            [told] = at.said(SegmentAltered)
            assert (told.locator, told.digest) == (good[12].path, good[12].sha256)
            assert told.found == sha256(rotten.read_bytes()).hexdigest()
        rotten.write_bytes(content)
        os.utime(rotten, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        at.time.offset += DEEP
        await at.scan()
        assert await kinds_at(checks) == NOTHING
        assert len(at.said(SegmentAltered)) == 1


async def test_the_same_is_found_however_often_it_is_interrupted(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        at.path(good[3]).unlink()
        rot(at.path(good[9]))
        shutil.copy(at.path(good[1]), at.path(good[1]).with_name("00.59.mp4"))
        checks = fsck.checks(at.scanner)
        whole = await check(checks, Depth.DIGEST)
        parts = await check(checks, Depth.DIGEST, seconds=1e-9)
        assert parts.pages > 5 > whole.pages
        assert parts.items == whole.items
        assert (parts.checked, parts.days) == (whole.checked, whole.days)


async def test_an_answer_always_fits_into_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        for one in good:
            at.path(one).unlink()
        monkeypatch.setattr("reelwarden_common.messaging.fsck.ROOM", 2000)
        checks = fsck.checks(at.scanner)
        answer = await checks.look(FsckQuery())
        assert len(answer.model_dump_json()) < 3000
        found = await check(checks)
        assert found.kinds == ["missing"] * len(good)
        assert len(set(found.items)) == len(good)


async def test_work_that_goes_on_is_no_difference(tmp_path: Path) -> None:
    """A file that waits to be closed; one that is erased and whose certificate was not heard yet."""
    async with site(tmp_path) as at:
        good = await filled(at)
        checks = fsck.checks(at.scanner)
        now = days_ago(0) - timedelta(seconds=15)
        at.recorder.backfill(YARD.id, now, now + timedelta(seconds=10))
        await at.walker.walk()
        assert len(at.scanner.room) == 1
        assert await kinds_at(checks) == NOTHING
        at.path(good[0]).unlink()
        found = await check(checks)
        assert found.kinds == ["missing"]
        at.hears = False
        with pytest.raises(Transient, match="heard"):
            await checks.look(FsckQuery(items=found.items))
        at.hears = True
        assert (await checks.look(FsckQuery(items=found.items))).differences == tuple(found.differences)
        async with at.scanner.units.begin() as catalogue:
            catalogue.erase([found.items[0].partition(":")[2]])
        assert not (await checks.look(FsckQuery(items=found.items))).differences


async def test_what_is_lost_is_told_until_its_day(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        async with at.scanner.units.begin() as catalogue:
            at.path(good[0]).unlink()
            catalogue.lose([good[0].path], {})
        checks = fsck.checks(at.scanner)
        found = await check(checks)
        assert found.kinds == ["lost"]
        assert (await checks.look(FsckQuery(items=found.items))).differences == tuple(found.differences)
        at.time.offset += timedelta(days=40).total_seconds()
        assert "lost" not in (await check(checks)).kinds


async def test_of_a_storage_that_is_not_there_nothing_is_concluded(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        await filled(at)
        at.storage.rename(at.storage.with_name("unmounted"))
        at.storage.mkdir()
        with pytest.raises(Unbound):
            await check(fsck.checks(at.scanner))


async def test_only_what_is_unknown_is_mended_by_reading_it(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        good = await filled(at)
        (new,) = at.recorder.backfill(HALL.id, START + 10 * MINUTE, START + 10 * MINUTE + MINUTE / 6)
        at.path(good[0]).unlink()
        rot(at.path(good[5]))
        checks = fsck.checks(at.scanner)
        before = at.path(good[5]).read_bytes()
        found = await check(checks, Depth.DIGEST)
        assert {one.kind: one.repairable for one in found.differences} == {
            "missing": False,
            "digest-differs": False,
            "unknown-file": True,
        }
        answer = await checks.repair(RepairTask(items=found.items))
        assert sorted((one.done, one.what) for one in answer.repairs) == [
            (False, "not-repairable"),
            (False, "not-repairable"),
            (True, "is-read"),
        ]
        await at.scanner.settle()
        assert at.state(new) == "present"
        assert (await check(checks, Depth.DIGEST)).kinds == ["altered", "missing"]
        assert at.path(good[5]).read_bytes() == before
        again = await checks.repair(RepairTask(items=(f"files:{new.path}",)))
        assert [(one.done, one.what) for one in again.repairs] == [(False, "as-it-should-be")]
