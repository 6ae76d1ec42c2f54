"""Viewing copies: cut to the approved span, playable, and what they show is what was filmed then."""

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image, ImageStat

from reelwarden_access.site.exporter.encode import encode
from reelwarden_access.site.exporter.files import Located
from reelwarden_access.site.exporter.media import Shown, Strip, Unplayable, inspect, still, stitch
from reelwarden_common.events.ingest import Segment
from reelwarden_local.recorders.picture import Picture
from reelwarden_local.recorders.writer import Encoding
from tests.access.footage import CAMERAS, School, at, filmed_at, pictures

FRAME = timedelta(seconds=0.2)


def _strips(school: School, segments: list[Segment]) -> list[Strip]:
    return [Strip(Located(school.storage, one.locator).open, one.start, timedelta()) for one in segments]


def _stitched(school: School, segments: list[Segment], start: float, end: float) -> tuple[Path, Shown]:
    target = school.storage.parent / "view.mp4"
    return target, stitch(_strips(school, segments), at(start), at(end), target)


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("reset", [True, False], ids=["each-from-zero", "running-timeline"])
def test_a_span_that_begins_and_ends_inside_segments_is_shown_exactly(
    tmp_path: Path, camera: str, reset: bool
) -> None:
    school = School(tmp_path / "storage", Encoding(reset_timestamps=reset))
    target, shown = _stitched(school, school.record(camera, 0, 30), 3.4, 26.2)
    assert (shown.start, shown.end) == (at(3.4), at(26.2))
    assert shown.lead_in == timedelta(seconds=1.4)  # a key frame every two seconds
    seen = pictures(target)
    assert len(seen) == round((26.2 - 3.4) * 5)
    for second, picture in (seen[0], seen[33], seen[-1]):
        assert filmed_at(camera, picture, at(3.4 + second)) == at(3.4) + timedelta(seconds=round(second, 3))


def test_the_index_comes_first_so_that_browsers_can_seek(tmp_path: Path) -> None:
    school = School(tmp_path / "storage")
    target, _ = _stitched(school, school.record("gate", 0, 20), 0, 20)
    content = target.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_same_segments_give_the_same_bytes(tmp_path: Path) -> None:
    school = School(tmp_path / "storage")
    segments = school.record("gate", 0, 20)
    target, _ = _stitched(school, segments, 1, 19)
    first = target.read_bytes()
    assert _stitched(school, segments, 1, 19)[0].read_bytes() == first


def test_files_that_overlap_leave_nothing_out(tmp_path: Path) -> None:
    school = School(tmp_path / "storage")
    first, second = school.record("gate", 0, 10)[0], school.record("gate", 8, 18)[0]
    target, shown = _stitched(school, [first, second], 0, 18)
    seen = [filmed_at("gate", picture, at(second)) for second, picture in pictures(target)]
    assert set(seen) >= {at(0) + FRAME * n for n in range(90)}
    assert shown.end == at(18)
    seconds = [second for second, _ in pictures(target)]
    assert seconds == sorted(set(seconds))


def test_a_late_first_key_frame_is_said(tmp_path: Path) -> None:
    school = School(tmp_path / "storage")
    (segment,) = school.record("gate", 5, 15)
    target, shown = _stitched(school, [segment], 5, 12)
    assert (shown.start, shown.end, shown.lead_in) == (at(5), at(12), timedelta())
    assert len(pictures(target)) == 35


def test_a_still_shows_the_first_approved_moment(tmp_path: Path) -> None:
    school = School(tmp_path / "storage")
    target, _ = _stitched(school, school.record("gate", 0, 10), 3.4, 9)
    still(target, tmp_path / "still.jpg")
    with Image.open(tmp_path / "still.jpg") as picture:
        assert filmed_at("gate", picture.convert("L"), at(3.4)) == at(3.4)


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x00" * 4096])
def test_what_is_no_video_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(Unplayable):
        inspect(file)


def test_parameters_tell_a_change_of_resolution(tmp_path: Path) -> None:
    found = []
    for name, encoding in (("small", Encoding()), ("large", Encoding(width=640, height=360))):
        school = School(tmp_path / name / "storage", encoding)
        (segment,) = school.record("gate", 0, 2)
        with school.path(segment).open("rb") as file:
            found.append(inspect(file))
    small, large = found
    assert (small.codec, small.width, small.height) == ("h264", 320, 180)
    assert small != large


