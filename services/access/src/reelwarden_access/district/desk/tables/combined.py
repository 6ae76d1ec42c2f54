"""Two parts held by one person at a school that has too few people (R4.3)."""

from dataclasses import dataclass
from datetime import datetime

from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class Combined:
    """Who held which parts of an application, and what the district says of it."""

    application: str
    actor: str
    name: str
    parts: tuple[str, ...]
    at: datetime
    reviewer_name: str | None
    opinion: str | None
    reviewed_at: datetime | None


class CombinedTable:
    """Written when it happens, and when it is reviewed."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(
        self, application: str, actor: tuple[str, str], parts: tuple[str, ...], at: datetime
    ) -> bool:
        """A person, by number and name, holds these parts; False if that was known."""
        fresh = await self._conn.fetchval(
            "INSERT INTO combined_parts (application, actor, name, parts, at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING RETURNING true",
            application,
            *actor,
            list(parts),
            at,
        )
        return bool(fresh)

    async def of(self, application: str) -> list[Combined]:
        """All of an application."""
        rows = await self._conn.fetch(
            "SELECT application, actor, name, parts, at, reviewer_name, opinion, reviewed_at"
            " FROM combined_parts WHERE application = $1 ORDER BY at",
            application,
        )
        return [Combined(**{**row, "parts": tuple(row["parts"])}) for row in rows]

    async def review(self, application: str, reviewer: tuple[str, str], opinion: str, at: datetime) -> None:
        """The district has looked at it."""
        await self._conn.execute(
            "UPDATE combined_parts SET reviewed_by = $2, reviewer_name = $3, opinion = $4, reviewed_at = $5"
            " WHERE application = $1 AND reviewed_at IS NULL",
            application,
            *reviewer,
            opinion,
            at,
        )
