"""Coverage as heat: how full each camera-day or camera-hour is, and the paths that draw it (R4.1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span, recorded_spans

MOTION = "motion"
"""A camera that records only when something moves: any footage of a day is enough, a still hour is no gap."""
CELL, ROW = 10, 16
"""Units of the drawing: a cell's width with its margin, and its height."""


class Level(StrEnum):
    """How much of a cell is recorded; what is not known is a level of its own, never a good one."""

    UNKNOWN = "unknown"
    BEFORE = "before"
    """Before the camera's first footage: it was not in service yet."""
    DUE = "due"
    """Older than the keep-days: what is erased was due."""
    NONE = "none"
    SOME = "some"
    """Less than half."""
    MOST = "most"
    NEARLY = "nearly"
    FULL = "full"


BOUNDS = ((0.995, Level.FULL), (0.9, Level.NEARLY), (0.5, Level.MOST))
"""From which share on; below the last it is `SOME`."""


class Cell(NamedTuple):
    """One cell."""

    level: Level
    share: float | None
    """Of its time that is recorded, 0 to 1; None: not known."""


@dataclass(frozen=True)
class Frame:
    """A local day, and when it begins and ends: shared by all rows of a drawing."""

    day: date
    span: Span

    @cached_property
    def seconds(self) -> tuple[float, float]:
        """The same in seconds since 1970: thousands of cells are compared with it."""
        return self.span.start.timestamp(), self.span.end.timestamp()


@dataclass(frozen=True)
class Sight:
    """For whom cells are judged."""

    now: datetime
    today: date
    keep_days: int
    mode: str
    first: datetime | None
    """Its first footage: before there was nothing to record."""

    @cached_property
    def begun(self) -> float:
        """Since when it records, in seconds since 1970; never where nothing was heard of it."""
        return self.first.timestamp() if self.first else float("inf")

    @cached_property
    def at(self) -> float:
        """Now, in seconds since 1970."""
        return self.now.timestamp()

    @cached_property
    def oldest(self) -> date:
        """The oldest day that must be held."""
        return self.today - timedelta(days=self.keep_days)


def frames(today: date, days: int, zone: ZoneInfo) -> list[Frame]:
    """The last days, today last."""
    shown = (today - timedelta(days=n) for n in range(days - 1, -1, -1))
    return [Frame(day, day_span(day, zone)) for day in shown]


def level_of(share: float, mode: str) -> Level:
    """The level of a share that is known."""
    if share <= 0:
        return Level.NONE
    if mode == MOTION:
        return Level.FULL
    for bound, level in BOUNDS:
        if share >= bound:
            return level
    return Level.SOME


def day_cell(frame: Frame, recorded_ms: int | None, sight: Sight) -> Cell:
    """A camera-day; of today what is over counts, of its first day what came after it began.

    Args:
        frame: The day.
        recorded_ms: As the index counted it; None: it was never asked.
        sight: The camera, and now.
    """
    if sight.first is None:
        return Cell(Level.UNKNOWN, None)
    start, end = frame.seconds
    if end <= sight.begun:
        return Cell(Level.BEFORE, None)
    if recorded_ms is None:
        return Cell(Level.UNKNOWN, None)
    if frame.day < sight.oldest:
        return Cell(Level.DUE, None)
    seconds = min(end, sight.at) - max(start, sight.begun)
    share = min(1.0, recorded_ms / 1000 / seconds) if seconds > 0 else 0.0
    return Cell(level_of(share, sight.mode), share)


def hour_cells(frame: Frame, coverage: DayCoverage | None, sight: Sight) -> list[Cell]:
    """The hours of a camera's local day: 23 or 25 where clocks change; those to come are unknown."""
    start = frame.span.start
    hours = round(frame.span.seconds / 3600)
    whole = day_cell(frame, coverage.recorded_ms if coverage else None, sight)
    if coverage is None or whole.share is None:
        return [whole] * hours
    spans = recorded_spans(frame.span, coverage)
    begin = sight.first or start
    return [_hour(start + timedelta(hours=n), begin, spans, sight) for n in range(hours)]


def _hour(start: datetime, begin: datetime, spans: Sequence[Span], sight: Sight) -> Cell:
    end = start + timedelta(hours=1)
    if end <= begin:
        return Cell(Level.BEFORE, None)
    frame = Span(max(start, begin), min(end, sight.now))
    if frame.end <= frame.start:
        return Cell(Level.UNKNOWN, None)
    inside = (Span(max(s.start, frame.start), min(s.end, frame.end)) for s in spans)
    share = min(1.0, sum(s.seconds for s in inside if s.end > s.start) / frame.seconds)
    if share <= 0 and sight.mode == MOTION:
        return Cell(Level.UNKNOWN, None)
    return Cell(level_of(share, sight.mode), share)


def days_held(recorded: Mapping[date, int | None], sight: Sight) -> int:
    """Local days within the keep-days with footage, at most the keep-days (R3.1)."""
    return min(sight.keep_days, sum(1 for day, ms in recorded.items() if ms and day >= sight.oldest))


def paths(cells: Iterable[Cell], y: int = 0, height: int = ROW) -> list[tuple[Level, str]]:
    """A row of cells as one path per level: `d` of an SVG path, in units of `CELL`."""
    drawn: dict[Level, list[str]] = {}
    for n, cell in enumerate(cells):
        drawn.setdefault(cell.level, []).append(_drawn(cell.level, n * CELL, y, height))
    return [(level, "".join(steps)) for level, steps in drawn.items()]


@lru_cache(maxsize=4096)
def _drawn(level: Level, x: int, y: int, height: int) -> str:
    """One cell; where the camera was not in service yet, a line only: it is told without its colour."""
    if level is Level.BEFORE:
        return f"M{x} {y + height // 2}h{CELL - 1}"
    return f"M{x} {y}h{CELL - 1}v{height}h-{CELL - 1}z"


def counted(cells: Iterable[Cell]) -> dict[Level, int]:
    """How many cells of each level there are: what the drawing says, in words."""
    found: dict[Level, int] = {}
    for cell in cells:
        found[cell.level] = found.get(cell.level, 0) + 1
    return found
