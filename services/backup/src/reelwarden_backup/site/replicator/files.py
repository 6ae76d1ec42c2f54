"""Files of the school's storage, opened and put back with care: nothing outside it is touched."""

import errno
import hashlib
import os
from datetime import datetime
from io import BufferedReader
from pathlib import Path, PurePosixPath

from reelwarden_common.errors import Refused

OURS = ".reelwarden"
"""What lies in it is ours and never taken for footage."""


class OutsideStorage(Refused):
    """The path leaves the school's storage, by `..` or by a link: it is not followed."""


class Occupied(Refused):
    """Another file lies where a segment should be put back: it is never overwritten."""


def open_footage(storage: Path, locator: str) -> BufferedReader:
    """Open a recorded file for reading.

    Raises:
        OutsideStorage: see there.
        FileNotFoundError, PermissionError: as the system says.
    """
    real = _inside(storage, locator).resolve(strict=True)
    if not real.is_relative_to(storage.resolve()):
        raise OutsideStorage(f"{locator!r} leads out of the storage")
    return os.fdopen(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def scratch(storage: Path, segment: str) -> Path:
    """Return where a segment is written before it is whole, on the storage's own filesystem."""
    folder = storage / OURS / "restore"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{segment}.part"


def target(storage: Path, locator: str) -> Path:
    """Return where a segment is to be put back, its folders made.

    Raises:
        OutsideStorage: see there.
    """
    path = _inside(storage, locator)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(storage.resolve()):
        raise OutsideStorage(f"{locator!r} leads out of the storage")
    return path


def put_back(part: Path, path: Path, file_time: datetime) -> None:
    """Put a whole file at its place, with its old file time, never over another.

    Raises:
        Occupied: see there.
    """
    seconds = file_time.timestamp()
    os.utime(part, (seconds, seconds))
    try:
        os.link(part, path)
    except FileExistsError:
        raise Occupied(f"another file lies at {path.name}") from None
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if path.exists():  # a filesystem without hard links: the best that can be done
            raise Occupied(f"another file lies at {path.name}") from None
        part.rename(path)
    part.unlink(missing_ok=True)
    _flush(path.parent)


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _inside(storage: Path, locator: str) -> Path:
    parts = PurePosixPath(locator)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or OURS in parts.parts:
        raise OutsideStorage(f"{locator!r} is no path below the storage")
    return storage / parts
