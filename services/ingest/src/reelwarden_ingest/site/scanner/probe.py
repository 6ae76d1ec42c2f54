"""What a closed file holds: digest, codec, picture, real duration, its own clock."""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EIO, ELOOP, ENOENT, ENOTDIR
from hashlib import sha256

from reelwarden_ingest.site.scanner.confined import Confined
from reelwarden_ingest.site.scanner.domain import LONGEST, Reason, Rejection, Signature
from reelwarden_ingest.site.scanner.inits import FRAGMENT, Inits, NotBeside
from reelwarden_ingest.site.scanner.mp4.boxes import Damaged, NotMp4, OpenFile, Truncated
from reelwarden_ingest.site.scanner.mp4.movie import Movie, NoVideo, read_movie
from reelwarden_ingest.site.scanner.storage import LastFolder, Storage, signature_of

BUFFER = 4 << 20
"""What a file that is not larger is held in while it is judged, so that it is read once."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GONE = frozenset((ENOENT, ENOTDIR))
REASONS = {
    Truncated: Reason.TRUNCATED,
    Damaged: Reason.DAMAGED,
    NotBeside: Reason.DAMAGED,
    NoVideo: Reason.NO_VIDEO,
}


@dataclass(frozen=True)
class Content:
    """What was read from a file; `movie` or `fault` says whether it is footage."""

    signature: Signature
    digest: str | None
    """None: it could not be read through."""
    movie: Movie | None
    fault: Rejection | None
    init: bytes | None = None
    """The file that it needs before it to be decoded."""
    passing: bool = False
    """The fault may be over when it is looked at again."""


class Unsteady(Exception):
    """The file changed while it was read: it is not closed after all."""


class Vanished(Exception):
    """The file is not there any more."""


def file_time(signature: Signature) -> datetime:
    """When a file was last written, UTC."""
    return EPOCH + timedelta(microseconds=signature.mtime_ns // 1000)


def container_start(movie: Movie) -> datetime | None:
    """What MediaMTX's clock inside the file says, UTC."""
    return None if movie.ntp_ns is None else EPOCH + timedelta(microseconds=movie.ntp_ns // 1000)


def read(
    storage: Storage | LastFolder,
    path: str,
    seen: Signature,
    inits: Inits,
    buffer: bytearray | None = None,
) -> Content:
    """Read a file once through for its digest, then its index. Blocks: call it in a thread.

    Args:
        storage: the school's storage.
        path: below the storage.
        seen: its signature when last seen, which stands if it cannot be opened.
        inits: the files that fragments need before them.
        buffer: to read into; one for many files spares the system making one for each.

    Raises:
        Unsteady: it changed meanwhile.
        Vanished: it is gone.
    """
    try:
        with storage.opened(path) as descriptor:
            return _read(descriptor, path, inits, buffer or bytearray(BUFFER))
    except OSError as error:
        if error.errno in GONE:
            raise Vanished(path) from error
        detail = "a link stands in the way" if error.errno == ELOOP else os.strerror(error.errno or EIO)
        return Content(seen, None, None, Rejection(Reason.UNREADABLE, detail))


def _read(descriptor: int, path: str, inits: Inits, buffer: bytearray) -> Content:
    before = os.fstat(descriptor)
    signature = signature_of(before)
    if not stat.S_ISREG(before.st_mode):
        return Content(signature, None, None, Rejection(Reason.UNREADABLE, "not a regular file"))
    digest, file = _digest(descriptor, before.st_size, buffer)
    movie: Movie | None = None
    fault: Rejection | None = None
    init: bytes | None = None
    passing = False
    if before.st_size == 0:
        fault = Rejection(Reason.EMPTY, "the file has no content")
    else:
        try:
            init = inits.of(path, descriptor) if path.endswith(FRAGMENT) else None
            movie = _movie(file, init, inits.ffmpeg)
        except (Truncated, Damaged, NoVideo) as error:
            fault = Rejection(REASONS[type(error)], str(error))
            passing = isinstance(error, NotBeside)
    if signature_of(os.fstat(descriptor)) != signature:
        raise Unsteady(path)
    return Content(signature, digest, movie, fault, init, passing)


def _digest(descriptor: int, size: int, buffer: bytearray) -> tuple[str, OpenFile]:
    """The digest, and the file with what was read last still in memory: all of it if it fits."""
    digest = sha256()
    view = memoryview(buffer)
    read_to, held = 0, 0
    while length := os.readv(descriptor, [buffer]):
        digest.update(view[:length])
        read_to, held = read_to + length, length
    return digest.hexdigest(), OpenFile(descriptor, size, view[:held], read_to - held)


def _movie(file: OpenFile, init: bytes | None, ffmpeg: Confined) -> Movie:
    try:
        movie = read_movie(file, init)
    except NotMp4:
        movie = ffmpeg.probe(file.fd)
    if movie.duration_ms > LONGEST // timedelta(milliseconds=1):
        raise Damaged(f"it claims to last {movie.duration_ms // 3_600_000} hours")
    return movie
