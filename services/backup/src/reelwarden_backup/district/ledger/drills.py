"""The ledger's drills: which school's turn it is, what is drawn, how it ended. Part of its store."""

from collections.abc import Sequence
from datetime import timedelta

from reelwarden_backup.district.ledger.domain import CLAIM, Object
from reelwarden_backup.district.ledger.rows import SCHOOLS, object_of
from reelwarden_common.clock import Clock
from reelwarden_common.messaging.postgres import Connection

_DUE = f"""
WITH RECURSIVE {SCHOOLS} SELECT school FROM schools WHERE school IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM drills d WHERE d.school = schools.school AND d.started_at > $1
    AND (d.completed_at IS NOT NULL OR d.started_at > $2))
"""  # noqa: S608 - a constant of ours
_SAMPLE = """
SELECT * FROM objects WHERE school = $1 AND state = 'verified' AND segment {side} $2 ORDER BY segment LIMIT $3
"""


class Drills:
    """The table `drills`, within one transaction."""

    def __init__(self, conn: Connection, clock: Clock) -> None:
        self._conn = conn
        self._clock = clock

    async def begin(self, drill: str, every: timedelta, start: str, size: int) -> list[Object]:
        """Draw a sample of one school's copies, if a drill is due there and no other replica holds it.

        `start` is a random segment id: ids are hashes, so those that follow any one are a fair sample.
        """
        now = self._clock()
        await self._conn.execute("SELECT pg_advisory_xact_lock(hashtext('backup.drill'))")
        for due in await self._conn.fetch(_DUE, now - every, now - CLAIM):
            school = due["school"]
            rows = await self._conn.fetch(_SAMPLE.format(side=">="), school, start, size)
            rows += await self._conn.fetch(_SAMPLE.format(side="<"), school, start, size - len(rows))
            if rows:
                await self._conn.execute(
                    "INSERT INTO drills (drill, school, started_at) VALUES ($1, $2, $3)", drill, school, now
                )
                return [object_of(row) for row in rows]
        return []

    async def forget(self, drill: str) -> None:
        """The store went away in the middle: the drill is held another time."""
        await self._conn.execute("DELETE FROM drills WHERE drill = $1", drill)

    async def complete(self, drill: str, sampled: int, failures: Sequence[str]) -> None:
        """Write down how it ended."""
        await self._conn.execute(
            "UPDATE drills SET completed_at = $2, sampled = $3, restored = $4, failures = $5"
            " WHERE drill = $1",
            drill,
            self._clock(),
            sampled,
            sampled - len(failures),
            list(failures),
        )
