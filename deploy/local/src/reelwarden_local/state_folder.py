"""A state folder belongs to one running stack at a time, and is cleared only where a demo made it."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from reelwarden_common.errors import Refused
from reelwarden_local.words import Words

MARKER = ".reelwarden-state.json"
"""In every state folder: who runs on it (locked while it runs), and whether a demo may clear it."""


class StateFolderError(Refused):
    """The folder cannot be used for a stack; the message says why and what to do."""


class StateFolder:
    """A folder that this process holds; see `hold` and `hold_for_demo`."""

    def __init__(self, path: Path, marker: IO[str]) -> None:
        self.path = path
        self._marker = marker
        self._told: dict[str, Any] = {}

    def tell(self, **facts: object) -> None:
        """Write down, for whoever comes second, what runs here."""
        self._told |= facts
        self._marker.seek(0)
        self._marker.truncate()
        json.dump(self._told, self._marker)
        self._marker.flush()


class AlreadyRunning(StateFolderError):
    """Another stack runs on it."""


@contextmanager
def hold(path: Path) -> Iterator[StateFolder]:
    """Hold a folder, made where it is missing, until the block ends; the kernel lets go if the process dies.

    From then on no demo clears it, even where one made it.

    Raises:
        StateFolderError: another stack runs on it, or it cannot be written.
    """
    with _marker_of(path) as marker:
        folder = StateFolder(path, marker)
        folder.tell(pid=os.getpid())
        yield folder


@contextmanager
def hold_for_demo(path: Path) -> Iterator[StateFolder]:
    """Hold a folder and clear it; it must be new, empty, or an earlier demo's.

    Raises:
        StateFolderError: as `hold`, or something else than a demo lies in it.
    """
    if path.is_dir() and not (path / MARKER).is_file() and _filled(path):
        raise _not_a_demos(path)
    with _marker_of(path) as marker:
        if _filled(path) and not _read(marker).get("demo"):
            raise _not_a_demos(path)
        _clear(path)
        folder = StateFolder(path, marker)
        folder.tell(demo=True, pid=os.getpid())
        yield folder


@contextmanager
def _marker_of(path: Path) -> Iterator[IO[str]]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        marker = (path / MARKER).open("a+", encoding="utf-8")
    except OSError as error:
        raise _unusable(path, error) from error
    with marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(_already(_read(marker))) from None
        yield marker


def _already(told: dict[str, Any]) -> Words:
    url, pid = told.get("url"), told.get("pid", "?")
    return Words(
        f"已经在运行：{url}（进程 {pid}）。" if url else f"已经在启动（进程 {pid}）。",
        f"already running at {url} (pid {pid})." if url else f"already starting (pid {pid}).",
    )


def _unusable(path: Path, error: OSError) -> StateFolderError:
    return StateFolderError(
        Words(
            f"状态目录 {path} 不能使用：{error.strerror}。请用 --state 指定另一个目录。",
            f"the state folder {path} cannot be used: {error.strerror}. Choose another with --state.",
        )
    )


def _not_a_demos(path: Path) -> StateFolderError:
    return StateFolderError(
        Words(
            f"{path} 不是演示的状态目录，不会清空：请用 --state 指定一个新的或空的目录。",
            f"{path} is not the folder of an earlier demo and will not be cleared: "
            "choose a new or empty folder with --state.",
        )
    )


def _read(marker: IO[str]) -> dict[str, Any]:
    """What the marker says; nothing while its owner writes it."""
    marker.seek(0)
    try:
        told = json.load(marker)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _filled(path: Path) -> bool:
    try:
        return any(child.name != MARKER for child in path.iterdir())
    except OSError as error:
        raise _unusable(path, error) from error


def _clear(path: Path) -> None:
    try:
        for child in path.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            elif child.name != MARKER:
                child.unlink()
    except OSError as error:
        raise _unusable(path, error) from error
