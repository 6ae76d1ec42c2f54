"""A school's storage folder: whose it is, what lies in it, how a file is opened without being led astray."""

import json
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from reelwarden_common.district.models import OUR_FOLDER
from reelwarden_common.errors import Transient
from reelwarden_ingest.site.scanner.domain import Reason, Rejection, Signature

ID_FILE = "storage.id"
HOOK_FOLDER = "closed"
LONGEST_PATH = 4096
"""Longer ones do not fit into an event, and no system opens them."""
NO_LINKS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""O_NONBLOCK: opening a named pipe must not wait for its writer."""


class Unbound(Transient):
    """The storage folder is not the one that this school's catalogue was made from."""


@dataclass(frozen=True)
class Entry:
    """One name in a folder that is not a folder itself."""

    path: str
    signature: Signature
    problem: Rejection | None = None
    """Why it is not even opened."""


@dataclass(frozen=True)
class Listing:
    """A folder at one moment."""

    folder: str
    mtime_ns: int
    entries: tuple[Entry, ...]
    subfolders: tuple[str, ...]


class Storage:
    """The folder below which a school's recorders write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._id_path = root / OUR_FOLDER / ID_FILE

    def bind(self, school: str, known: str | None) -> str:
        """The storage's id, made at the first start.

        Args:
            school: whose catalogue asks.
            known: the id that its catalogue was made from; None if the catalogue is empty.

        Raises:
            Unbound: the folder is missing, is another school's, or is not the one of the catalogue
                (unmounted, swapped, emptied); nothing may be concluded from what is not in it.
        """
        try:
            text = self._id_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = None
        except OSError as error:
            raise Unbound(f"{self._id_path}: {error.strerror}") from error
        if text is None:
            return self._first_id(school, known)
        try:
            found = json.loads(text)
            owner, identifier = str(found["school"]), str(found["storage"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unbound(f"{self._id_path} is not readable: restore it, do not delete it") from error
        if owner != school:
            raise Unbound(f"{self.root} is the storage of school {owner!r}, not of {school!r}: see its mount")
        if known not in (None, identifier):
            raise Unbound(
                f"{self.root} is another storage ({identifier}) than the one of the catalogue ({known})"
            )
        return identifier

    def _first_id(self, school: str, known: str | None) -> str:
        if known is not None:
            raise Unbound(f"{self.root} has lost its id {known}: unmounted, or emptied? Mount it again")
        if not self.root.is_dir():
            raise Unbound(f"{self.root} does not exist: mount the storage, or mend district.toml")
        identifier = uuid.uuid4().hex
        try:
            self._id_path.parent.mkdir(mode=0o755, exist_ok=True)
            draft = self._id_path.with_suffix(".new")
            with draft.open("w", encoding="utf-8") as file:
                json.dump({"school": school, "storage": identifier}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._id_path)
        except OSError as error:
            raise Unbound(f"{self._id_path} cannot be written: {error.strerror}") from error
        return identifier

    def closed_by_hook(self) -> list[str]:
        """Paths that recorders' hooks left in our folder, taken away: each a file that holds one path."""
        spool = self.root / OUR_FOLDER / HOOK_FOLDER
        paths = []
        for note in sorted(spool.iterdir()) if spool.is_dir() else ():
            text = note.read_text(encoding="utf-8", errors="replace").strip("\n")
            if not text:
                continue  # it is being written just now
            note.unlink()
            path = Path(os.path.normpath(self.root / text))
            if path.is_relative_to(self.root):
                paths.append(str(path.relative_to(self.root)))
        return paths

    def writable(self) -> bool:
        """Whether our folder can be written to: not on a disk that is mounted, or turned, read-only."""
        return os.access(self._id_path.parent, os.W_OK)

    def space(self) -> tuple[int, int]:
        """Bytes in all and bytes free for us."""
        found = os.statvfs(self.root)
        return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize

    @contextmanager
    def opened(self, path: str, flags: int = NO_LINKS) -> Iterator[int]:
        """Open what lies below the root, following no symbolic link in any part of the path.

        Raises:
            OSError: ENOENT, EACCES …; ELOOP or ENOTDIR where a link stands in the way.
        """
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            parts = path.split("/") if path else []
            for position, part in enumerate(parts):
                last = position == len(parts) - 1
                inner = os.open(part, flags if last else NO_LINKS | os.O_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def look(self, path: str) -> Entry | None:
        """One path without opening it; None if nothing is there (any more) or it is a folder."""
        return self.look_in(*path.rpartition("/")[::2])[0]

    def look_in(self, folder: str, *names: str) -> list[Entry | None]:
        """The same for names in one folder."""
        try:
            with self.opened(folder, NO_LINKS | os.O_DIRECTORY) as descriptor:
                return [self._look(descriptor, folder, name) for name in names]
        except OSError:
            return [None] * len(names)

    def _look(self, descriptor: int, folder: str, name: str) -> Entry | None:
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            return None
        path = f"{folder}/{name}" if folder else name
        return None if stat.S_ISDIR(found.st_mode) else self._entry(path, found)

    def mtime_ns(self, folder: str) -> int:
        """When names in a folder last came or went. Raises OSError."""
        with self.opened(folder, NO_LINKS | os.O_DIRECTORY) as descriptor:
            return os.fstat(descriptor).st_mtime_ns

    def list(self, folder: str) -> Listing:
        """What a folder holds; ours is left out.

        Raises:
            OSError: it cannot be read; nothing may be concluded about what lies in it.
        """
        entries, subfolders = [], []
        with self.opened(folder, NO_LINKS | os.O_DIRECTORY) as descriptor:
            mtime_ns = os.fstat(descriptor).st_mtime_ns
            with os.scandir(descriptor) as found:
                for one in found:
                    path = f"{folder}/{one.name}" if folder else one.name
                    if one.name == OUR_FOLDER or len(path) > LONGEST_PATH:
                        continue
                    if one.is_dir(follow_symlinks=False):
                        subfolders.append(path)
                        continue
                    try:
                        status = one.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if (entry := self._entry(path, status)) is not None:
                        entries.append(entry)
        return Listing(folder, mtime_ns, tuple(entries), tuple(subfolders))

    def _entry(self, path: str, status: os.stat_result) -> Entry | None:
        """None for a link to what lies in the storage anyway."""
        problem = None
        if stat.S_ISLNK(status.st_mode):
            target = os.path.realpath(self.root / path)
            if Path(target).is_relative_to(os.path.realpath(self.root)):
                return None
            problem = Rejection(Reason.SYMLINK_OUTSIDE, f"a link to {printable(target)}"[:400])
        elif not stat.S_ISREG(status.st_mode):
            problem = Rejection(Reason.UNREADABLE, "not a regular file")
        elif printable(path) != path:
            problem = Rejection(Reason.UNREADABLE_NAME, "the name is not UTF-8")
        return Entry(path, signature_of(status), problem)


class LastFolder:
    """Opens files one after the other; the folder of the last one stays open for the next in it."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self._stack = storage, ExitStack()
        self._folder: str | None = None
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """As `Storage.opened`."""
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._stack.close()
            self._folder = None
            directory = self._storage.opened(folder, NO_LINKS | os.O_DIRECTORY)
            self._descriptor = self._stack.enter_context(directory)
            self._folder = folder
        descriptor = os.open(name, NO_LINKS, dir_fd=self._descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def signature_of(status: os.stat_result) -> Signature:
    """From a file's status. Inodes of some file systems have 64 bits, SQLite's numbers 63."""
    return Signature(status.st_size, status.st_mtime_ns, status.st_ino & (2**63 - 1))


def printable(path: str) -> str:
    """A path as text: bytes that are not UTF-8 are written as a backslash, x and their number."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")[:LONGEST_PATH]
