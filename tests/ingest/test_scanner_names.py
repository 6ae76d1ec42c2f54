"""Names read backwards: what recorders write, the scanner understands."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.district import DIRECTIVES, Layout
from reelwarden_ingest.site.scanner import recorders
from reelwarden_ingest.site.scanner.names import PATTERNS, NameTemplate
from reelwarden_ingest.site.scanner.recorders import Recorders, is_video
from reelwarden_local.recorders.layouts import Layout as WrittenLayout
from reelwarden_local.recorders.layouts import RecordedCamera
from tests.ingest.scanner_site import CAMERAS, GATE, HALL, YARD, scanned

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1))  # noqa: DTZ001 - made aware below
ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC"])
TEMPLATES = st.sampled_from(
    [
        "%Y/%m/%d/%H-%M-%S.mp4",
        "%Y%m%d%H%M%S.mkv",
        "{source}/%Y-%m-%dT%H-%M-%S.mp4",
        "%F/%T %%.mp4",
        "%Y-%j/%I.%M.%S %p.mp4",
        "%s.ts",
        "%Y/%Y-%m-%d_%H-%M-%S%z.mp4",
        "%y%m%d/%H.%M.%S-[R][0@0][0].dav",
    ]
)


@given(MOMENTS, ZONES, TEMPLATES)
def test_what_a_recorder_writes_is_read_back(moment: datetime, zone: str, template: str) -> None:
    start = moment.replace(microsecond=0, tzinfo=UTC)
    camera = RecordedCamera("hall", "走廊", WrittenLayout.TEMPLATE, "a b/走廊", "cam.1", template, zone)
    path = str(camera.path(start))
    recorders = Recorders([scanned(camera)])
    identified = recorders.identify(path)
    assert identified is not None
    assert identified.claim is not None
    assert start in identified.claim.instants
    assert any(root == "" or path.startswith(f"{root}/") for root in recorders.roots)


@given(MOMENTS, st.sampled_from(CAMERAS))
def test_known_layouts_are_read_back(moment: datetime, camera: RecordedCamera) -> None:
    start = moment.replace(tzinfo=UTC)
    identified = Recorders([scanned(c) for c in CAMERAS]).identify(str(camera.path(start)))
    assert identified is not None
    assert identified.camera.id == camera.id
    assert identified.claim is not None
    assert any(abs(start - instant) < timedelta(seconds=1) for instant in identified.claim.instants)


def test_every_directive_of_the_configuration_can_be_read() -> None:
    assert PATTERNS.keys() | {"F", "T", "%"} == DIRECTIVES


@pytest.mark.parametrize(
    ("name", "offsets"),
    [("02-30-00", [0, 1]), ("01-30-00", [-1]), ("03-30-00", [2])],
)
def test_the_hour_that_clocks_repeat_has_two_readings(name: str, offsets: list[int]) -> None:
    template = NameTemplate("%Y-%m-%d/%H-%M-%S.mp4", "", ZoneInfo("Europe/Berlin"))
    named = template.time(f"2025-10-26/{name}.mp4")
    assert named is not None
    half_past_midnight = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    assert named.instants == tuple(half_past_midnight + timedelta(hours=offset) for offset in offsets)


def test_the_hour_that_clocks_leave_out_has_two_readings() -> None:
    template = NameTemplate("%Y-%m-%d/%H-%M-%S.mp4", "", ZoneInfo("Europe/Berlin"))
    named = template.time("2025-03-30/02-30-00.mp4")
    assert named is not None
    assert len(named.instants) == 2


@pytest.mark.parametrize(
    "name", ["2026-13-01/00-00-00.mp4", "2026-02-30/00-00-00.mp4", "2026-01-01/24-00-00.mp4", "x/y.mp4"]
)
def test_impossible_times_are_none(name: str) -> None:
    assert NameTemplate("%Y-%m-%d/%H-%M-%S.mp4", "", ZoneInfo("UTC")).time(name) is None


def test_a_directive_that_comes_again_must_say_the_same() -> None:
    template = NameTemplate("%Y/%Y-%m-%d %H-%M-%S.mp4", "", ZoneInfo("UTC"))
    assert template.time("2026/2026-01-01 00-00-00.mp4") is not None
    assert template.time("2025/2026-01-01 00-00-00.mp4") is None


@pytest.mark.parametrize(
    ("path", "camera"),
    [
        ("frigate/recordings/2026-03-02/08/gate_cam/xx.mp4", "gate"),
        ("frigate/recordings/2026-03-02/08/other_cam/00.00.mp4", None),
        ("mediamtx/north/yard/recovered.mp4", "yard"),
        ("mediamtx/north/recovered.mp4", None),
        ("录像 ffmpeg/hall/any/name.mp4", "hall"),
    ],
)
def test_a_file_without_a_time_still_has_a_camera(path: str, camera: str | None) -> None:
    identified = Recorders([scanned(c) for c in CAMERAS]).identify(path)
    assert (None if identified is None else identified.camera.id) == camera
    assert identified is None or identified.claim is None


def recorded(layout: Layout, source: str = "") -> recorders.RecordedCamera:
    return recorders.RecordedCamera("cam", layout, "rec", source, "", SHANGHAI, timedelta(minutes=10))


@pytest.mark.parametrize(
    ("camera", "path"),
    [
        (recorded(Layout.MEDIAMTX, "north/cam"), "rec/north/cam/2026-03-02_08-00-05-000000.ts"),
        (recorded(Layout.MOTION), "rec/01-20260302080005.mkv"),
        (recorded(Layout.MOTION), "rec/正门-20260302080005.mp4"),
        (recorded(Layout.SHINOBI, "2Df5hBE/uqwXlVOX"), "rec/2Df5hBE/uqwXlVOX/2026-03-02T08-00-05.mp4"),
        (recorded(Layout.DAHUA, "001"), "rec/2026-03-02/001/dav/08/08.00.05-08.10.05[R][0@0][0].dav"),
    ],
)
def test_names_of_other_recorders(camera: recorders.RecordedCamera, path: str) -> None:
    identified = Recorders([camera]).identify(path)
    assert identified is not None
    assert identified.claim is not None
    assert identified.claim.instants == (datetime(2026, 3, 2, 0, 0, 5, tzinfo=UTC),)
    assert not identified.claim.vague
    assert is_video(path)


@pytest.mark.parametrize("name", ["4711-video.mp4", "4711-video.h264.mp4"])
def test_zoneminder_names_a_day(name: str) -> None:
    at = Recorders([recorded(Layout.ZONEMINDER, "3")])
    identified = at.identify(f"rec/3/2026-03-02/4711/{name}")
    assert identified is not None
    assert identified.claim is not None
    assert identified.claim.vague
    assert identified.claim.instants == (datetime(2026, 3, 1, 16, tzinfo=UTC),)
    unfinished = at.identify("rec/3/2026-03-02/4711/incomplete.mp4")
    assert unfinished is not None
    assert unfinished.claim is None
    assert at.identify(f"rec/4/2026-03-02/4711/{name}") is None


def test_free_text_does_not_swallow_the_time() -> None:
    template = NameTemplate("{any}%s{any}.mp4", "", ZoneInfo("UTC"))
    named = template.time("cam 1-1772409605.ok.mp4")
    assert named is not None
    assert named.instants == (datetime(2026, 3, 2, 0, 0, 5, tzinfo=UTC),)


def test_the_roots_are_the_fixed_folders() -> None:
    recorders = Recorders([scanned(camera) for camera in (GATE, YARD, HALL)])
    assert recorders.roots == ["frigate/recordings", "mediamtx/north/yard", "录像 ffmpeg/hall"]


def test_only_video_is_looked_at() -> None:
    assert is_video("a/B.MP4")
    assert not is_video("a/mp4")
    assert not is_video("frigate.db")
