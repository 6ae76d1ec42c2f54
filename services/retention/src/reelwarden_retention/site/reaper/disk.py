"""The storage folder as the reaper touches it: no symbolic link is ever followed, nothing is overwritten."""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reelwarden_common.district.models import OUR_FOLDER
from reelwarden_common.errors import Transient

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CHUNK = 1 << 20
_FICLONE = 0x40049409
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)
"""What file systems answer that know no hard links, or no more of them."""
TRASH = f"{OUR_FOLDER}/trash"
VAULT = f"{OUR_FOLDER}/vault"
ID = f"{OUR_FOLDER}/storage.id"
LOCK = f"{OUR_FOLDER}/sweep.lock"


class Busy(Transient):
    """Another process erases on this storage."""


@dataclass(frozen=True)
class Content:
    """What a file was found to hold."""

    digest: str
    size: int


class Disk:
    """One storage root. Places are paths below it, with `/`. Every method may raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def folder(self, place: str, *, make: bool = False) -> Iterator[int]:
        """A descriptor of a folder below the root."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in place.split("/") if place else ():
                if part in ("", ".", ".."):
                    raise OSError(errno.EINVAL, "not a place below the storage", place)
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=descriptor)
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def look(self, place: str) -> os.stat_result | None:
        """A regular file's status; None where there is none, or something else."""
        folder, _, name = place.rpartition("/")
        try:
            with self.folder(folder) as descriptor:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL):
                return None
            raise
        return found if stat.S_ISREG(found.st_mode) else None

    def files(self, place: str, after: str, limit: int) -> list[str]:
        """Files of a folder and of the folders right below it, by name below it, from `after` on."""
        found: list[str] = []
        with suppress(FileNotFoundError), self.folder(place) as descriptor, os.scandir(descriptor) as entries:
            for entry in list(entries):
                if entry.is_file(follow_symlinks=False):
                    found.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    with self.folder(f"{place}/{entry.name}") as inner, os.scandir(inner) as below:
                        found += [f"{entry.name}/{one.name}" for one in below]
        return sorted(name for name in found if name > after)[:limit]

    def total(self) -> int:
        """The size of the storage's file system, in bytes."""
        found = os.statvfs(self.root)
        return found.f_blocks * found.f_frsize

    def same(self, place: str, copy: str) -> bool:
        """Whether a file is still the one that a link or a copy was made of, judged without reading it."""
        one, other = self.look(place), self.look(copy)
        if one is None or other is None:
            return False
        linked = (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
        return linked or (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)

    def read(self, place: str) -> Content:
        """Hash a file."""
        folder, _, name = place.rpartition("/")
        with self.folder(folder) as descriptor:
            opened = os.open(name, _FILE, dir_fd=descriptor)
        with open(opened, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
            return _hashed(file.fileno())

    def rename(self, place: str, to: str) -> None:
        """Move a file, both folders made durable. `to` must not exist: callers use names of their own."""
        with self._two(place, to) as (source, name, target, new):
            os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
            os.fsync(target)
            os.fsync(source)

    def link(self, place: str, to: str) -> None:
        """Give a file a second name. Raises FileExistsError where `to` is taken."""
        with self._two(place, to) as (source, name, target, new):
            os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            os.fsync(target)

    def copy(self, place: str, to: str) -> None:
        """A copy of its own, sharing blocks where the file system can; whole or not there."""
        with self._two(place, to) as (source, name, target, new):
            draft = f".{new}.part"
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=target)
            opened = os.open(name, _FILE, dir_fd=source)
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                made = os.open(draft, flags, 0o644, dir_fd=target)
                try:
                    _clone(opened, made)
                    found = os.fstat(opened)
                    os.utime(made, ns=(found.st_atime_ns, found.st_mtime_ns))
                    os.fsync(made)
                finally:
                    os.close(made)
            finally:
                os.close(opened)
            os.rename(draft, new, src_dir_fd=target, dst_dir_fd=target)
            os.fsync(target)

    def discard_part(self, place: str) -> None:
        """Remove what a copy to `place` left that was cut off."""
        folder, _, name = place.rpartition("/")
        self.unlink([f"{folder}/.{name}.part"])

    def put_back(self, place: str, to: str) -> bool:
        """Move a file to where it belongs unless something else is there; tells whether it is there now."""
        here = self.look(place)
        if here is None:
            return False
        try:
            self.link(place, to)
        except FileExistsError:
            there = self.look(to)
            if there is None or (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
                return False
        except OSError as error:
            if error.errno not in _NO_LINKS or self._taken(to):
                raise
            self.rename(place, to)
            return True
        self.unlink([place])
        return True

    def _taken(self, place: str) -> bool:
        folder, _, name = place.rpartition("/")
        with self.folder(folder) as descriptor:
            try:
                os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return False
        return True

    def settle(self, place: str, to: str) -> None:
        """Give a file its final name; what has it already holds the same and stays."""
        if self.look(to) is None:
            self.rename(place, to)
        else:
            self.unlink([place])

    def unlink(self, places: list[str]) -> None:
        """Remove files for good; their folders are made durable. What is not there is passed over."""
        folders: dict[str, list[str]] = {}
        for place in places:
            folder, _, name = place.rpartition("/")
            folders.setdefault(folder, []).append(name)
        for folder, names in folders.items():
            try:
                with self.folder(folder) as descriptor:
                    for name in names:
                        with suppress(FileNotFoundError):
                            os.unlink(name, dir_fd=descriptor)
                    os.fsync(descriptor)
            except FileNotFoundError:
                continue

    def identity(self) -> str | None:
        """The text of the storage's id file; None: it is not there, so this may be an empty mount point."""
        try:
            return (self.root / ID).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who erases on this storage while the block runs.

        Raises:
            Busy: somebody else does.
        """
        folder, _, name = LOCK.rpartition("/")
        with self.folder(folder, make=True) as descriptor:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(name, flags, 0o644, dir_fd=descriptor)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Busy(f"{self.root / LOCK} is locked by another process") from error
        finally:
            os.close(lock)

    @contextmanager
    def _two(self, place: str, to: str) -> Iterator[tuple[int, str, int, str]]:
        folder, _, name = place.rpartition("/")
        target, _, new = to.rpartition("/")
        with self.folder(folder) as one, self.folder(target, make=True) as other:
            yield one, name, other, new


def _hashed(descriptor: int) -> Content:
    total, size = hashlib.sha256(), 0
    while chunk := os.read(descriptor, _CHUNK):
        total.update(chunk)
        size += len(chunk)
    return Content(total.hexdigest(), size)


def _clone(source: int, target: int) -> None:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        while chunk := os.read(source, _CHUNK):
            view = memoryview(chunk)
            while view:
                view = view[os.write(target, view) :]
