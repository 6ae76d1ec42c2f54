"""The recorders that stand in for a school's: what they write is real, and the manifest tells all of it."""

import asyncio
import os
import struct
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import process_time
from types import SimpleNamespace

import av
import pytest

from reelwarden_local.recorders import recorder as recorder_module
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.manifest import FileKind, Manifest
from reelwarden_local.recorders.recorder import Recorder
from tests.ingest.scanner_site import CAMERAS, GATE, HALL, YARD

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
TEN = timedelta(seconds=10)


def recorder(folder: Path, *cameras: RecordedCamera) -> Recorder:
    return Recorder(folder / "storage", cameras or CAMERAS, folder / "manifest.jsonl")


def test_names_are_those_of_the_real_recorders() -> None:
    moment = START + timedelta(seconds=5, microseconds=250_000)
    assert str(GATE.path(moment)) == "frigate/recordings/2026-03-02/08/gate_cam/00.05.mp4"
    assert str(YARD.path(moment)) == "mediamtx/north/yard/2026-03-02_16-00-05-250000.mp4"
    assert str(HALL.path(moment)) == "录像 ffmpeg/hall/2026-03-02/16-00-05.mp4"
    unix = RecordedCamera("x", "x", Layout.TEMPLATE, "", "cam", "{source}/%s.mp4")
    assert str(unix.path(moment)) == f"cam/{int(START.timestamp()) + 5}.mp4"


def test_a_clock_set_back_repeats_the_local_name() -> None:
    camera = RecordedCamera("x", "x", Layout.TEMPLATE, "", "", "%Y-%m-%d_%H-%M-%S.mp4", "Europe/Berlin")
    first = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    assert camera.path(first) == camera.path(first + timedelta(hours=1))


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.id)
def test_past_footage_is_video_with_another_content_in_each_segment(
    tmp_path: Path, camera: RecordedCamera
) -> None:
    at = recorder(tmp_path)
    written = at.backfill(camera.id, START, START + timedelta(seconds=25))
    assert [(w.start, w.end) for w in written] == [
        (START, START + TEN),
        (START + TEN, START + 2 * TEN),
        (START + 2 * TEN, START + 2.5 * TEN),
    ]
    assert list(at.manifest) == written
    assert len({w.sha256 for w in written}) == 3
    for one in written:
        path = at.storage / one.path
        assert path.stat().st_mtime == one.end.timestamp()
        assert (one.size, one.sha256) == (path.stat().st_size, sha256(path.read_bytes()).hexdigest())
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
        assert len(frames) == one.duration_ms // 200
        assert bytes(frames[0].planes[0]) != bytes(frames[-1].planes[0])


def test_a_gap_is_left_out(tmp_path: Path) -> None:
    gap = (START + timedelta(seconds=15), START + timedelta(seconds=40))
    written = recorder(tmp_path).backfill(GATE.id, START, START + timedelta(minutes=1), gaps=[gap])
    spans = [(w.start - START, w.end - START) for w in written]
    assert [(a.seconds, b.seconds) for a, b in spans] == [(0, 10), (10, 15), (40, 50), (50, 60)]


def test_mediamtx_writes_the_true_start_into_the_file(tmp_path: Path) -> None:
    moment = START + timedelta(microseconds=123_456)
    at = recorder(tmp_path)
    (written,) = at.backfill(YARD.id, moment, moment + TEN)
    content = (at.storage / written.path).read_bytes()
    where = content.index(b"mtxi")
    assert content.index(b"moov") < content.index(b"udta") < where < content.index(b"moof")
    length, version, _, _, _, ntp = struct.unpack_from(">I4xI16sQqq", content, where - 4)
    assert (length, version) == (52, 0)
    assert ntp == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    with av.open(str(at.storage / written.path)) as container:
        assert container.duration == 10_000_000


