"""One school's stream on its way into the hub: find the place, pull, take over, remember the place."""

import time
from dataclasses import dataclass
from typing import Self

from prometheus_client import Counter, Gauge

from reelwarden_common.errors import Transient
from reelwarden_common.messaging.topology import Stream, school_fact_subjects
from reelwarden_common.telemetry import Telemetry, log
from reelwarden_ingest.district.intake.domain import Position, start_of
from reelwarden_ingest.district.intake.handlers import Pace, on_pulled
from reelwarden_ingest.district.intake.line import Line, Pulled
from reelwarden_ingest.district.intake.store import ROLE, Hub

SAVE_SECONDS = 1.0
LIFE_SECONDS = 240.0
"""A pull lives for less than half the hub's memory for doubles (10 min), then finds its place anew: so an
intake that was frozen, or is slower than another beside it, cannot bring old messages in again."""


@dataclass(frozen=True)
class Gauges:
    """What is counted over all schools; a school is never a label."""

    messages: Counter
    away: Gauge
    behind: Gauge

    @classmethod
    def make(cls, telemetry: Telemetry) -> Self:
        """Register them with the role's metrics."""
        registry = telemetry.registry
        return cls(
            Counter(
                "reelwarden_intake_messages", "messages by outcome", ["stream", "outcome"], registry=registry
            ),
            Gauge("reelwarden_intake_away", "schools' streams that do not answer", registry=registry),
            Gauge(
                "reelwarden_intake_behind", "messages waiting at the schools", ["stream"], registry=registry
            ),
        )


class Border:
    """Takes one stream of one school over; `turn` is called again and again."""

    def __init__(self, line: Line, stream: Stream, hub: Hub, pace: Pace, gauges: Gauges) -> None:
        self._line = line
        self._stream = stream
        self._hub = hub
        self._pace = pace
        self._gauges = gauges
        self._allowed = school_fact_subjects(stream, line.school)
        self._away = False
        self._behind = 0
        self._unsaved: Position | None = None
        self._saved_at = 0.0

    async def turn(self) -> None:
        """Pull until the line fails; that a school is away is told once, not every second."""
        try:
            await self._pull()
        except Transient as error:
            if not self._away:
                self._away = True
                self._gauges.away.inc()
                log(ROLE).warning(
                    "line_down", school=self._line.school, stream=str(self._stream), error=str(error)
                )

    async def _pull(self) -> None:
        born = time.monotonic()
        school, stream = self._line.school, self._stream
        origin = await self._line.origin(stream)
        saved = await self._hub.saved()
        start = start_of(origin, saved, await self._hub.newest())
        if saved and saved.created == origin.created and saved.sequence + 1 < start == origin.first:
            lost = start - saved.sequence - 1
            log(ROLE).error("aged_out_at_school", school=school, stream=str(stream), messages=lost)
        async with self._line.pull(stream, origin.created, start) as batches:
            self._is_here(start)
            async for batch in batches:
                if time.monotonic() - born > LIFE_SECONDS:
                    return
                if batch:
                    await self._take(batch)
                await self._save_sometimes()

    async def _take(self, batch: list[Pulled]) -> None:
        taken = await on_pulled(batch, self._line.school, self._allowed, self._hub, self._pace)
        self._gauges.messages.labels(self._stream, "landed").inc(taken.landed)
        self._gauges.messages.labels(self._stream, "refused").inc(taken.refused)
        self._gauges.behind.labels(self._stream).inc(batch[-1].pending - self._behind)
        self._behind = batch[-1].pending
        self._unsaved = batch[-1].position

    async def _save_sometimes(self) -> None:
        """The newest message at the hub says it too, but not behind a refused one, nor after it aged out."""
        if self._unsaved and time.monotonic() - self._saved_at >= SAVE_SECONDS:
            await self._hub.save(self._unsaved)
            self._unsaved, self._saved_at = None, time.monotonic()

    def _is_here(self, start: int) -> None:
        if self._away:
            self._away = False
            self._gauges.away.dec()
        log(ROLE).info("pulling", school=self._line.school, stream=str(self._stream), start=start)
