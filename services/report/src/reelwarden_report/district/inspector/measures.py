"""What operators watch of the inspector: how many findings are open, how many schools are unknown."""

from datetime import timedelta

import asyncpg
from prometheus_client import CollectorRegistry, Gauge

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.report import Severity


class Measures:
    """Gauges over all schools: a school as a label would let their number grow."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        registry: CollectorRegistry,
        cut_off_seconds: float,
        clock: Clock = system_clock,
    ) -> None:
        self._pool = pool
        self._cut_off = timedelta(seconds=cut_off_seconds)
        self._clock = clock
        self._open = Gauge(
            "reelwarden_findings_open", "findings that nobody settled", ["severity"], registry=registry
        )
        self._overdue = Gauge(
            "reelwarden_findings_overdue", "open findings past their deadline", registry=registry
        )
        self._unknown = Gauge(
            "reelwarden_schools_unknown", "schools not heard of for too long", registry=registry
        )

    async def turn(self) -> None:
        """Count anew."""
        now = self._clock()
        rows = await self._pool.fetch(
            "SELECT severity, count(*) AS open, count(*) FILTER (WHERE deadline < $1) AS overdue FROM finding"
            " WHERE closed_at IS NULL GROUP BY severity",
            now,
        )
        counts = {row["severity"]: row["open"] for row in rows}
        for severity in Severity:
            self._open.labels(severity.value).set(counts.get(severity.value, 0))
        self._overdue.set(sum(row["overdue"] for row in rows))
        query = "SELECT count(*) FROM school_state WHERE coalesce(alive_at, first_heard) < $1"
        self._unknown.set(await self._pool.fetchval(query, now - self._cut_off))
