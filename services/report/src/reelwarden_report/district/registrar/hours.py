"""What was recorded in hours that are not over yet: it waits here for its entry in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from reelwarden_common.messaging.postgres import Connection
from reelwarden_report.custody.hours import Waiting


class HoursTable:
    """The table `custody_hour`."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def hear(
        self, school: str, event: str, told: Mapping[datetime, Sequence[str]], at: datetime
    ) -> None:
        """Keep what one message told of some hours; a message that is known changes nothing."""
        await self._conn.executemany(
            "INSERT INTO custody_hour VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            [(school, hour, event, list(lines), at) for hour, lines in told.items()],
        )

    async def waiting(self) -> list[Waiting]:
        """All hours that have no entry yet, the oldest first."""
        rows = await self._conn.fetch(
            "SELECT school, hour, max(heard_at) AS heard FROM custody_hour GROUP BY school, hour"
            " ORDER BY hour"
        )
        return [Waiting(row["school"], row["hour"], row["heard"]) for row in rows]

    async def take(self, waiting: Waiting) -> list[str]:
        """Take away the lines of an hour; empty if another replica did."""
        rows = await self._conn.fetch(
            "DELETE FROM custody_hour WHERE school = $1 AND hour = $2 RETURNING lines",
            waiting.school,
            waiting.hour,
        )
        return [line for row in rows for line in row["lines"]]
