"""The scanner's rules: when a file is closed, what follows from its content, how far the catalogue goes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from reelwarden_common.events.ingest import Segment
from reelwarden_common.period import KeepPeriod

LONGEST = timedelta(hours=24)
"""No segment lasts longer: a longer one is a damaged index or an attack on ours."""
SETTLED = timedelta(hours=1)
"""A file not touched for this long needs no watching; younger ones do, as clocks of servers differ."""
JITTER_MS = 100
"""Recorders need a moment between two files."""
UNSEEN_SEGMENTS = 3
"""Footage not on the disk yet (in a recorder's cache, being moved) is at most this many segments old."""


class Reason(StrEnum):
    """Why a file is no footage. What people read is made from it."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    NO_VIDEO = "no-video"
    UNREADABLE = "unreadable"
    UNREADABLE_NAME = "unreadable-name"
    UNREADABLE_TIME = "unreadable-time"
    CLOCK_IMPLAUSIBLE = "clock-implausible"
    SYMLINK_OUTSIDE = "symlink-outside"
    UNKNOWN_CAMERA = "unknown-camera"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Rejection:
    """A reason, and a sentence for a person with what was seen."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Signature:
    """What changes when a file changes; cheap to compare for millions of files."""

    size: int
    mtime_ns: int
    inode: int


class Closing(StrEnum):
    """What told that a recorder is done with a file."""

    HOOK = "hook"
    SUCCESSOR = "successor"
    STABLE = "stable"


@dataclass(frozen=True)
class Sighting:
    """What is known about a file that may still be written to."""

    file_time: datetime
    unchanged_for: timedelta
    """How long we have seen it with this size and file time."""
    hooked: bool = False
    successor_time: datetime | None = None
    """The file time of the camera's file with the latest claimed start, if that is a later one."""


def closed_by(sighting: Sighting, segment_length: timedelta, now: datetime) -> Closing | None:
    """The closing rule; None while the file may still be open.

    A recorder that opens a file has closed the one before: the successor was written last. Where the file
    itself was written last (an old one that is being copied back) a successor proves nothing.
    """
    twice = 2 * segment_length
    if sighting.hooked:
        return Closing.HOOK
    if sighting.successor_time is not None and sighting.successor_time >= sighting.file_time:
        return Closing.SUCCESSOR
    if sighting.unchanged_for >= twice or now - sighting.file_time >= max(SETTLED, twice):
        return Closing.STABLE
    return None


class State(StrEnum):
    """Where a segment of the catalogue stands."""

    PRESENT = "present"
    ALTERED = "altered"
    DISPLACED = "displaced"
    """Other footage has its place; where it is itself will show, or that it is gone."""
    LOST = "lost"
    ERASED = "erased"
    """By us, with a certificate."""
    OVERWRITTEN = "overwritten"
    """By its own recorder, which erases by itself, and not before its period was over."""


ON_DISK = frozenset((State.PRESENT, State.ALTERED))


@dataclass(frozen=True)
class Known:
    """A segment as catalogued."""

    id: str
    locator: str
    digest: str
    state: State
    start: datetime
    uncertainty_ms: int
    signature: Signature
    found_digest: str | None = None
    """What an altered file was last found to hold."""


@dataclass(frozen=True)
class Found:
    """A file that was examined: footage, or rejected, or (neither) not readable just now."""

    locator: str
    signature: Signature
    camera: str | None
    digest: str | None
    segment: Segment | None = None
    rejection: Rejection | None = None
    look_again: datetime | None = None
    """The reason may pass: look then."""


@dataclass(frozen=True)
class Keeping:
    """Who erases a camera's footage, and how long it must be kept (R3.1)."""

    managed: bool
    period: KeepPeriod

    def overwritten(self, end: datetime, now: datetime) -> bool:
        """Whether its own recorder may rightly have overwritten footage that ended then."""
        return not self.managed and self.period.due(end) - self.period.grace <= now


@dataclass(frozen=True)
class Said:
    """What was last told about a camera."""

    silent_since: datetime | None
    offset_ms: int


class Step(StrEnum):
    """What follows from having examined a file."""

    RECORD = "record"
    UNCHANGED = "unchanged"
    ALTERED = "altered"
    BACK = "back"
    MOVED = "moved"
    DUPLICATE = "duplicate"
    REJECT = "reject"
    WAIT = "wait"


def takes_place(found: Found, here: Known) -> bool:
    """Whether a file has the place of other footage: its content and its start are others.

    Footage whose content alone changed is altered footage. Starts that clocks cannot tell apart are the same.
    """
    if found.segment is None or here.state not in ON_DISK or found.digest in (here.digest, here.found_digest):
        return False
    unsure = timedelta(milliseconds=max(here.uncertainty_ms, found.segment.uncertainty_ms))
    return abs(found.segment.start - here.start) > unsure


def next_step(found: Found, here: Known | None, twin: Known | None, *, twin_there: bool) -> Step:
    """Decides about an examined file.

    Args:
        found: what was found.
        here: what the catalogue has at its path, unless this file takes its place.
        twin: what the catalogue has under its id.
        twin_there: whether the twin's own file is still where the catalogue says.
    """
    if here is not None and here.state in ON_DISK:
        return _seen_again(found, here)
    if here is not None and found.digest == here.digest:
        return Step.BACK
    if found.segment is None:
        return Step.REJECT
    if twin is None:
        return Step.RECORD
    if twin.state in (State.PRESENT, State.DISPLACED) and twin.locator != found.locator:
        return Step.DUPLICATE if twin_there else Step.MOVED
    return Step.BACK


def _seen_again(found: Found, here: Known) -> Step:
    if found.digest is None:
        return Step.WAIT
    if found.digest == here.digest:
        return Step.BACK if here.state is State.ALTERED else Step.UNCHANGED
    return Step.UNCHANGED if found.digest == here.found_digest else Step.ALTERED


def rejected_id(school: str, locator: str, signature: Signature) -> str:
    """A rejected file's id: content may be unreadable, so its place, size and file time stand for it."""
    text = f"{school}\n{locator}\n{signature.size}\n{signature.mtime_ns}"
    return sha256(text.encode()).hexdigest()[:32]


def complete_to(
    seen_at: datetime, pending: Iterable[datetime], newest_end: datetime | None, segment_length: timedelta
) -> datetime:
    """Up to when a camera's footage is in the catalogue.

    Args:
        seen_at: when the storage was last looked through without finding more than what is here.
        pending: claimed starts (file times where there is no claim) of files not catalogued yet.
        newest_end: end of the newest catalogued segment.
        segment_length: what the recorder is set to.
    """
    reached = seen_at - UNSEEN_SEGMENTS * segment_length
    if newest_end is not None and newest_end <= seen_at:
        reached = max(reached, newest_end)
    return min([reached, *pending])


def uncovered(start: datetime, end: datetime, segments: Iterable[Segment]) -> list[tuple[datetime, datetime]]:
    """The parts of a span that no segment covers; segments come in order of their starts.

    What is shorter than the uncertainties beside it is a matter of clocks, not a gap.
    """
    missing = []
    reached, unsure_ms = start, 0
    for segment in segments:
        slack = timedelta(milliseconds=unsure_ms + segment.uncertainty_ms + JITTER_MS)
        if segment.start - reached > slack:
            missing.append((reached, min(segment.start, end)))
        if segment.end > reached:
            reached, unsure_ms = segment.end, segment.uncertainty_ms
    if end - reached > timedelta(milliseconds=unsure_ms + JITTER_MS):
        missing.append((reached, end))
    return missing
