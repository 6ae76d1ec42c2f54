"""What the index believes, and what it makes of counts: rules without I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from reelwarden_common.errors import Refused
from reelwarden_common.events.ingest import Segment

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
"""A claim further in the future is a wrong clock."""
LONGEST = timedelta(hours=24)
HOUR = timedelta(hours=1)
JITTER_MS = 500
"""Recorders leave out part of a second between two segments; together with both sides' uncertainty it is no
gap."""
MOST_ASKED = 3
_INT = 2**31 - 1
_BIGINT = 2**63 - 1
_ID_BYTES = 16

Row = tuple[object, ...]
COLUMNS = (
    "school",
    "camera",
    "start_at",
    "end_at",
    "digest",
    "id",
    "duration_ms",
    "size",
    "codec",
    "width",
    "height",
    "time_source",
    "uncertainty_ms",
    "locator",
    "file_time",
    "said_at",
)
"""Of a row of `segments`, as `row` makes it."""


@dataclass(frozen=True)
class Wild:
    """A segment whose times or numbers cannot be: quarantined, with the reason as a code."""

    school: str
    segment: Segment
    reason: str
    said_at: datetime


@dataclass(frozen=True)
class Sorted:
    """What a batch of recorded segments comes to."""

    rows: list[Row] = field(default_factory=list)
    wild: list[Wild] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    hours: set[tuple[str, str, datetime]] = field(default_factory=set)


def id_bytes(identifier: str) -> bytes:
    """Return an id as it is stored.

    Raises:
        Refused: it is not 32 hexadecimal characters: no id of ours.
    """
    try:
        value = bytes.fromhex(identifier)
    except ValueError:
        value = b""
    if len(value) != _ID_BYTES:
        raise Refused(f"{identifier[:64]!r} is no segment id: 32 hexadecimal characters are")
    return value


def storable(text: str) -> str:
    r"""Return a text that PostgreSQL can hold.

    Raises:
        Refused: it contains the character U+0000, which no path and no codec has.
    """
    if "\0" in text:
        raise Refused(f"{text[:100]!r} contains the character U+0000")
    return text


def fault(segment: Segment, now: datetime) -> str | None:
    """Return why a segment is not believed, as a code; None: it is."""
    if segment.start < OLDEST:
        return "before-2000"
    if segment.start > now + AHEAD:
        return "in-the-future"
    if segment.end < segment.start:
        return "ends-before-it-starts"
    if segment.end - segment.start > LONGEST:
        return "longer-than-a-day"
    if (
        max(segment.duration_ms, segment.width, segment.height, segment.uncertainty_ms) > _INT
        or segment.size > _BIGINT
    ):
        return "numbers-out-of-range"
    return None


def row(school: str, segment: Segment, said_at: datetime) -> Row:
    """Return a segment as a row, in the order of COLUMNS.

    Raises:
        Refused: a value that cannot be stored.
    """
    return (
        school,
        segment.camera,
        segment.start,
        segment.end,
        bytes.fromhex(segment.digest),
        id_bytes(segment.id),
        segment.duration_ms,
        segment.size,
        storable(segment.codec),
        segment.width,
        segment.height,
        segment.time_source.value,
        segment.uncertainty_ms,
        storable(segment.locator),
        segment.file_time,
        said_at,
    )


def sort_out(heard: Iterable[tuple[str, datetime, Sequence[Segment]]], now: datetime) -> Sorted:
    """Part believable segments from wild ones, and note which days and camera-hours they touch.

    Args:
        heard: per message its school, when it was said, its segments.
        now: the district's time.

    Raises:
        Refused: a value that cannot be stored.
    """
    found = Sorted()
    for school, said_at, segments in heard:
        camera, low, high = "", OLDEST, OLDEST
        for segment in segments:
            if reason := fault(segment, now):
                found.wild.append(Wild(school, segment, reason, said_at))
                continue
            found.rows.append(row(school, segment, said_at))
            start, end = segment.start, segment.end
            if segment.camera == camera and low <= start and end <= high:
                continue
            camera, low = segment.camera, hour_of(start)
            high = low + HOUR
            found.days.add(start.date())
            found.hours.add((school, camera, low))
            found.hours.update((school, camera, hour) for hour in hours_of(start, end)[1:])
    return found


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of its hour (UTC)."""
    return moment.replace(minute=0, second=0, microsecond=0)


def hours_of(start: datetime, end: datetime) -> list[datetime]:
    """Return every hour that a span touches."""
    first = hour_of(start)
    count = max(1, -((first - end) // HOUR))
    return [first + n * HOUR for n in range(count)]


@dataclass(frozen=True)
class Counted:
    """How many segments of a camera-day there are, and the digest over their ids."""

    count: int
    digest: str


def lacking(told: Counted, have: Counted) -> bool:
    """Whether the index has something else than the school counted.

    `have` leaves erased segments out, as the school does. Having more is no lack by itself (its own recorder
    may have overwritten some, which no event tells), but it may hide one.
    """
    return told != have


def ask_again_after(asked: int, first: timedelta) -> timedelta | None:
    """Return how long to wait for the answer to the `asked`-th question; None: there is no point in more."""
    return first * 2 ** (asked - 1) if asked <= MOST_ASKED else None
