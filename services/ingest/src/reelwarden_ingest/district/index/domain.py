"""What the index believes, and what it makes of counts: rules without I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from reelwarden_common.errors import Refused
from reelwarden_common.events.ingest import Segment

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
"""A claim further in the future is a wrong clock."""
LONGEST = timedelta(hours=24)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOTHING = timedelta(0)
JITTER_MS = 500
"""Recorders leave out part of a second between two segments; together with both sides' uncertainty it is no
gap."""
MOST_ASKED = 3
_INT = 2**31 - 1
_BIGINT = 2**63 - 1

Row = tuple[object, ...]
COLUMNS = (
    "school",
    "camera",
    "start_at",
    "end_at",
    "digest",
    "id",
    "codec",
    "locator",
    "duration_ms",
    "size",
    "width",
    "height",
    "time_source",
    "uncertainty_ms",
    "file_time",
    "said_at",
)
"""Of a row of `segments`, as `row` makes it."""
_ID_BYTES = 16


@dataclass(frozen=True)
class Wild:
    """A segment whose times or numbers cannot be: quarantined, with the reason as a code."""

    school: str
    segment: Segment
    reason: str
    said_at: datetime


@dataclass(frozen=True)
class Sorted:
    """What recorded segments come to."""

    rows: list[Row] = field(default_factory=list)
    wild: list[Wild] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    hours: set[tuple[str, str, datetime]] = field(default_factory=set)
    longest: dict[tuple[str, str], timedelta] = field(default_factory=dict)
    """Per school and camera."""

    @property
    def reach(self) -> tuple[datetime, datetime]:
        """From the beginning of the first of the days to the end of the last."""
        first, last = min(self.days), max(self.days)
        midnight = datetime.min.time()
        return datetime.combine(first, midnight, UTC), datetime.combine(last, midnight, UTC) + DAY


def id_bytes(identifier: str) -> bytes:
    """Return an id as it is stored.

    Raises:
        Refused: it is not 32 hexadecimal characters: no id of ours.
    """
    try:
        stored = bytes.fromhex(identifier)
    except ValueError:
        stored = b""
    if len(stored) != _ID_BYTES or stored.hex() != identifier:
        raise Refused(f"{identifier[:64]!r} is no segment id: 32 hexadecimal characters are")
    return stored


def storable(text: str) -> str:
    r"""Return a text that PostgreSQL can hold.

    Raises:
        Refused: it contains the character U+0000, which no path and no codec has.
    """
    if "\0" in text:
        raise Refused(f"{text[:100]!r} contains the character U+0000")
    return text


def fault(segment: Segment, newest: datetime) -> str | None:
    """Return why a segment is not believed, as a code; None: it is.

    `newest` is the latest start that a right clock can claim.
    """
    start, end = segment.start, segment.end
    if start < OLDEST:
        return "before-2000"
    if start > newest:
        return "in-the-future"
    if end < start:
        return "ends-before-it-starts"
    if end - start > LONGEST:
        return "longer-than-a-day"
    if (
        segment.duration_ms > _INT
        or segment.width > _INT
        or segment.height > _INT
        or segment.uncertainty_ms > _INT
        or segment.size > _BIGINT
    ):
        return "numbers-out-of-range"
    return None


def row(school: str, segment: Segment, said_at: datetime) -> Row:
    """Return a segment as a row, in the order of COLUMNS.

    Raises:
        Refused: a value that cannot be stored.
    """
    if "\0" in segment.locator or "\0" in segment.codec:
        storable(segment.codec + segment.locator)
    return (
        school,
        segment.camera,
        segment.start,
        segment.end,
        bytes.fromhex(segment.digest),
        id_bytes(segment.id),
        segment.codec,
        segment.locator,
        segment.duration_ms,
        segment.size,
        segment.width,
        segment.height,
        segment.time_source,
        segment.uncertainty_ms,
        segment.file_time,
        said_at,
    )


def sort_out(school: str, said_at: datetime, segments: Iterable[Segment], now: datetime) -> Sorted:
    """Part a message's believable segments from wild ones, and note which days and camera-hours they touch.

    `now` is the district's time.

    Raises:
        Refused: a value that cannot be stored.
    """
    found = Sorted()
    newest = now + AHEAD
    camera, low, high, longest = "", OLDEST, OLDEST, NOTHING
    for segment in segments:
        start, end = segment.start, segment.end
        if reason := fault(segment, newest):
            found.wild.append(Wild(school, segment, reason, said_at))
            continue
        found.rows.append(row(school, segment, said_at))
        if low <= start and end <= high and segment.camera == camera and end - start <= longest:
            continue
        place = (school, segment.camera)
        longest = found.longest[place] = max(end - start, found.longest.get(place, NOTHING))
        camera, low = segment.camera, hour_of(start)
        high = low + HOUR
        found.days.add(start.date())
        found.hours.update((school, camera, hour) for hour in hours_of(start, end))
    return found


def together(parts: Iterable[Sorted]) -> Sorted:
    """Add up what several messages come to."""
    found = Sorted()
    for part in parts:
        found.rows.extend(part.rows)
        found.wild.extend(part.wild)
        found.days.update(part.days)
        found.hours.update(part.hours)
        for place, longest in part.longest.items():
            found.longest[place] = max(longest, found.longest.get(place, NOTHING))
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
    """How many segments of a camera-day there are, and the digests over their ids and over their states."""

    count: int
    digest: str
    states: str | None = None
    """None: not told."""


def lacking(told: Counted, have: Counted) -> bool:
    """Whether the index has something else than the school counted.

    `have` leaves erased segments out, as the school does. Having more is no lack by itself (its own recorder
    may have overwritten some, which no event tells), but it may hide one.
    """
    return replace(told, states=told.states or have.states) != have


def ask_again_after(asked: int, first: timedelta) -> timedelta | None:
    """Return how long to wait for the answer to the `asked`-th question; None: there is no point in more."""
    return first * 2 ** (asked - 1) if asked <= MOST_ASKED else None
