"""A folder of somebody's recordings: copied with its file times, its cameras found by file names."""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reelwarden_common.errors import Refused
from reelwarden_local.words import Words

_DAY_FOLDER = re.compile(
    r"^(?P<folder>.*?)/?(?P<source>[^/]+)/(?P<day>\d{8}|\d{4}-\d\d-\d\d)/(?P<time>\d{6}|\d\d-\d\d-\d\d)\.\w+$"
)
VIDEO = {".mp4", ".mkv", ".ts", ".m4v", ".mov", ".avi"}
_FRIGATE = re.compile(r"^(?P<folder>.*?)/?recordings/\d{4}-\d\d-\d\d/\d\d/(?P<source>[^/]+)/\d\d\.\d\d\.mp4$")
_MEDIAMTX = re.compile(r"^(?P<folder>.*?)/?(?P<source>[^/]+)/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}\.(mp4|ts)$")
_TIMES = {
    r"\d{14}": "%Y%m%d%H%M%S",
    r"\d{8}[-_T]\d{6}": "%Y%m%d{0}%H%M%S",
    r"\d{4}-\d\d-\d\d[-_T]\d\d-\d\d-\d\d": "%Y-%m-%d{0}%H-%M-%S",
    r"\d{10}": "%s",
}
"""How recorders write a moment into a name; `{0}` stands for the separator."""


class FootageError(Refused):
    """The folder cannot be played; the message says why and what to do."""


@dataclass(frozen=True)
class FoundCamera:
    """One camera, as district.toml describes it."""

    source: str
    layout: str
    folder: str
    template: str = ""
    files: int = 0


def videos_of(footage: Path) -> list[Path]:
    """The videos of a folder; symbolic links are not followed.

    Raises:
        FootageError: there is no such folder, or no video in it.
    """
    if not footage.is_dir():
        what = (
            Words("是一个文件", "is a file") if footage.exists() else Words("没有这个目录", "no such folder")
        )
        raise FootageError(
            Words(
                f"{footage}：{what.zh}。请给出录像机写入的目录。",
                f"{footage}: {what.en}. Give FOOTAGE the folder that your recorder writes into.",
            )
        )
    found = list(_videos(footage))
    if not found:
        kinds = ", ".join(sorted(VIDEO))
        raise FootageError(
            Words(
                f"{footage}：其中没有录像文件（{kinds}）。请给出录像机写入的目录。",
                f"{footage}: no video files ({kinds}) in it or below. Give the folder that your recorder "
                "writes into.",
            )
        )
    return found


def copy_of(footage: Path, target: Path) -> list[str]:
    """Copy the videos of a folder, keeping paths and file times; the original is only read.

    Returns the copies' paths below `target`.

    Raises:
        FootageError: there is no such folder, no video in it, or a file cannot be read or copied.
    """
    copied = []
    for path in videos_of(footage):
        relative = path.relative_to(footage)
        place = target / relative
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
        except OSError as error:
            raise FootageError(
                Words(f"{path} 不能复制：{error.strerror}。", f"{path} cannot be copied: {error.strerror}.")
            ) from error
        copied.append(relative.as_posix())
    return copied


def cameras_in(storage: Path) -> list[FoundCamera]:
    """The cameras whose files follow a known layout, or carry a moment in their names.

    Raises:
        FootageError: not one file name tells its time.
    """
    counts: dict[FoundCamera, int] = defaultdict(int)
    for path in _videos(storage):
        found = recognise(path.relative_to(storage).as_posix())
        if found:
            counts[found] += 1
    if not counts:
        raise FootageError(
            Words(
                f"{storage}：没有一个文件名看得出录像时间。请在 district.toml 中说明录像机"
                "（layout 或 template），再运行 `reelwarden up --district district.toml`。",
                f"{storage}: no file name tells when it was recorded. Describe the recorder in a "
                "district.toml (layout or template) and run `reelwarden up --district district.toml`.",
            )
        )
    return [
        FoundCamera(c.source, c.layout, c.folder, c.template, files)
        for c, files in sorted(counts.items(), key=lambda item: item[0].source)
    ]


def _videos(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        ours = ".reelwarden" in path.relative_to(folder).parts
        if path.suffix.lower() in VIDEO and path.is_file() and not path.is_symlink() and not ours:
            yield path


def recognise(path: str) -> FoundCamera | None:
    """The camera that a file's path speaks of, or None where it tells no time."""
    if match := _FRIGATE.match(path):
        return FoundCamera(match["source"], "frigate", match["folder"])
    if match := _MEDIAMTX.match(path):
        return FoundCamera(match["source"], "mediamtx", match["folder"])
    name = PurePosixPath(path)
    if match := _DAY_FOLDER.match(path):
        day = "%Y-%m-%d" if "-" in match["day"] else "%Y%m%d"
        clock = "%H-%M-%S" if "-" in match["time"] else "%H%M%S"
        template = f"{match['source']}/{day}/{clock}{name.suffix}"
        return FoundCamera(match["source"], "template", match["folder"], template)
    for pattern, strftime in _TIMES.items():
        match = re.search(rf"(?<!\d){pattern}(?!\d)", name.stem)
        if match:
            template = name.stem.replace(match[0], strftime.format(_separator(match[0])))
            folder = "" if str(name.parent) == "." else str(name.parent)
            source = name.parent.name or name.stem.replace(match[0], "").strip("-_ ") or "camera"
            return FoundCamera(source, "template", folder, template + name.suffix)
    return None


def _separator(moment: str) -> str:
    """The character between day and time: the ninth of 20260302-080000, the eleventh of 2026-03-02_08."""
    return next((moment[at] for at in (10, 8) if len(moment) > at and moment[at] in "-_T"), "")
