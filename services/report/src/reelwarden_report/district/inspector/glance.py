"""What the dashboard shows: the district at a glance, a school, a camera; read in one go each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_common.district import DistrictConfig
from reelwarden_common.web import Missing
from reelwarden_report.district.inspector.domain import DayCoverage, Span, gaps
from reelwarden_report.district.inspector.heat import (
    Cell,
    Frame,
    Sight,
    day_cell,
    days_held,
    frames,
    hour_cells,
)
from reelwarden_report.district.inspector.judging import shortest_gap
from reelwarden_report.district.inspector.shapes import FindingView, SchoolView
from reelwarden_report.district.inspector.views import Views, coverage_of

WINDOWS = (30, 90)
"""Days that a heat map may show."""
_TILES = """
WITH seen AS (
  SELECT r.school, count(*) AS cameras, count(s.camera) FILTER (WHERE s.silent_since IS NULL) AS recording,
    count(s.silent_since) AS silent, max(s.last_end) AS newest
  FROM camera_register r LEFT JOIN camera_state s USING (school, camera)
  WHERE r.school = ANY($1) GROUP BY r.school),
open AS (
  SELECT school, count(*) FILTER (WHERE severity = 'serious' AND planned IS NULL) AS serious,
    count(*) FILTER (WHERE severity = 'warning' AND planned IS NULL) AS warnings,
    count(planned) AS planned, count(*) FILTER (WHERE planned IS NULL AND deadline < $2) AS overdue
  FROM finding WHERE closed_at IS NULL AND school = ANY($1) GROUP BY school)
SELECT one AS school, s.alive_at, seen.cameras, seen.recording, seen.silent, seen.newest,
  coalesce(open.serious, 0) AS serious, coalesce(open.warnings, 0) AS warnings,
  coalesce(open.planned, 0) AS planned, coalesce(open.overdue, 0) AS overdue,
  h.least, h.keep_days, h.camera AS least_camera, coalesce(h.short, 0) AS short
FROM unnest($1::text[]) AS one LEFT JOIN school_state s ON s.school = one LEFT JOIN seen ON seen.school = one
LEFT JOIN open ON open.school = one LEFT JOIN held_days h ON h.school = one
"""
_CAMERAS = """
SELECT r.camera, r.name, r.place, r.keep_days, coalesce(c.mode, 'continuous') AS mode,
  s.first_start, s.last_end, s.silent_since, s.clock_offset_ms, f.held_days, f.days AS days_ahead,
  d.days, d.recorded, coalesce(o.serious, 0) AS serious, coalesce(o.warnings, 0) AS warnings
FROM camera_register r LEFT JOIN camera_card c USING (school, camera)
LEFT JOIN camera_state s USING (school, camera) LEFT JOIN camera_forecast f USING (school, camera)
LEFT JOIN (SELECT camera, array_agg(day ORDER BY day) AS days, array_agg(recorded_ms ORDER BY day) AS recorded
  FROM camera_day WHERE school = $1 AND ($3::text IS NULL OR camera = $3)
    AND day >= $2::date - greatest($4::int, (SELECT max(keep_days) FROM camera_register WHERE school = $1))
  GROUP BY camera) d ON d.camera = r.camera
LEFT JOIN (SELECT camera, count(*) FILTER (WHERE severity = 'serious') AS serious,
    count(*) FILTER (WHERE severity = 'warning') AS warnings FROM finding
  WHERE school = $1 AND closed_at IS NULL AND planned IS NULL GROUP BY camera) o ON o.camera = r.camera
WHERE r.school = $1 AND ($3::text IS NULL OR r.camera = $3) ORDER BY r.position
"""


@dataclass(frozen=True)
class Tile:
    """One school among all: what somebody must know to go there or not."""

    school: str
    name: str
    state: str
    alive_at: datetime | None
    cameras: int
    recording: int
    silent: int
    newest: datetime | None
    least: int | None
    """Days that the camera holds that lacks most of its days; None: not counted yet."""
    keep_days: int | None
    least_camera: str | None
    short: int
    """Cameras that are old enough to hold their days and do not (R3.1)."""
    serious: int
    warnings: int
    planned: int
    overdue: int

    @property
    def unheard(self) -> int:
        """Cameras of which no footage was ever heard of."""
        return self.cameras - self.recording - self.silent

    @property
    def trouble(self) -> tuple[int, ...]:
        """Sorts the worst first: what is not known is worse than what is known to be bad."""
        order = {"unknown": 0, "serious": 1, "warning": 2, "good": 3}
        return (order[self.state], -self.serious, -self.short, -self.silent, -self.warnings)


@dataclass(frozen=True)
class CameraRow:
    """One camera of a school, with its heat."""

    camera: str
    name: str
    place: str
    mode: str
    keep_days: int
    held: int
    last_end: datetime | None
    silent_since: datetime | None
    clock_offset_ms: int | None
    days_ahead: float | None
    serious: int
    warnings: int
    cells: tuple[Cell, ...]

    @property
    def lacks(self) -> bool:
        """Whether it holds fewer days than are required, however young it is."""
        return self.held < self.keep_days

    @property
    def trouble(self) -> tuple[int, ...]:
        """Sorts the worst first."""
        unheard = self.last_end is None
        return (-self.serious, not unheard, self.silent_since is None, -self.warnings)


@dataclass(frozen=True)
class SchoolBoard:
    """A school's page."""

    school: SchoolView
    first_day: date
    days: int
    cameras: tuple[CameraRow, ...]
    findings: tuple[FindingView, ...]


