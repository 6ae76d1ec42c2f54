"""What Debian's own recorders write, read by the scanner: nothing here is laid out by us."""

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reelwarden_common.district import Layout
from reelwarden_common.events.ingest import Segment, SegmentsRecorded, SegmentsRejected
from reelwarden_ingest.site.scanner.recorders import RecordedCamera
from tests.ingest.scanner_site import site

pytestmark = pytest.mark.system
ZONE = "America/St_Johns"
"""Where nobody's machine is, and half an hour off."""
RUN_SECONDS = 12
MOTION = """
daemon off
netcam_url file://{video}
width 320
height 240
framerate 10
emulate_motion on
event_gap 1
movie_output on
movie_max_time 3
movie_codec mkv
picture_output off
target_dir {target}
stream_port 0
webcontrol_port 0
"""


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: make system-packages"
    return path


def video(path: Path, seconds: int) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10", "-t", str(seconds)]
    command = [tool("ffmpeg"), "-v", "error", *source, "-c:v", "libx264", "-g", "10", str(path)]
    subprocess.run(command, check=True)


async def record(seconds: int, *command: str) -> None:
    """Run a recorder for so long, in a time zone that is not ours, and end it as a service manager would."""
    process = await asyncio.create_subprocess_exec(
        *command, env={"TZ": ZONE}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.terminate()
        await process.wait()


async def scanned(folder: Path, camera: RecordedCamera) -> list[Segment]:
    """What the scanner makes of a storage an hour later, when every file is at rest."""
    async with site(folder, (), foreign=[camera]) as at:
        at.time.offset = 3600
        await at.scan()
        assert at.said(SegmentsRejected) == []
        return sorted((s for e in at.said(SegmentsRecorded) for s in e.segments), key=lambda s: s.start)


def judge(segments: list[Segment], before: datetime, after: datetime, slack: timedelta) -> None:
    """Each starts while the recorder ran, and they follow each other."""
    assert len(segments) >= 3
    assert all(before - slack <= segment.start for segment in segments)
    assert all(segment.end <= after + slack for segment in segments)
    for one, following in pairwise(segments):
        assert abs(following.start - one.end) < slack
    assert {segment.codec for segment in segments} == {"h264"}


async def test_motion(tmp_path: Path) -> None:
    target = tmp_path / "storage" / "motion"
    target.mkdir(parents=True)
    video(tmp_path / "in.mkv", 2 * RUN_SECONDS)
    settings = tmp_path / "motion.conf"
    settings.write_text(MOTION.format(video=tmp_path / "in.mkv", target=target))
    before = datetime.now(UTC)
    await record(RUN_SECONDS, tool("motion"), "-n", "-c", str(settings))
    camera = RecordedCamera("hall", Layout.MOTION, "motion", "", "", ZoneInfo(ZONE), timedelta(seconds=3))
    segments = await scanned(tmp_path, camera)
    judge(segments, before, datetime.now(UTC), timedelta(seconds=2))


@pytest.mark.parametrize(
    ("template", "suffix"),
    [("%Y-%m-%d_%H-%M-%S", "mp4"), ("%s", "ts"), ("%Y%m%dT%H%M%S%z", "mkv")],
)
async def test_ffmpegs_segment_muxer(tmp_path: Path, template: str, suffix: str) -> None:
    target = tmp_path / "storage" / "hall"
    target.mkdir(parents=True)
    before = datetime.now(UTC)
    source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10", "-t", "7"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "20"]
    cut = ["-f", "segment", "-segment_time", "2", "-reset_timestamps", "1", "-strftime", "1"]
    names = f"{template}.{suffix}"
    await record(RUN_SECONDS, tool("ffmpeg"), "-v", "error", *source, *coded, *cut, str(target / names))
    camera = RecordedCamera("hall", Layout.TEMPLATE, "hall", "", names, ZoneInfo(ZONE), timedelta(seconds=2))
    segments = await scanned(tmp_path, camera)
    judge(segments, before, datetime.now(UTC), timedelta(seconds=2))
