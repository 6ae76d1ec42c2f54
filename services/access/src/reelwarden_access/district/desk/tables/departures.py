"""Whose access was ended, and given back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.web.sign_ins import end_for_good, let_in_again

_MAX_LISTED = 100


@dataclass(frozen=True)
class Departure:
    """Somebody left; with `back_at`, and came back."""

    account: str
    ended_at: datetime
    ended_by: str
    reason: str
    back_at: datetime | None
    back_by: str | None
    back_reason: str | None


class DeparturesTable:
    """At most one in force for each account."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def end(self, account: str, mark: str, actor: str, reason: str, now: datetime) -> bool:
        """End somebody's access, with all sessions of their `mark`; False if it was ended before."""
        fresh = await self._conn.fetchval(
            "INSERT INTO departures (account, ended_at, ended_by, reason) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (account) WHERE back_at IS NULL DO NOTHING RETURNING true",
            account,
            now,
            actor,
            reason,
        )
        if fresh:
            await end_for_good(self._conn, mark)
        return bool(fresh)

    async def give_back(self, account: str, mark: str, actor: str, reason: str, now: datetime) -> bool:
        """Give it back; False if it was not ended."""
        done = await self._conn.fetchval(
            "UPDATE departures SET back_at = $4, back_by = $2, back_reason = $3"
            " WHERE account = $1 AND back_at IS NULL RETURNING true",
            account,
            actor,
            reason,
            now,
        )
        if done:
            await let_in_again(self._conn, mark, now)
        return bool(done)

    async def in_force(self) -> set[str]:
        """The accounts of all who left."""
        rows = await self._conn.fetch("SELECT account FROM departures WHERE back_at IS NULL")
        return {row["account"] for row in rows}

    async def actors(self) -> dict[str, str]:
        """The same by the numbers of those who have acted, with their accounts."""
        rows = await self._conn.fetch(
            "SELECT actor, account FROM departures JOIN people USING (account) WHERE back_at IS NULL"
        )
        return {row["actor"]: row["account"] for row in rows}

    async def of(self, accounts: Collection[str]) -> list[Departure]:
        """The newest about these accounts, with the accounts of those who decided."""
        rows = await self._conn.fetch(
            "SELECT d.account, d.ended_at, e.account AS ended_by, d.reason,"
            " d.back_at, b.account AS back_by, d.back_reason FROM departures d"
            " JOIN people e ON e.actor = d.ended_by LEFT JOIN people b ON b.actor = d.back_by"
            " WHERE d.account = ANY($1) ORDER BY d.id DESC LIMIT $2",
            list(accounts),
            _MAX_LISTED,
        )
        return [Departure(**row) for row in rows]
