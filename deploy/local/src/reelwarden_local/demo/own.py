"""The user's own recordings as a district of one school: a copy, its cameras, its district.toml."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal

from reelwarden_local.demo.discover import (
    FootageError,
    FoundCamera,
    cameras_in,
    copy_of,
    recognise,
    videos_of,
)
from reelwarden_local.demo.sample import sample_toml
from reelwarden_local.servers.state import kept_secrets
from reelwarden_local.words import Words

SCHOOL = "s001"
SEGMENT_SECONDS = 60
COPIES = 2.5
"""The copy that is played on, its backup, and room for what is exported."""


@dataclass(frozen=True)
class OwnFootage:
    """The copy: its files below the storage, its cameras, and the people's password."""

    files: tuple[str, ...]
    cameras: tuple[FoundCamera, ...]
    password: str

    @property
    def recognised(self) -> frozenset[str]:
        """Files whose names speak of a camera and a time: each must be indexed, or rejected with a reason."""
        return frozenset(path for path in self.files if recognise(path))


def check(footage: Path, state: Path) -> None:
    """Look whether a folder can be played, before anything is made or cleared for it.

    Raises:
        FootageError: it cannot; the message says what to do.
    """
    original, copy = footage.resolve(), state.resolve()
    if original.is_relative_to(copy) or copy.is_relative_to(original):
        raise FootageError(
            Words(
                f"录像目录 {footage} 与演示要清空的状态目录 {state} 重叠：请用 --state 指定别处的目录。",
                f"the footage {footage} and the state folder {state}, which a demo clears, overlap: "
                "choose a folder elsewhere with --state.",
            )
        )
    videos = videos_of(footage)
    cameras_in(footage)
    needed = sum(path.stat().st_size for path in videos)
    free = shutil.disk_usage(next(place for place in (copy, *copy.parents) if place.is_dir())).free
    if needed * COPIES > free:
        raise FootageError(
            Words(
                f"{footage} 有 {decimal(needed)} 录像，{state} 所在磁盘只剩 {decimal(free)}；演示要复制"
                "录像并作备份。请给出小一些的目录，例如一天的录像。",
                f"{footage} holds {decimal(needed)}, and {state} has {decimal(free)} free; a demo copies "
                "the footage and backs it up. Give a smaller folder, such as a day of footage.",
            )
        )


def prepare(state: Path, footage: Path) -> OwnFootage:
    """Copy the footage and describe it.

    Raises:
        FootageError: nothing in it can be played.
    """
    state.mkdir(parents=True, exist_ok=True)
    storage = state / "recordings" / SCHOOL
    copied = copy_of(footage, storage)
    cameras = cameras_in(storage)
    _say_closed(storage, copied)
    password = kept_secrets(state / "password.json", ["people"])["people"][:12]
    (state / "district.toml").write_text(_toml(cameras, password), encoding="utf-8")
    return OwnFootage(tuple(copied), tuple(cameras), password)


def _say_closed(storage: Path, files: list[str]) -> None:
    """As a recorder's hook would: nobody writes into the copies, whatever their file times say."""
    spool = storage / ".reelwarden" / "closed"
    spool.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(files):
        (spool / str(number)).write_text(path, encoding="utf-8", errors="surrogateescape")


def _toml(cameras: list[FoundCamera], password: str) -> str:
    people = "[[people]]" + sample_toml(password).partition("[[people]]")[2].replace("s002:", f"{SCHOOL}:")
    return "\n".join([_HEAD, *(_camera(number, c) for number, c in enumerate(cameras, 1)), people])


def _camera(number: int, camera: FoundCamera) -> str:
    fields = {"layout": camera.layout, "folder": camera.folder, "source": camera.source}
    if camera.template:
        fields["template"] = camera.template
    recorder = ", ".join(f"{key} = {_quoted(value)}" for key, value in fields.items())
    return f"""
[[schools.cameras]]
id = "camera{number}"
name = {_quoted(camera.source)}
place = {_quoted(camera.source)}
place_kind = "other"
recorder = {{ {recorder}, segment_seconds = {SEGMENT_SECONDS} }}
"""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


_HEAD = f"""# Made by `make demo FOOTAGE=…` from the file names that it found.
[district]
name = "示范区教育局"
time_zone = "Asia/Shanghai"

[[schools]]
id = "{SCHOOL}"
name = "我的录像"
storage = "recordings/{SCHOOL}"
write_once = true
"""
