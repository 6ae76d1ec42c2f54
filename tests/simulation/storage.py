"""A school's storage: what recorders write, what the scanner reads of it, the reaper's faulty disk."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reelwarden_common.clock import Clock
from reelwarden_common.district import Layout
from reelwarden_common.identity import segment_id
from reelwarden_ingest.site.scanner.domain import Reason, Rejection, Signature
from reelwarden_ingest.site.scanner.mp4.movie import Movie
from reelwarden_ingest.site.scanner.probe import Content, Unsteady, Vanished
from reelwarden_ingest.site.scanner.reader import Outcome
from reelwarden_ingest.site.scanner.recorders import RecordedCamera
from reelwarden_ingest.site.scanner.storage import Storage, signature_of
from reelwarden_ingest.site.scanner.verdict import judge, unopened
from reelwarden_ingest.site.scanner.waiting import Waiting
from reelwarden_retention.site.reaper.disk import Disk
from tests.simulation.faults import Faults

LENGTH = timedelta(minutes=10)
CAMERAS = ("gate", "yard")
"""The gate's recorder names files by time, the yard's counts them in a ring and takes names again."""
RING = 9
_MARK = b"RW"


@dataclass(frozen=True)
class Piece:
    """What a recorder wrote, known to the world whatever the roles know."""

    id: str
    camera: str
    start: datetime
    end: datetime
    digest: str
    content: bytes
    locator: str


def piece(school: str, camera: str, start: datetime, locator: str, salt: int) -> Piece:
    """A file of ten minutes: like MediaMTX's, it tells when it begins."""
    micros = int(start.timestamp() * 1_000_000)
    content = b"%s %d %d\n" % (_MARK, micros, salt) + bytes([salt % 256]) * 50
    digest = hashlib.sha256(content).hexdigest()
    name = segment_id(school, camera, start, digest)
    return Piece(name, camera, start, start + LENGTH, digest, content, locator)


def recorders() -> list[RecordedCamera]:
    """Both cameras, as `district.toml` would have them."""
    return [
        RecordedCamera(name, Layout.TEMPLATE, "", name, "{source}/%Y%m%d-%H%M%S.mp4", ZoneInfo("UTC"), LENGTH)
        for name in CAMERAS
    ]


def write(root: Path, one: Piece, *, written: datetime | None = None) -> None:
    """A new file at its place; one that is there is replaced, not written into."""
    path = root / one.locator
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(one.content)
    moment = (written or one.end).timestamp()
    os.utime(path, (moment, moment))


class InlineReader:
    """The scanner's reader without threads: our files are lines of text, and judged as footage is."""

    def __init__(self, school: str, storage: Storage, clock: Clock) -> None:
        self._school, self._storage, self._clock = school, storage, clock
        self._read: list[Outcome] = []

    @property
    def busy(self) -> bool:
        return bool(self._read)

    def feed(self, backlog: int, take: Callable[[int], Sequence[Waiting]]) -> None:
        self._read += [self._outcome(one) for one in take(backlog)] if backlog else []

    async def collect(self, _seconds: float) -> list[Outcome]:
        done, self._read = self._read, []
        return done

    def stop(self) -> None:
        """Nothing runs."""

    def _outcome(self, file: Waiting) -> Outcome:
        if file.problem is not None:
            return Outcome(file, unopened(file.path, file.signature, file.camera, file.problem))
        try:
            content = self._content(file.path, file.signature)
        except (Unsteady, Vanished):
            return Outcome(file, None)
        return Outcome(file, judge(self._school, file.path, file.identified, content, self._clock()))

    def _content(self, path: str, seen: Signature) -> Content:
        try:
            with self._storage.opened(path) as descriptor:
                signature, data = signature_of(os.fstat(descriptor)), os.read(descriptor, 1 << 16)
        except OSError as error:
            raise Vanished from error
        if signature != seen:
            raise Unsteady
        digest, words = hashlib.sha256(data).hexdigest(), data.split(b"\n")[0].split()
        if not words or words[0] != _MARK:
            return Content(signature, digest, None, Rejection(Reason.DAMAGED, "it is no footage"))
        milliseconds = LENGTH // timedelta(milliseconds=1)
        movie = Movie("h264", 640, 360, milliseconds, int(words[1]) * 1000)
        return Content(signature, digest, movie, None)


class FaultyDisk(Disk):
    """The reaper's disk: full now and then, and the process may die before and after each act."""

    def __init__(self, root: Path, role: str, faults: Faults) -> None:
        super().__init__(root)
        self._role, self._faults = role, faults

    def rename(self, place: str, to: str) -> None:
        self._faults.point(self._role)
        super().rename(place, to)
        self._faults.point(self._role)

    def link(self, place: str, to: str) -> None:
        self._faults.writing(self._role)
        super().link(place, to)
        self._faults.point(self._role)

    def copy(self, place: str, to: str) -> None:
        self._faults.writing(self._role)
        super().copy(place, to)
        self._faults.point(self._role)

    def unlink(self, places: list[str]) -> None:
        for place in places:
            self._faults.point(self._role)
            super().unlink([place])
        self._faults.point(self._role)
