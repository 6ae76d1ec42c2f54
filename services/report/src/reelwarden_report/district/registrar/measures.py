"""What operators watch of the registrar: whose checkpoints wait too long for what makes them hold."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
from prometheus_client import CollectorRegistry, Gauge

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.base import DISTRICT_SCHOOL

LATE = timedelta(days=2)
_LATE = """
    SELECT count(*) FROM custody_log l
    JOIN LATERAL (
        SELECT size FROM custody_checkpoint WHERE school = l.school AND signed_at < $1
        ORDER BY size DESC LIMIT 1
    ) c ON true
    WHERE NOT EXISTS ({done})
"""
_DONE = {
    "countersigned": "SELECT FROM custody_checkpoint d WHERE d.school = l.school AND d.size >= c.size"
    f" AND (d.cosigner IS NOT NULL OR l.school = '{DISTRICT_SCHOOL}')",
    "deposited": "SELECT FROM custody_checkpoint d WHERE d.school = l.school AND d.size >= c.size"
    " AND d.stored_at IS NOT NULL",
    "stamped": "SELECT FROM custody_stamp d WHERE d.school = l.school AND d.size >= c.size",
}


class Measures:
    """A gauge over all schools.

    Args:
        pool: the registrar's.
        registry: where it is told.
        expected: which of countersigned, deposited, stamped are to happen here.
        clock: for tests.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        registry: CollectorRegistry,
        expected: Sequence[str],
        clock: Clock = system_clock,
    ) -> None:
        self._pool = pool
        self._expected = expected
        self._clock = clock
        self._late = Gauge(
            "reelwarden_checkpoints_late",
            "schools whose custody log waits two days to be countersigned, deposited or stamped",
            ["what"],
            registry=registry,
        )

    async def turn(self) -> None:
        """Count anew."""
        before = self._clock() - LATE
        for what in self._expected:
            late = await self._pool.fetchval(_LATE.format(done=_DONE[what]), before)
            self._late.labels(what).set(late)
