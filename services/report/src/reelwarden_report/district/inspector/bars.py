"""Coverage as bars: what of a day is recorded, in percent of its length, ready to be drawn."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reelwarden_report.district.inspector.domain import (
    DayCoverage,
    Span,
    day_span,
    gaps,
    recorded_spans,
)
from reelwarden_report.district.inspector.shapes import CameraView, DayView

THINNEST = 1.2
"""Percent: less could not be seen."""
THINNEST_GAP = 2.5
"""A gap must be seen, however short: on a phone a day is as wide as a finger."""


class Piece(NamedTuple):
    """A part of a bar, in percent of it."""

    x: float
    width: float


class Bar(NamedTuple):
    """One day (or the last hour) of one camera."""

    label: str
    recorded: tuple[Piece, ...]
    gaps: tuple[Piece, ...]
    """Breaks between the first and the last footage."""
    seconds: float
    """How much is recorded."""


def _pieces(frame: Span, spans: list[Span], thinnest: float = THINNEST) -> tuple[Piece, ...]:
    found = []
    for span in spans:
        start, end = max(span.start, frame.start), min(span.end, frame.end)
        if end <= start:
            continue
        x = 100 * (start - frame.start).total_seconds() / frame.seconds
        width = max(thinnest, 100 * (end - start).total_seconds() / frame.seconds)
        found.append(Piece(round(min(x, 100 - thinnest), 2), round(min(width, 100 - x), 2)))
    return tuple(found)


def _coverage(day: DayView) -> DayCoverage:
    found = tuple(Span(*gap) for gap in day.gaps)
    return DayCoverage(day.day, round(day.recorded_seconds * 1000), day.segments, day.first, day.last, found)


def hour_bar(camera: CameraView, now: datetime, shortest: float) -> Bar:
    """The last hour of a camera."""
    frame = Span(now - timedelta(hours=1), now)
    days = [_coverage(day) for day in camera.days]
    recorded = [span for day in days[-2:] for span in recorded_spans(frame, day)]
    seconds = sum(span.seconds for span in recorded)
    return Bar("", _pieces(frame, recorded), _pieces(frame, gaps(days, shortest), THINNEST_GAP), seconds)


def day_bars(camera: CameraView, now: datetime, zone: ZoneInfo, count: int, shortest: float) -> list[Bar]:
    """The last `count` local days of a camera, today last; a gap may fill a day, or reach over midnight."""
    known = {day.day: _coverage(day) for day in camera.days}
    missing = gaps(list(known.values()), shortest)
    today = now.astimezone(zone).date()
    found = []
    for offset in range(count - 1, -1, -1):
        day = today - timedelta(days=offset)
        frame, coverage = day_span(day, zone), known.get(day)
        found.append(
            Bar(
                f"{day:%m-%d}",
                _pieces(frame, recorded_spans(frame, coverage) if coverage else []),
                _pieces(frame, missing, THINNEST_GAP),
                coverage.recorded_ms / 1000 if coverage else 0,
            )
        )
    return found
