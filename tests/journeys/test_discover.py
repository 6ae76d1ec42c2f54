"""Cameras are recognised by what their recorders call their files."""

from pathlib import Path

import pytest

from reelwarden_common.district import load
from reelwarden_local.demo import own
from reelwarden_local.demo.discover import FootageError, FoundCamera, cameras_in, copy_of


def touch(folder: Path, name: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "nvr/recordings/2026-03-02/08/gate/00.10.mp4",
            FoundCamera("gate", "frigate", "nvr", files=1),
        ),
        (
            "mtx/yard/2026-03-02_08-00-00-000000.mp4",
            FoundCamera("yard", "mediamtx", "mtx", files=1),
        ),
        (
            "lab/20260302/080000.mp4",
            FoundCamera("lab", "template", "", "lab/%Y%m%d/%H%M%S.mp4", 1),
        ),
        (
            "前门 1/20260302T080000.mkv",
            FoundCamera("前门 1", "template", "前门 1", "%Y%m%dT%H%M%S.mkv", 1),
        ),
        ("x/2026-03-02_08-00-00.mp4", FoundCamera("x", "template", "x", "%Y-%m-%d_%H-%M-%S.mp4", 1)),
        ("hall-20260302080000.mkv", FoundCamera("hall", "template", "", "hall-%Y%m%d%H%M%S.mkv", 1)),
        ("y/1772400000.mp4", FoundCamera("y", "template", "y", "%s.mp4", 1)),
    ],
)
def test_a_name_tells_its_recorder(tmp_path: Path, name: str, expected: FoundCamera) -> None:
    touch(tmp_path, name)
    assert cameras_in(tmp_path) == [expected]


def test_a_folder_whose_names_tell_no_time_says_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "holiday.mp4")
    with pytest.raises(FootageError, match="reelwarden up --district"):
        cameras_in(tmp_path)


def test_a_copy_follows_no_links_and_keeps_times(tmp_path: Path) -> None:
    source, outside = tmp_path / "source", tmp_path / "outside.mp4"
    touch(source, "cam/20260302080000.mp4")
    outside.write_bytes(b"secret")
    (source / "cam" / "20260302090000.mp4").symlink_to(outside)
    assert copy_of(source, tmp_path / "copy") == ["cam/20260302080000.mp4"]
    copied = tmp_path / "copy" / "cam" / "20260302080000.mp4"
    assert copied.stat().st_mtime_ns == (source / "cam" / "20260302080000.mp4").stat().st_mtime_ns


def test_odd_names_still_make_a_valid_district(tmp_path: Path) -> None:
    for number, folder in enumerate(('前门 "1"', "back\\slash", "plain")):
        touch(tmp_path / "footage", f"{folder}/2026030208000{number}.mp4")
    own.prepare(tmp_path / "state", tmp_path / "footage")
    config = load(tmp_path / "state" / "district.toml")
    assert len(config.school("s001").cameras) == 3