def _encoded(path: Path, container: str, seconds: int, b_frames: int = 3) -> Path:
    """As better recorders encode: pictures that refer to later ones, in any container."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(
            "libx264", rate=10, options={"bf": str(b_frames), "x264-params": "b-adapt=0:scenecut=0"}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.gop_size = 40
        for number in range(seconds * 10):
            frame = av.VideoFrame(160, 120, "yuv420p")
            for plane, level in zip(frame.planes, (16 + number * 2, 128, 128), strict=True):
                plane.update(bytes([level]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_pictures_that_refer_to_later_ones_stay_whole(tmp_path: Path, container: str) -> None:
    source = _encoded(tmp_path / "source", container, 9)
    strips = [Strip(Located(tmp_path, "source").open, at(9 * n), timedelta()) for n in range(2)]
    target = tmp_path / "view.mp4"
    shown = stitch(strips, at(5.3), at(13.6), target)
    assert (shown.start, shown.lead_in) == (at(5.3), timedelta(seconds=1.3))
    levels = [round(ImageStat.Stat(picture).mean[0] * 219 / 255 / 2) for _, picture in pictures(target)]
    wanted = [*range(53, 90), *range(46)]
    assert levels[: len(wanted)] == pytest.approx(wanted, abs=1)
    assert len(levels) <= len(wanted) + 3, "no more than the pictures that the last ones refer to"
    with source.open("rb") as file:
        assert inspect(file).codec == "h264"


def test_a_file_that_goes_on_without_a_key_frame_is_shown_whole(tmp_path: Path) -> None:
    """Recorders that cut by the clock: what a file begins with refers to the file before."""
    whole = _encoded(tmp_path / "whole", "mp4", 9, b_frames=0)
    names = ("first.mp4", "second.mp4")
    with av.open(str(whole)) as source:
        video = source.streams.video[0]
        packets = [packet for packet in source.demux(video) if packet.size]
        for name, part in zip(names, (packets[:55], packets[55:]), strict=True):
            with av.open(str(tmp_path / name), "w") as output:
                stream = output.add_stream_from_template(video)
                for packet in part:
                    packet.stream = stream
                    output.mux(packet)
    strips = [Strip(Located(tmp_path, name).open, at(n * 5.5), timedelta()) for n, name in enumerate(names)]
    stitch(strips, at(0), at(9), tmp_path / "view.mp4")
    levels = [
        round(ImageStat.Stat(one).mean[0] * 219 / 255 / 2) for _, one in pictures(tmp_path / "view.mp4")
    ]
    assert levels == pytest.approx(range(90), abs=1)


def _h265(path: Path, start: float, seconds: int) -> Strip:
    """What most cameras of today encode, and most browsers cannot play."""
    recorded = CAMERAS["gate"]
    scene = Picture(f"{recorded.name} {recorded.id}", recorded.zone, 320, 180)
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("libx265", rate=5, options={"x265-params": "log-level=none:crf=20"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.gop_size = 10
        for number in range(seconds * 5):
            frame = scene.frame(at(start + number / 5))
            frame.pts, frame.time_base = number, Fraction(1, 5)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return Strip(Located(path.parent, path.name).open, at(start), timedelta())


def test_h265_is_encoded_anew_and_cut_exactly(tmp_path: Path) -> None:
    strips = [_h265(tmp_path / "first.mp4", 0, 6), _h265(tmp_path / "second.mp4", 6, 6)]
    target = tmp_path / "view.mp4"
    shown = encode(strips, at(3.4), at(10), target)
    assert (shown.start, shown.end, shown.lead_in) == (at(3.4), at(10), timedelta())
    with target.open("rb") as file:
        assert inspect(file).codec == "h264"
    seen = pictures(target)
    assert [filmed_at("gate", picture, at(3.4 + second)) for second, picture in seen] == [
        at(3.4) + FRAME * n for n in range(33)
    ]
    assert target.read_bytes().index(b"moov") < target.read_bytes().index(b"mdat")
    assert [(part.strip, part.at, part.start) for part in shown.parts] == [
        (0, timedelta(), at(3.4)),
        (1, timedelta(seconds=2.6), at(6)),
    ]


def test_h265_that_is_damaged_inside_still_shows_the_rest(tmp_path: Path) -> None:
    strip = _h265(tmp_path / "first.mp4", 0, 6)
    content = bytearray((tmp_path / "first.mp4").read_bytes())
    middle = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 3
    content[middle : middle + 200] = bytes(200)
    (tmp_path / "first.mp4").write_bytes(content)
    encode([strip], at(0), at(6), tmp_path / "view.mp4")
    assert 10 <= len(pictures(tmp_path / "view.mp4")) <= 30
