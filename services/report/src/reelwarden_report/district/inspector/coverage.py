"""Asking the index how a school's days are covered, and judging what it says."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import DistrictConfig, School
from reelwarden_common.events.ingest import CoverageAnswer, CoverageQuery
from reelwarden_common.messaging.topology import INDEX_COVERAGE
from reelwarden_common.messaging.units import Units
from reelwarden_common.role import Bus
from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span
from reelwarden_report.district.inspector.held import recount
from reelwarden_report.district.inspector.judging import judge_gaps, recent_gaps, shortest_gap
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.views import DAYS_SHOWN, Views

ASK_SECONDS = 20


class Coverage:
    """Keeps `camera_day` as the index would answer."""

    def __init__(
        self,
        bus: Bus,
        units: Units[InspectorStore],
        views: Views,
        config: DistrictConfig,
        gap_seconds: float,
        clock: Clock = system_clock,
    ) -> None:
        self._bus = bus
        self._units = units
        self._views = views
        self._config = config
        self._zone = ZoneInfo(config.time_zone)
        self._gap_seconds = gap_seconds
        self._clock = clock

    async def refresh(self, school: str, day: date) -> None:
        """Ask about one day of a school, all its cameras, up to now.

        Raises:
            NoAnswer, BadQuestion: the index does not answer; what was known stays.
        """
        span = day_span(day, self._zone)
        now: datetime = self._clock()
        end = min(span.end, now)
        if end <= span.start:
            return
        query = CoverageQuery(school=school, start=span.start, end=end)
        answer = await self._bus.ask(INDEX_COVERAGE, "district", query, CoverageAnswer, ASK_SECONDS)
        found = {
            one.camera: DayCoverage(
                day,
                one.recorded_ms,
                one.segments,
                one.first,
                one.last,
                tuple(Span(gap.start, gap.end) for gap in one.gaps),
            )
            for one in answer.cameras
        }
        async with self._units.begin() as store:
            await store.covered(school, found, day, now)

    async def refresh_stale(self) -> None:
        """Ask about days that have changed, and judge what is shown of their schools."""
        async with self._units.begin() as store:
            days = await store.stale_days()
        for of, day in days:
            await self.refresh(of, day)
        news = {of for of, _ in days}
        for school in self._config.schools:
            if school.id in news:
                await self.judge(school, self._clock() - timedelta(days=DAYS_SHOWN))
                async with self._units.begin() as store:
                    await recount(store, school.id)

    async def judge(self, school: School, since: datetime, *, complete: bool = True) -> None:
        """Judge the gaps since the local day of a moment: what is drawn as a gap is a finding, at once.

        Args:
            school: Whose cameras.
            since: The whole local day counts.
            complete: Whether the index answered; else nothing is closed.
        """
        first = since.astimezone(self._zone).date()
        begin = day_span(first, self._zone).start
        days = await self._views.days([school.id], first - timedelta(days=2))
        async with self._units.begin() as store:
            rows = await store.conn.fetch("SELECT camera, mode FROM camera_card WHERE school = $1", school.id)
        modes = {row["camera"]: row["mode"] for row in rows}
        keep = await self._views.keep_days(school, self._clock())
        cameras = {}
        for camera in school.cameras:
            known = days.get((school.id, camera.id), [])
            shortest = shortest_gap(modes.get(camera.id), self._gap_seconds)
            cameras[camera.id] = recent_gaps(known, keep[camera.id], begin, shortest)
        async with self._units.begin() as store:
            await judge_gaps(store, school.id, cameras, first, complete=complete)
