"""Coverage as bars: what of a day is recorded, in percent of its length, ready to be drawn."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span, recorded_spans
from reelwarden_report.district.inspector.shapes import CameraView, DayView

THINNEST = 1.2
"""Percent: less could not be seen."""


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


def _pieces(frame: Span, spans: list[Span]) -> tuple[Piece, ...]:
    found = []
    for span in spans:
        start, end = max(span.start, frame.start), min(span.end, frame.end)
        if end <= start:
            continue
        x = 100 * (start - frame.start).total_seconds() / frame.seconds
        width = max(THINNEST, 100 * (end - start).total_seconds() / frame.seconds)
        found.append(Piece(round(min(x, 100 - THINNEST), 2), round(min(width, 100 - x), 2)))
    return tuple(found)


def _coverage(day: DayView) -> DayCoverage:
    gaps = tuple(Span(*gap) for gap in day.gaps)
    return DayCoverage(day.day, round(day.recorded_seconds * 1000), day.segments, day.first, day.last, gaps)


def _inner(coverage: DayCoverage, shortest: float) -> list[Span]:
    if coverage.first is None or coverage.last is None:
        return []
    clipped = [Span(max(g.start, coverage.first), min(g.end, coverage.last)) for g in coverage.gaps]
    return [gap for gap in clipped if gap.seconds > shortest]


def hour_bar(camera: CameraView, now: datetime, shortest: float) -> Bar:
    """The last hour of a camera."""
    frame = Span(now - timedelta(hours=1), now)
    recorded: list[Span] = []
    gaps: list[Span] = []
    for day in camera.days[-2:]:
        coverage = _coverage(day)
        recorded += recorded_spans(frame, coverage)
        gaps += _inner(coverage, shortest)
    seconds = sum(span.seconds for span in recorded)
    return Bar("", _pieces(frame, recorded), _pieces(frame, gaps), seconds)


def day_bars(camera: CameraView, now: datetime, zone: ZoneInfo, count: int, shortest: float) -> list[Bar]:
    """The last `count` local days of a camera, today last; days without footage are empty bars."""
    known = {day.day: _coverage(day) for day in camera.days}
    today = now.astimezone(zone).date()
    found = []
    for offset in range(count - 1, -1, -1):
        day = today.fromordinal(today.toordinal() - offset)
        frame = day_span(day, zone)
        label = f"{day:%m-%d}"
        coverage = known.get(day)
        if coverage is None:
            found.append(Bar(label, (), (), 0))
            continue
        found.append(
            Bar(
                label,
                _pieces(frame, recorded_spans(frame, coverage)),
                _pieces(frame, _inner(coverage, shortest)),
                coverage.recorded_ms / 1000,
            )
        )
    return found
