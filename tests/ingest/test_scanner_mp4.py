"""The MP4 reader against FFmpeg, on whole, cut and spoilt files."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelwarden_ingest.site.scanner.mp4.boxes import Damaged, NotMp4, OpenFile, Truncated
from reelwarden_ingest.site.scanner.mp4.movie import Movie, NoVideo, read_movie
from reelwarden_local.recorders.layouts import RecordedCamera
from reelwarden_local.recorders.recorder import Recorder
from reelwarden_local.recorders.writer import Encoding
from tests.ingest.scanner_site import CAMERAS, GATE, HALL, YARD

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
REJECTED = (Damaged, NotMp4, NoVideo, Truncated)
Make = Callable[..., Path]


def movie(path: Path) -> Movie:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_movie(OpenFile(descriptor, os.fstat(descriptor).st_size, memoryview(b""), 0))
    finally:
        os.close(descriptor)


def by_ffmpeg(path: Path) -> tuple[str, int, int, int]:
    """Codec, size, and milliseconds from the first packet to the end of the last."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        packets = [p for p in container.demux(video) if p.pts is not None]
        end = max((p.pts or 0) + (p.duration or 0) for p in packets)
        length = end - min(p.pts or 0 for p in packets)
        assert video.time_base is not None
        return video.codec_context.name, video.width, video.height, round(length * video.time_base * 1000)


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One good segment of each recorder."""
    folder = tmp_path_factory.mktemp("recorders")
    recorder = Recorder(folder, CAMERAS, folder / "manifest.jsonl")
    return {
        camera.id: folder / recorder.backfill(camera.id, START, START + camera.length)[0].path
        for camera in CAMERAS
    }


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Encodes a file the way other recorders might."""

    def encode(name: str, codec: str, *, audio: bool = False, first: int = 0, **options: str) -> Path:
        path = tmp_path / name
        muxing = {"movflags": options.pop("movflags")} if "movflags" in options else {}
        with av.open(str(path), "w", options=muxing) as container:
            video = container.add_stream(codec, rate=25, options=options)
            assert isinstance(video, av.VideoStream)
            video.width, video.height, video.pix_fmt = 128, 72, "yuv420p"
            sound = container.add_stream("aac", rate=8000, layout="mono") if audio else None
            for number in range(60):
                frame = av.VideoFrame(128, 72, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes([number * 4 % 256]) * plane.buffer_size)
                frame.pts, frame.time_base = first + number, Fraction(1, 25)
                container.mux(video.encode(frame))
                if sound is not None:
                    tone = av.AudioFrame("fltp", "mono", 320)
                    tone.planes[0].update(bytes(tone.planes[0].buffer_size))
                    tone.sample_rate, tone.pts = 8000, number * 320
                    container.mux(sound.encode(tone))
            container.mux(video.encode(None))
            if sound is not None:
                container.mux(sound.encode(None))
        return path

    return encode


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.id)
def test_says_of_recorders_files_what_ffmpeg_says(segments: dict[str, Path], camera: RecordedCamera) -> None:
    read = movie(segments[camera.id])
    assert (read.codec, read.width, read.height, read.duration_ms) == by_ffmpeg(segments[camera.id])
    assert read.duration_ms == 10_000
    started_ns = int(START.timestamp()) * 10**9
    assert read.ntp_ns == (started_ns if camera is YARD else None)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b-frames.mp4", "libx264", {"bf": "3", "preset": "medium"}),
        ("sound.mp4", "libx264", {"audio": True}),
        (
            "sound-fragments.mp4",
            "libx264",
            {"audio": True, "movflags": "frag_keyframe+empty_moov", "g": "10"},
        ),
        ("faststart.mp4", "libx264", {"movflags": "faststart"}),
        ("hevc.mp4", "libx265", {"x265-params": "log-level=none"}),
        ("mpeg4.mov", "mpeg4", {}),
        ("running.mp4", "libx264", {"first": 25 * 3600}),
        ("fragments-running.mp4", "libx264", {"first": 25 * 60, "movflags": "frag_keyframe", "g": "10"}),
    ],
)
def test_says_of_other_files_what_ffmpeg_says(
    make: Make, name: str, codec: str, options: dict[str, str]
) -> None:
    path = make(name, codec, **options)
    read = movie(path)
    codec_name, width, height, duration_ms = by_ffmpeg(path)
    assert (read.codec, read.width, read.height) == (codec_name, width, height)
    assert abs(read.duration_ms - duration_ms) <= 80


def test_a_running_timeline_does_not_lengthen_a_segment(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, [HALL], tmp_path / "m.jsonl", encoding=Encoding(reset_timestamps=False))
    *_, last = recorder.backfill(HALL.id, START, START + timedelta(seconds=50))
    with av.open(str(tmp_path / last.path)) as container:
        assert container.streams.video[0].start_time
    assert movie(tmp_path / last.path).duration_ms == 10_000


def cuts(size: int) -> Iterator[int]:
    yield from range(1, size, max(1, size // 400))
    yield from range(max(1, size - 20), size)


@pytest.mark.parametrize("camera", [GATE, HALL], ids=lambda camera: camera.id)
def test_a_cut_file_is_never_taken_for_whole(
    segments: dict[str, Path], tmp_path: Path, camera: RecordedCamera
) -> None:
    content = segments[camera.id].read_bytes()
    cut = tmp_path / "cut.mp4"
    for length in cuts(len(content)):
        cut.write_bytes(content[:length])
        with pytest.raises(REJECTED):
            movie(cut)


def test_of_cut_fragments_only_whole_ones_count(segments: dict[str, Path], tmp_path: Path) -> None:
    content = segments[YARD.id].read_bytes()
    cut = tmp_path / "cut.mp4"
    for length in cuts(len(content)):
        cut.write_bytes(content[:length])
        try:
            read = movie(cut)
        except REJECTED:
            continue
        assert content[length + 4 : length + 8] == b"moof"
        assert read.duration_ms == by_ffmpeg(cut)[3] < 10_000


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.id)
def test_zeros_where_the_last_part_should_be_are_found(
    segments: dict[str, Path], tmp_path: Path, camera: RecordedCamera
) -> None:
    content = bytearray(segments[camera.id].read_bytes())
    start = content.rindex(b"mdat") - 4 if camera is YARD else content.rindex(b"mdat") + 4
    end = content.index(b"moov") - 4 if camera is HALL else len(content)
    content[start + (end - start) // 2 : end] = bytes(end - start - (end - start) // 2)
    spoilt = tmp_path / "spoilt.mp4"
    spoilt.write_bytes(content)
    with pytest.raises(Damaged):
        movie(spoilt)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spoilt_bytes_cost_no_more_than_a_rejection(
    segments: dict[str, Path], tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(segments[data.draw(st.sampled_from(sorted(segments)))].read_bytes())
    index = content.index(b"moov") if data.draw(st.booleans()) else 0
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(index, min(len(content), index + 1500) - 4))
        content[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    spoilt = tmp_path / "spoilt.mp4"
    spoilt.write_bytes(content)
    try:
        read = movie(spoilt)
    except REJECTED:
        return
    assert read.duration_ms > 0


def test_a_file_of_sound_alone_is_no_footage(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        tone = av.AudioFrame("fltp", "mono", 1024)
        tone.planes[0].update(bytes(tone.planes[0].buffer_size))
        tone.sample_rate, tone.pts = 8000, 0
        container.mux(sound.encode(tone))
        container.mux(sound.encode(None))
    with pytest.raises(NoVideo):
        movie(path)
