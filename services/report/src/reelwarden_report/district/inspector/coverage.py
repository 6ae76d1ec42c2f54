"""Asking the index how a school's days are covered."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.ingest import CoverageAnswer, CoverageQuery
from reelwarden_common.messaging.topology import INDEX_COVERAGE
from reelwarden_common.messaging.units import Units
from reelwarden_common.role import Bus
from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span
from reelwarden_report.district.inspector.store import InspectorStore

ASK_SECONDS = 20


class Coverage:
    """Keeps `camera_day` as the index would answer."""

    def __init__(
        self, bus: Bus, units: Units[InspectorStore], zone: ZoneInfo, clock: Clock = system_clock
    ) -> None:
        self._bus = bus
        self._units = units
        self._zone = zone
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
        """Ask about days that have changed."""
        async with self._units.begin() as store:
            days = await store.stale_days()
        for school, day in days:
            await self.refresh(school, day)