@dataclass(frozen=True)
class DistrictBoard:
    """The first page: all schools, and the worst findings."""

    tiles: tuple[Tile, ...]
    findings: tuple[FindingView, ...]


class HourRow(NamedTuple):
    """A local day of one camera, hour by hour."""

    day: date
    cells: tuple[Cell, ...]
    recorded_ms: int | None
    gaps: tuple[Span, ...]
    """That begin on this day."""


@dataclass(frozen=True)
class CameraBoard:
    """A camera's page."""

    school: SchoolView
    camera: CameraRow
    hours: tuple[HourRow, ...]
    findings: tuple[FindingView, ...]


class Glances:
    """Reads the boards."""

    def __init__(self, pool: asyncpg.Pool, views: Views, config: DistrictConfig, gap_seconds: float) -> None:
        self.pool = pool
        self._views = views
        self._zone = ZoneInfo(config.time_zone)
        self._gap_seconds = gap_seconds
        self._names = {school.id: school.name for school in config.schools}

    async def district(self, schools: Sequence[str], now: datetime) -> DistrictBoard:
        """All schools, the worst first; their open findings, at most 200."""
        rows = await self.pool.fetch(_TILES, [s for s in schools if s in self._names], now)
        findings = await self._views.findings(schools, now)
        tiles = (self._tile(row, now) for row in rows)
        return DistrictBoard(tuple(sorted(tiles, key=lambda one: one.trouble)), tuple(findings))

    def _tile(self, row: asyncpg.Record, now: datetime) -> Tile:
        given = {name: row[name] for name in Tile.__dataclass_fields__ if name not in ("name", "state")}
        given |= {name: given[name] or 0 for name in ("cameras", "recording", "silent")}
        return Tile(name=self._names[row["school"]], state=self._views.state(row, now), **given)

    async def school(self, school: str, days: int, now: datetime) -> SchoolBoard:
        """A school with its cameras, and the heat of so many days."""
        view = (await self._views.schools(now, [school], cameras=False))[0]
        rows = await self._cameras(school, days, now)
        findings = await self._views.findings([school], now)
        first = now.astimezone(self._zone).date() - timedelta(days=days - 1)
        return SchoolBoard(
            view, first, days, tuple(sorted(rows, key=lambda one: one.trouble)), tuple(findings)
        )

    async def camera(self, school: str, camera: str, days: int, now: datetime) -> CameraBoard:
        """A camera, hour by hour.

        Raises:
            Missing: the register has no such camera.
        """
        rows = await self._cameras(school, days, now, camera)
        if not rows:
            raise Missing
        view = (await self._views.schools(now, [school], cameras=False))[0]
        findings = [f for f in await self._views.findings([school], now) if f.camera == camera]
        return CameraBoard(
            view, rows[0], await self._hours(school, camera, days, now, rows[0]), tuple(findings)
        )

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    async def _cameras(
        self, school: str, days: int, now: datetime, camera: str | None = None
    ) -> list[CameraRow]:
        today = self._today(now)
        async with self.pool.acquire() as conn, conn.transaction():
            # from the sixth time on a plan for any parameters would be used: ten times slower
            await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            rows = await conn.fetch(_CAMERAS, school, today, camera, days)
        shown = frames(today, days, self._zone)
        return [_camera(row, shown, now) for row in rows]

    async def _hours(
        self, school: str, camera: str, days: int, now: datetime, row: CameraRow
    ) -> tuple[HourRow, ...]:
        today = self._today(now)
        rows = await self.pool.fetch(
            "SELECT d.*, s.first_start FROM camera_day d JOIN camera_state s USING (school, camera)"
            " WHERE school = $1 AND camera = $2 AND day >= $3 AND recorded_ms IS NOT NULL ORDER BY day",
            school,
            camera,
            today - timedelta(days=days),
        )
        known: dict[date, DayCoverage] = {one["day"]: coverage_of(one) for one in rows}
        sight = Sight(now, today, row.keep_days, row.mode, rows[0]["first_start"] if rows else None)
        kept = [known[day] for day in known if day >= today - timedelta(days=row.keep_days)]
        missing = gaps(kept, shortest_gap(row.mode, self._gap_seconds))
        shown = reversed(frames(today, days, self._zone))
        return tuple(self._hour_row(frame, known.get(frame.day), missing, sight) for frame in shown)

    def _hour_row(
        self, frame: Frame, coverage: DayCoverage | None, missing: Sequence[Span], sight: Sight
    ) -> HourRow:
        begun = tuple(gap for gap in missing if frame.span.start <= gap.start < frame.span.end)
        cells = tuple(hour_cells(frame, coverage, sight))
        return HourRow(frame.day, cells, coverage.recorded_ms if coverage else None, begun)


_ROW = tuple(name for name in CameraRow.__dataclass_fields__ if name not in ("held", "cells"))


def _camera(row: asyncpg.Record, shown: Sequence[Frame], now: datetime) -> CameraRow:
    known = dict(zip(row["days"] or (), row["recorded"] or (), strict=True))
    sight = Sight(now, shown[-1].day, row["keep_days"], row["mode"], row["first_start"])
    cells = tuple(day_cell(frame, known.get(frame.day), sight) for frame in shown)
    return CameraRow(held=days_held(known, sight), cells=cells, **{name: row[name] for name in _ROW})