def test_faults_are_what_they_are_called(tmp_path: Path) -> None:
    at = recorder(tmp_path)
    whole = {camera.id: at.backfill(camera.id, START, START + TEN)[0].size for camera in CAMERAS}
    for camera in CAMERAS:
        hour = timedelta(hours=1)
        truncated = at.truncated(camera.id, START + hour)
        empty = at.empty(camera.id, START + 2 * hour)
        nameless = at.unreadable_time(camera.id, START + 3 * hour)
        assert 0 < truncated.size < whole[camera.id] * 0.7
        assert empty.size == (at.storage / empty.path).stat().st_size == 0
        assert b"mtxi" not in (at.storage / nameless.path).read_bytes()
        assert nameless.path != str(camera.path(START + 3 * hour))
        assert [w.kind for w in (truncated, empty, nameless)] == [
            FileKind.TRUNCATED,
            FileKind.EMPTY,
            FileKind.UNREADABLE_TIME,
        ]
    assert len(list(at.manifest)) == 12


class Played:
    """A clock that moves when somebody sleeps: live recording, as fast as the machine can."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now, self.moved = START, asyncio.Event()
        patch.setattr(recorder_module, "asyncio", SimpleNamespace(sleep=self.sleep))

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.moved.set()
        await asyncio.sleep(0)

    async def passes(self) -> timedelta:
        """Wait until it has moved; returns how far it has come."""
        self.moved.clear()
        await self.moved.wait()
        return self.now - START


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch)


@pytest.mark.parametrize("layout", list(Layout))
async def test_live_footage_is_written_as_the_real_recorder_writes_it(
    tmp_path: Path, layout: Layout, played: Played
) -> None:
    camera = RecordedCamera(
        "cam",
        "校门",
        layout,
        "rec",
        "cam",
        "%Y-%m-%d/%H-%M-%S.mp4" if layout == "template" else "",
        segment_seconds=3,
    )
    closed: list[Path] = []
    at = Recorder(tmp_path, [camera], Manifest(tmp_path / "m.jsonl"), clock=played, on_closed=closed.append)
    task = asyncio.create_task(at.run("cam"))
    sizes: list[int] = []
    while await played.passes() < timedelta(seconds=4):
        if not closed:
            files = list((tmp_path / "rec").rglob("*.mp4"))
            sizes.append(files[0].stat().st_size if files else 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    first, second = at.manifest
    assert (first.duration_ms, first.kind) == (3000, FileKind.GOOD)
    assert second.duration_ms < 3000
    assert (first.start, first.end, second.start) == (START, START + timedelta(seconds=3), first.end)
    assert closed == [tmp_path / first.path, tmp_path / second.path]
    grew = len({size for size in sizes if size}) > 1
    assert grew is (layout is not Layout.FRIGATE)
    for one in (first, second):
        with av.open(os.fspath(tmp_path / one.path)) as container:
            assert len(list(container.decode(video=0))) == one.duration_ms // 200


async def test_a_pause_makes_a_gap(tmp_path: Path, played: Played) -> None:
    camera = RecordedCamera("cam", "校门", Layout.MEDIAMTX, "rec", "cam", segment_seconds=60)
    at = Recorder(tmp_path, [camera], tmp_path / "m.jsonl", clock=played)
    task = asyncio.create_task(at.run("cam"))
    while await played.passes() < timedelta(seconds=2):
        pass
    at.pause("cam", timedelta(seconds=2))
    paused = played.now
    while await played.passes() < timedelta(seconds=6):
        pass
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    first, second = at.manifest
    assert timedelta(seconds=0.5) < second.start - first.end < timedelta(seconds=3)
    assert second.start == paused + timedelta(seconds=2)


def test_a_hundred_segments_take_seconds(tmp_path: Path) -> None:
    """Of this process's own time: what else the machine does is not counted."""
    began = process_time()
    recorder(tmp_path).backfill(GATE.id, START, START + 100 * TEN)
    assert process_time() - began < 60
