"""What people and operators ask: what is held, what was erased by which rule, which camera falls short."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import Camera, DistrictConfig
from reelwarden_common.events.report import (
    CameraDays,
    CamerasAnswer,
    CamerasQuery,
    ErasedAnswer,
    ErasedDay,
    ErasedQuery,
    HoldsAnswer,
    HoldsQuery,
    KnownHold,
)
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import INSPECTOR_CAMERAS, INSPECTOR_ERASED, INSPECTOR_HOLDS
from reelwarden_report.district.inspector.domain import (
    DayCoverage,
    Foretold,
    days_back,
    falls_short,
    will_be_short,
)
from reelwarden_report.district.inspector.views import Views

MOST = 500
"""Rows an answer: more than that nobody reads at once, nor does the bus take it."""
_HOLDS = """
SELECT h.*, coalesce(a.number, x.number) AS number FROM hold h
LEFT JOIN application a ON (a.school, a.application) = (h.school, h.cause)
LEFT JOIN extension x ON (x.school, x.extension) = (h.school, h.cause)
WHERE h.school = $1 AND ($2 OR h.ended_at IS NULL OR h.ended_at > $3)
ORDER BY h.ended_at <= $3 NULLS FIRST, h.asked_at DESC NULLS LAST, h.hold LIMIT $4
"""
_ERASED = """
SELECT e.*, p.epoch AS plan_epoch, p.version AS plan_version, (p.keep_days->>e.camera)::int AS keep_days
FROM erased_day e LEFT JOIN plan p ON (p.school, p.digest) = (e.school, e.plan)
WHERE e.school = $1 AND ($2::text IS NULL OR e.camera = $2)
    AND e.day >= coalesce($3, '-infinity'::date) AND e.day <= coalesce($4, 'infinity'::date)
ORDER BY e.day DESC, e.camera, e.plan LIMIT $5
"""


_CAMERAS = """
SELECT s.*, f.days AS forecast_days FROM camera_state s LEFT JOIN camera_forecast f USING (school, camera)
WHERE s.school = $1
"""


class Answers:
    """Answers for one school at a time; whoever asks was looked at before."""

    def __init__(
        self, pool: asyncpg.Pool, views: Views, config: DistrictConfig, clock: Clock = system_clock
    ) -> None:
        self._pool = pool
        self._views = views
        self._config = config
        self._zone = ZoneInfo(config.time_zone)
        self._clock = clock

    def on_the_bus(self) -> tuple[Answer, ...]:
        """The questions that operators ask."""
        return (
            Answer(INSPECTOR_HOLDS, HoldsQuery, self.holds),
            Answer(INSPECTOR_ERASED, ErasedQuery, self.erased),
            Answer(INSPECTOR_CAMERAS, CamerasQuery, self.cameras),
        )

    async def holds(self, query: HoldsQuery) -> HoldsAnswer:
        """What is held, since when, why, until when; what stands comes first, the newest first (R3.1)."""
        rows = await self._pool.fetch(_HOLDS, query.school, query.over, self._clock(), MOST + 1)
        return HoldsAnswer(holds=tuple(_hold(row) for row in rows[:MOST]), more=len(rows) > MOST)

    async def erased(self, query: ErasedQuery) -> ErasedAnswer:
        """What was certified erased, by day of the footage, with the plan and the days that it demanded."""
        rows = await self._pool.fetch(
            _ERASED, query.school, query.camera, _day(query.first_day), _day(query.last_day), MOST + 1
        )
        found = tuple(ErasedDay(**{**row, "day": str(row["day"])}) for row in map(dict, rows[:MOST]))
        return ErasedAnswer(days=found, more=len(rows) > MOST)

    async def cameras(self, query: CamerasQuery) -> CamerasAnswer:
        """Each camera's days against the rule, those that fall short first (R3.1, R5.1)."""
        school = next((s for s in self._config.schools if s.id == query.school), None)
        if school is None:
            return CamerasAnswer(cameras=())
        now = self._clock()
        keep = await self._views.keep_days(school, now)
        first_day = days_back(now, max([*keep.values(), 1]), self._zone)[0]
        days = await self._views.days([school.id], first_day)
        rows = await self._pool.fetch(_CAMERAS, school.id)
        known = {row["camera"]: row for row in rows}
        found = [
            _camera(camera, keep[camera.id], days.get((school.id, camera.id), []), known.get(camera.id), now)
            for camera in school.cameras
        ]
        return CamerasAnswer(cameras=tuple(sorted(found, key=lambda one: not one.short)))


def _camera(
    camera: Camera, keep: int, days: Sequence[DayCoverage], state: asyncpg.Record | None, now: datetime
) -> CameraDays:
    held = min(keep, sum(1 for day in days if day.recorded_ms > 0))
    first = state["first_start"] if state else None
    forecast = state["forecast_days"] if state else None
    foretold = [] if forecast is None else [Foretold(camera.id, forecast, keep)]
    return CameraDays(
        camera=camera.id,
        name=camera.name,
        keep_days=keep,
        days_held=held,
        oldest=min((day.first for day in days if day.first), default=None),
        newest=state["last_end"] if state else None,
        first=first,
        forecast_days=forecast,
        short=falls_short(held, keep, now - first if first else timedelta(0))
        or bool(will_be_short(foretold, already=())),
    )


def _hold(row: asyncpg.Record) -> KnownHold:
    known: dict[str, Any] = {name: row[name] for name in KnownHold.model_fields if name != "gone"}
    return KnownHold(**known, gone=json.loads(row["gone"]))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
