"""Where footage lies at the school: the recorders' storage, and the vault of what is held."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reelwarden_common.district.models import OUR_FOLDER
from reelwarden_common.events.ingest import Segment

CHUNK = 1024 * 1024
_ID_FILE = "storage.id"
_VAULT = "vault"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class Located:
    """A file below a root; opened without following links in any part of its path."""

    root: Path
    path: str
    init: bytes = b""
    """What a player needs before it, where it is a fragment."""

    def playable(self) -> BinaryIO:
        """As a player reads it: a fragment with what belongs before it. Raises OSError as `open` does."""
        if not self.init:
            return self.open()
        whole = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        with self.open() as file:
            whole.write(self.init)
            shutil.copyfileobj(file, whole, CHUNK)
        whole.seek(0)
        return whole

    @property
    def suffix(self) -> str:
        """The file's ending, with its dot."""
        return Path(self.path).suffix

    def open(self) -> BinaryIO:
        """Open it for reading.

        Raises:
            OSError: it is not there, not readable, or a link stands in the way.
        """
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        *folders, name = self.path.split("/")
        try:
            for folder in folders:
                inner = os.open(folder, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            return os.fdopen(os.open(name, _FILE, dir_fd=descriptor), "rb")
        finally:
            os.close(descriptor)


class Storage:
    """A school's storage folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def is_there(self) -> bool:
        """Whether it is mounted: only then does a missing file mean anything."""
        return (self._root / OUR_FOLDER / _ID_FILE).is_file()

    def on_disk(self, segment: Segment) -> list[Located]:
        """Where the recorder wrote it; nothing for a path that leaves the storage."""
        parts = segment.locator.split("/")
        if not all(parts) or not {".", "..", OUR_FOLDER}.isdisjoint(parts):
            return []
        return [Located(self._root, segment.locator, init_of(segment))]

    def in_vault(self, segment: Segment) -> list[Located]:
        """Where the reaper keeps it while it is held: `vault/<camera>/<digest>.<ending>`."""
        folder = f"{OUR_FOLDER}/{_VAULT}/{segment.camera}"
        try:
            names = sorted(path.name for path in (self._root / folder).iterdir())
        except OSError:
            return []
        kept = [name for name in names if name.partition(".")[0] == segment.digest]
        return [Located(self._root, f"{folder}/{name}", init_of(segment)) for name in kept]


def init_of(segment: Segment) -> bytes:
    """What a player needs before a segment; empty where it is whole by itself.

    Raises:
        ValueError: it is not what its digest says.
    """
    return b"" if segment.init is None else segment.init.content()


def digest_of_file(file: BinaryIO, also: Callable[[bytes], object] = lambda _: None) -> str:
    """SHA-256 of the rest of a file; `also` sees each chunk."""
    total = hashlib.sha256()
    while chunk := file.read(CHUNK):
        total.update(chunk)
        also(chunk)
    return total.hexdigest()
