"""Deputyships, past ones too."""

from collections.abc import Collection
from datetime import date, datetime

import asyncpg

from reelwarden_access.district.desk.deputy import Deputy
from reelwarden_common.messaging.postgres import Connection

_ALL = "SELECT d.*, p.account AS namer FROM deputies d JOIN people p ON p.actor = d.named_by"
_MAX_LISTED = 100


class DeputiesTable:
    """Who stands in for whom."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(self, one: Deputy, actor: str) -> None:
        """A new one."""
        await self._conn.execute(
            "INSERT INTO deputies (id, school, principal, deputy, first_day, last_day, named_at, named_by)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            one.id,
            one.school,
            one.principal,
            one.deputy,
            one.first_day,
            one.last_day,
            one.named_at,
            actor,
        )

    async def one(self, identifier: str) -> Deputy | None:
        """One that was not revoked, locked."""
        query = f"{_ALL} WHERE id = $1 AND revoked_at IS NULL FOR UPDATE OF d"
        row = await self._conn.fetchrow(query, identifier)
        return None if row is None else _deputy(row)

    async def revoke(self, identifier: str, actor: str, now: datetime) -> None:
        """From now on it does not count."""
        query = "UPDATE deputies SET revoked_at = $3, revoked_by = $2 WHERE id = $1"
        await self._conn.execute(query, identifier, actor, now)

    async def of_deputy(self, account: str, today: date) -> frozenset[tuple[str, str]]:
        """Schools and leaders for whom somebody signs today; nobody stands in for who has left."""
        rows = await self._conn.fetch(
            "SELECT school, principal FROM deputies WHERE deputy = $1 AND revoked_at IS NULL"
            " AND $2 BETWEEN first_day AND last_day AND NOT EXISTS"
            " (SELECT FROM departures WHERE account = deputies.principal AND back_at IS NULL)",
            account,
            today,
        )
        return frozenset((row["school"], row["principal"]) for row in rows)

    async def at(self, schools: Collection[str]) -> list[Deputy]:
        """The newest of these schools."""
        query = f"{_ALL} WHERE school = ANY($1) ORDER BY last_day DESC, named_at DESC LIMIT $2"
        return [_deputy(row) for row in await self._conn.fetch(query, list(schools), _MAX_LISTED)]


def _deputy(row: asyncpg.Record) -> Deputy:
    return Deputy(
        id=row["id"],
        school=row["school"],
        principal=row["principal"],
        deputy=row["deputy"],
        first_day=row["first_day"],
        last_day=row["last_day"],
        named_at=row["named_at"],
        named_by=row["namer"],
        revoked_at=row["revoked_at"],
    )
