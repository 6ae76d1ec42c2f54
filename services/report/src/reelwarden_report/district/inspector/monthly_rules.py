"""What a month's facts come to: causes of gaps, how long faults stood and steps took (R5.1). Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from reelwarden_report.district.inspector.domain import DayCoverage, Kind, Span, day_span

NEAR = timedelta(minutes=5)
"""A fault is noticed a little before or after the gap that it makes."""
ALLOWED = timedelta(hours=24)
"""GB 55029: faults are mended within 24 h."""
UNEXPLAINED = "unexplained"
_CAUSES = (
    "maintenance",
    Kind.LOST,
    Kind.REJECTED,
    Kind.UNBOUND,
    Kind.DISK,
    Kind.SILENT,
    Kind.CUT_OFF,
)
"""What explains a gap, the most certain first."""
EXPLAINING = frozenset(_CAUSES)


class Incident(NamedTuple):
    """Something that may have made a gap."""

    cause: str
    camera: str | None
    """None: all cameras of the school."""
    span: Span


def cause_of(gap: Span, camera: str, incidents: Iterable[Incident]) -> str:
    """What made a gap: the most certain incident that touches it."""
    found = {
        one.cause
        for one in incidents
        if one.camera in (None, camera)
        and one.span.start - NEAR < gap.end
        and gap.start < one.span.end + NEAR
    }
    return next((str(cause) for cause in _CAUSES if cause in found), UNEXPLAINED)


class Cause(NamedTuple):
    """All gaps of one cause."""

    cause: str
    gaps: int
    seconds: float


def by_cause(cameras: Mapping[str, Sequence[Span]], incidents: Sequence[Incident]) -> tuple[Cause, ...]:
    """The gaps of all cameras by what made them, the longest in all first."""
    found: dict[str, list[float]] = {}
    for camera, gaps in cameras.items():
        for gap in gaps:
            found.setdefault(cause_of(gap, camera, incidents), []).append(gap.seconds)
    causes = (Cause(cause, len(each), sum(each)) for cause, each in found.items())
    return tuple(sorted(causes, key=lambda one: -one.seconds))


@dataclass(frozen=True)
class Fault:
    """A finding, as far as time is concerned."""

    kind: str
    opened_at: datetime
    closed_at: datetime | None

    def stood(self, now: datetime) -> timedelta:
        """How long it stood, or stands."""
        return (self.closed_at or now) - self.opened_at


class Stood(NamedTuple):
    """How long the faults of one kind stood."""

    kind: str
    found: int
    open: int
    mean: float
    longest: float
    """Seconds, as the mean."""
    too_long: int
    """For more than the 24 hours allowed."""


def stood(faults: Iterable[Fault], now: datetime) -> tuple[Stood, ...]:
    """By kind, the one that stood longest first."""
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault)
    found = []
    for kind, some in kinds.items():
        times = [one.stood(now).total_seconds() for one in some]
        found.append(
            Stood(
                kind,
                len(some),
                sum(one.closed_at is None for one in some),
                sum(times) / len(times),
                max(times),
                sum(one.stood(now) > ALLOWED for one in some),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.longest))


def open_at(faults: Iterable[Fault], moment: datetime) -> int:
    """How many stood at a moment."""
    return sum(one.opened_at <= moment and (one.closed_at or moment) >= moment for one in faults)


def share(
    coverage: DayCoverage | None, day: date, now: datetime, zone: ZoneInfo, first: datetime | None = None
) -> float | None:
    """How much of a local day is recorded, from 0 to 1; None: not known.

    Args:
        coverage: As the index counted the day.
        day: Which.
        now: Of today, the time gone by counts.
        zone: Of the district.
        first: The camera's first footage: of that day, the time since then counts.
    """
    if coverage is None:
        return None
    frame = day_span(day, zone)
    start = max(frame.start, first or frame.start)
    seconds = (min(frame.end, now) - start).total_seconds()
    return min(1.0, coverage.recorded_ms / 1000 / seconds) if seconds > 0 else None


class Leg(NamedTuple):
    """From one step of an application to the next."""

    step: str
    following: str
    seconds: float


def legs(steps: Sequence[tuple[str, datetime]]) -> tuple[Leg, ...]:
    """How long each step took; a step that was repeated counts when it came first.

    Args:
        steps: Name and moment, in any order.
    """
    first: dict[str, datetime] = {}
    for step, at in sorted(steps, key=lambda one: one[1]):
        first.setdefault(step, at)
    return tuple(
        Leg(one, following, (until - since).total_seconds())
        for (one, since), (following, until) in pairwise(first.items())
    )


def incident_of(row: Mapping[str, Any], now: datetime) -> Incident:
    """A finding as what may have made a gap; it began when it is known to have, not when it was noticed."""
    since = row["facts"].get("since")
    start = datetime.fromisoformat(since) if since else row["opened_at"]
    return Incident(row["kind"], row["camera"], Span(min(start, row["opened_at"]), row["closed_at"] or now))
