"""What footage exists around a span, camera by camera, for the forms that ask for it.

What the index did not say is unknown, never recorded. Times of erasing are those of the rule (R3.1);
footage that is held stays longer, which the page says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from reelwarden_common.events.ingest import CameraCoverage
from reelwarden_common.period import KeepPeriod

SOON = timedelta(days=3)
"""Footage that may be erased within this time is shown as expiring."""
LONGEST = timedelta(days=40)
"""No timeline shows more."""
_SCALE = 1000


class Kind(StrEnum):
    """What is known of a stretch of time."""

    RECORDED = "recorded"
    SOON = "soon"
    """Recorded, and may be erased within `SOON`."""
    GAP = "gap"
    AHEAD = "ahead"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Window:
    """Whole local days that a timeline shows."""

    start: datetime
    end: datetime

    def at(self, moment: datetime) -> float:
        """Where a moment lies, from 0 to 1000."""
        share = (moment - self.start) / (self.end - self.start)
        return round(_SCALE * min(1.0, max(0.0, share)), 2)


@dataclass(frozen=True)
class Stretch:
    """A time of which one thing is known."""

    start: datetime
    end: datetime
    kind: Kind


@dataclass(frozen=True)
class Line:
    """One camera's line."""

    name: str
    place: str
    stretches: tuple[Stretch, ...]
    recorded_minutes: int | None
    """None: the index did not say."""
    next_due: datetime | None
    """From when the oldest footage shown may be erased."""
    unnamed_gaps: int = 0
    """Shorter gaps that the index counted and did not name: they are drawn as footage."""

    @property
    def gaps(self) -> tuple[Stretch, ...]:
        """What was not recorded."""
        return tuple(one for one in self.stretches if one.kind is Kind.GAP)


def window(start: datetime | None, end: datetime | None, now: datetime, days: int, zone: str) -> Window:
    """The local days of a span; without one, all days that are kept, up to today."""
    local = ZoneInfo(zone)
    first = start or (end if end is not None else now - timedelta(days=days))
    last = end if end is not None and end > first else (start or now)
    begin = datetime.combine(first.astimezone(local).date(), time.min, local)
    close = last - timedelta(microseconds=1)
    after = max(close, first).astimezone(local).date() + timedelta(days=1)
    stop = datetime.combine(after, time.min, local)
    return Window(begin.astimezone(UTC), min(stop.astimezone(UTC), begin.astimezone(UTC) + LONGEST))


def stretches(
    shown: Window, found: CameraCoverage | None, period: KeepPeriod, now: datetime
) -> tuple[Stretch, ...]:
    """The window without a hole, each stretch as far as one thing is known.

    Args:
        shown: what to divide.
        found: the index's answer for the window up to now; None: it did not say.
        period: how long the camera's footage is kept.
        now: nothing after it was recorded yet.
    """
    past_end = min(max(now, shown.start), shown.end)
    ahead = Stretch(past_end, shown.end, Kind.AHEAD)
    if found is None:
        return _proper([Stretch(shown.start, past_end, Kind.UNKNOWN), ahead])
    made: list[Stretch] = []
    at = shown.start
    for gap in sorted(found.gaps, key=lambda one: one.start):
        begin, end = max(gap.start, at), min(gap.end, past_end)
        if end <= begin:
            continue
        made += _recorded(at, begin, period, now)
        made.append(Stretch(begin, end, Kind.GAP))
        at = end
    return _proper([*made, *_recorded(at, past_end, period, now), ahead])


def _recorded(start: datetime, end: datetime, period: KeepPeriod, now: datetime) -> list[Stretch]:
    """Recorded time, cut where a local day ends, since the rule counts days."""
    made = []
    while start < end:
        day = start.astimezone(ZoneInfo(period.zone)).date() + timedelta(days=1)
        midnight = datetime.combine(day, time.min, ZoneInfo(period.zone)).astimezone(UTC)
        stop = min(midnight, end)
        kind = Kind.SOON if period.due(start) <= now + SOON else Kind.RECORDED
        made.append(Stretch(start, stop, kind))
        start = stop
    return made


def _proper(parts: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Without empty stretches, neighbours of one kind as one."""
    made: list[Stretch] = []
    for one in parts:
        if one.end <= one.start:
            continue
        if made and made[-1].kind is one.kind and made[-1].end == one.start:
            made[-1] = Stretch(made[-1].start, one.end, one.kind)
        else:
            made.append(one)
    return tuple(made)


def line(
    name: str, place: str, shown: Window, found: CameraCoverage | None, period: KeepPeriod, now: datetime
) -> Line:
    """One camera's line, with what is said beside it."""
    parts = stretches(shown, found, period, now)
    footage = [one for one in parts if one.kind in (Kind.RECORDED, Kind.SOON)]
    return Line(
        name=name,
        place=place,
        stretches=parts,
        recorded_minutes=None if found is None else found.recorded_ms // 60_000,
        next_due=period.due(footage[0].start) if footage else None,
        unnamed_gaps=found.gaps_left_out if found else 0,
    )
