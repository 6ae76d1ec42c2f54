"""When a segment was filmed: container clock, name and file time, weighed against each other.

No single source is right. A container's clock may never have been set, a local name repeats when clocks
are set back, a copy has the file time of the copying.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reelwarden_common.events.ingest import TimeSource
from reelwarden_ingest.site.scanner.domain import Reason, Rejection

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No footage is older: an earlier time is a clock that was never set."""
BELIEVED_AHEAD = timedelta(hours=24)
"""A claim that ends later than this after the file time is not believed."""
CLOCK_SLACK = timedelta(minutes=10)
"""How far ahead of ours a file server's clock may be before its file times count as the future."""
FOLD_DECIDED = timedelta(minutes=15)
"""A file time this near to one reading of an ambiguous name decides for it."""
FILE_TIME_UNCERTAINTY_MS = 60_000
VAGUE_MS = 60_000
"""A name without seconds still begins on its minute."""
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Claim:
    """When one source says that a segment starts.

    `instants` has two entries where a local name can be read in two ways: in the hour that a clock set
    back repeats, and in the one that a clock set forward leaves out.
    """

    source: TimeSource
    instants: tuple[datetime, ...]
    resolution_ms: int

    @property
    def vague(self) -> bool:
        """Whether it names a stretch of time, a day, and no moment."""
        return self.resolution_ms > VAGUE_MS

    def allows(self, start: datetime) -> bool:
        """Whether a start lies where a vague claim says, clocks being what they are."""
        reach = self.resolution_ms * MILLISECOND + CLOCK_SLACK
        return any(instant - CLOCK_SLACK <= start < instant + reach for instant in self.instants)


@dataclass(frozen=True)
class Dated:
    """When a segment was filmed, which source won, and how sure it is."""

    start: datetime
    source: TimeSource
    uncertainty_ms: int


def implausible(file_time: datetime, now: datetime) -> bool:
    """Whether a file time proves that a clock was wrong, so that nothing counted from it can be believed."""
    return file_time < EARLIEST or file_time > now + CLOCK_SLACK


def date_segment(
    claims: Iterable[Claim], file_time: datetime, duration: timedelta, now: datetime
) -> Dated | Rejection:
    """Weighs claims, the better source first, against the file time.

    `file_time` is when the file was last written: about the segment's end, later for a copy.
    """
    if implausible(file_time, now):
        return Rejection(Reason.CLOCK_IMPLAUSIBLE, f"the file time is {_written(file_time)}")
    too_early: list[str] = []
    not_believed = False
    for claim in claims:
        if claim.vague:
            return _dated_by_file(claim, file_time - duration)
        start = min(claim.instants, key=lambda instant: abs(instant + duration - file_time))
        if start < EARLIEST:
            too_early.append(f"its {claim.source} claims {_written(start)}")
        elif start + duration > file_time + BELIEVED_AHEAD:
            not_believed = True
        else:
            return Dated(start, claim.source, _uncertainty_ms(claim, start + duration - file_time))
    if not_believed:
        return Dated(file_time - duration, TimeSource.FILE_TIME, FILE_TIME_UNCERTAINTY_MS)
    if too_early:
        return Rejection(Reason.CLOCK_IMPLAUSIBLE, "; ".join(too_early))
    return Rejection(Reason.UNREADABLE_TIME, "neither its name nor its container tells when it starts")


def _dated_by_file(claim: Claim, start: datetime) -> Dated | Rejection:
    """Of a name that tells only the day: the file time says the rest, unless copying has changed it."""
    if claim.allows(start):
        return Dated(start, TimeSource.FILE_TIME, FILE_TIME_UNCERTAINTY_MS)
    return Rejection(
        Reason.UNREADABLE_TIME,
        f"its name tells only a day that begins at {_written(claim.instants[0])}, and its file time is of "
        "another: copy footage with its file times (cp -p, rsync -t)",
    )


def _uncertainty_ms(claim: Claim, ahead: timedelta) -> int:
    """A claimed end after the file time shows a clock that is ahead, by at least that much."""
    sure = max(claim.resolution_ms, ahead // MILLISECOND)
    if len(claim.instants) > 1 and abs(ahead) > FOLD_DECIDED:
        return max(sure, (max(claim.instants) - min(claim.instants)) // MILLISECOND)
    return sure


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def clock_offset_ms(offsets_ms: Sequence[int]) -> int:
    """The median of claimed end minus file time over live segments: one late copy does not move it."""
    return sorted(offsets_ms)[len(offsets_ms) // 2]
