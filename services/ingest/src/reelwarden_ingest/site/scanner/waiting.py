"""Files that are known of and not catalogued yet: still open, or waiting for their turn to be read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice

from reelwarden_ingest.site.scanner.domain import SETTLED, Closing, Rejection, Sighting, Signature, closed_by
from reelwarden_ingest.site.scanner.probe import file_time
from reelwarden_ingest.site.scanner.recorders import Identified

UNKNOWN_LENGTH = timedelta(seconds=60)
"""Taken for the segment length of a file whose camera is not known."""

OPEN_SEGMENTS = 3
"""A file that is still written to is at most this many segments long, whatever its recorder is set to."""


@dataclass(frozen=True)
class Waiting:
    """One file. `since` and `closed_at` are seconds of a monotonic clock."""

    path: str
    signature: Signature
    identified: Identified | None
    since: float
    """When this signature was first seen."""
    problem: Rejection | None = None
    """It is rejected without being opened."""
    hooked: bool = False
    closing: Closing | None = None
    closed_at: float = 0.0

    @property
    def camera(self) -> str | None:
        """Its camera's id."""
        return None if self.identified is None else self.identified.camera.id

    @property
    def start(self) -> datetime:
        """What its name claims, else its file time; of a name that tells a day, no later than it can be."""
        written = file_time(self.signature)
        if self.identified is None or self.identified.claim is None:
            return written
        claimed = min(self.identified.claim.instants)
        if not self.identified.claim.vague:
            return claimed
        return max(claimed, written - OPEN_SEGMENTS * self.identified.camera.segment_length)

    @property
    def tells_moment(self) -> bool:
        """Whether its name says when it starts, so that the order of a camera's files is known."""
        claim = None if self.identified is None else self.identified.claim
        return claim is not None and not claim.vague


class WaitingRoom:
    """Open files, closed ones in the order in which they are read, and those being read; all by path.

    What was just recorded is read before old footage: a school's first indexing takes hours.
    """

    def __init__(self) -> None:
        self._open: dict[str, Waiting] = {}
        self._live: dict[str, Waiting] = {}
        self._old: dict[str, Waiting] = {}
        self._taken: dict[str, Waiting] = {}
        self._leading: dict[str, tuple[datetime, datetime]] = {}
        """Per camera, claimed start and file time of the file with the latest claimed start."""

    @property
    def _unread(self) -> tuple[dict[str, Waiting], ...]:
        return self._open, self._live, self._old

    def lead(self, camera: str, start: datetime, written: datetime) -> None:
        """Take note of a file that may be the successor of others."""
        if camera not in self._leading or self._leading[camera][0] <= start:
            self._leading[camera] = (start, written)

    def see(self, found: Waiting) -> None:
        """A file that the catalogue does not know like this; with another signature its time starts anew."""
        before = next((group[found.path] for group in self._unread if found.path in group), None)
        if before is not None and before.signature == found.signature:
            return
        if before is not None and before.hooked:
            found = replace(found, hooked=True)
        self.drop(found.path)
        self._open[found.path] = found
        if found.camera is not None and found.tells_moment:
            self.lead(found.camera, found.start, file_time(found.signature))

    def hook(self, path: str) -> None:
        """The recorder says that it closed this file."""
        if path in self._open:
            self._open[path] = replace(self._open[path], hooked=True)

    def drop(self, path: str) -> None:
        """The file is gone."""
        for group in self._unread:
            group.pop(path, None)

    def close(self, now: datetime, monotonic: float) -> None:
        """Apply the closing rule to the open files."""
        for path, one in list(self._open.items()):
            closing = self._closing(one, now, monotonic)
            if closing is not None:
                del self._open[path]
                group = self._live if now - file_time(one.signature) < SETTLED else self._old
                group[path] = replace(one, closing=closing, closed_at=monotonic)

    def take(self, limit: int) -> list[Waiting]:
        """Closed files to be read now; they stay known until `done`."""
        taken = list(islice(chain(self._live.values(), self._old.values()), limit))
        for one in taken:
            self.drop(one.path)
            self._taken[one.path] = one
        return taken

    def done(self, path: str) -> None:
        """The file is in the catalogue, or gone."""
        self._taken.pop(path, None)

    @property
    def backlog(self) -> int:
        """Closed files not taken yet."""
        return len(self._live) + len(self._old)

    def __len__(self) -> int:
        return len(self._open) + self.backlog + len(self._taken)

    def __contains__(self, path: str) -> bool:
        return any(path in group for group in (*self._unread, self._taken))

    def starts(self, camera: str) -> Iterator[datetime]:
        """Claimed starts of a camera's files here."""
        for group in (*self._unread, self._taken):
            yield from (one.start for one in group.values() if one.camera == camera)

    def _closing(self, one: Waiting, now: datetime, monotonic: float) -> Closing | None:
        length, successor = UNKNOWN_LENGTH, None
        if one.identified is not None:
            length = one.identified.camera.segment_length
            leading = self._leading.get(one.identified.camera.id)
            if leading is not None and one.tells_moment and leading[0] > one.start:
                successor = leading[1]
        sighting = Sighting(
            file_time=file_time(one.signature),
            unchanged_for=timedelta(seconds=monotonic - one.since),
            hooked=one.hooked,
            successor_time=successor,
        )
        return closed_by(sighting, length, now)
