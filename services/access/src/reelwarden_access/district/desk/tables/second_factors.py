"""Second factors, recovery codes, and what was done about them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from reelwarden_common.messaging.postgres import Connection

_MAX_LISTED = 50


class SecondFactorsTable:
    """At most one factor a person; it counts once it was confirmed by a code."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def begin(self, actor: str, sealed: bytes, now: datetime) -> bool:
        """A new secret, in place of one that was not confirmed; False if one is in use."""
        fresh = await self._conn.fetchval(
            "INSERT INTO second_factors AS known (actor, secret, made_at) VALUES ($1, $2, $3)"
            " ON CONFLICT (actor) DO UPDATE SET secret = excluded.secret, made_at = excluded.made_at,"
            " last_step = 0 WHERE known.confirmed_at IS NULL RETURNING true",
            actor,
            sealed,
            now,
        )
        return bool(fresh)

    async def secret(self, actor: str, *, confirmed: bool) -> bytes | None:
        """The sealed secret, locked while it is used."""
        found = await self._conn.fetchval(
            "SELECT secret FROM second_factors WHERE actor = $1 AND (confirmed_at IS NOT NULL) = $2"
            " FOR UPDATE",
            actor,
            confirmed,
        )
        return bytes(found) if found is not None else None

    async def in_use(self, accounts: Collection[str]) -> set[str]:
        """Which of these accounts have one."""
        rows = await self._conn.fetch(
            "SELECT account FROM second_factors JOIN people USING (actor)"
            " WHERE account = ANY($1) AND confirmed_at IS NOT NULL",
            list(accounts),
        )
        return {row["account"] for row in rows}

    async def use_step(self, actor: str, step: int) -> bool:
        """Use up a step; False if it, or a later one, was used."""
        done = await self._conn.fetchval(
            "UPDATE second_factors SET last_step = $2 WHERE actor = $1 AND last_step < $2 RETURNING true",
            actor,
            step,
        )
        return bool(done)

    async def confirm(self, actor: str, digests: Sequence[str], now: datetime) -> None:
        """Take it into use, with its recovery codes."""
        await self._conn.execute("UPDATE second_factors SET confirmed_at = $2 WHERE actor = $1", actor, now)
        await self._conn.execute("DELETE FROM recovery_codes WHERE actor = $1", actor)
        await self._conn.executemany(
            "INSERT INTO recovery_codes (actor, digest) VALUES ($1, $2)", [(actor, d) for d in digests]
        )

    async def use_recovery(self, actor: str, digest: str) -> bool:
        """Use up a recovery code; False if there is none such."""
        done = await self._conn.fetchval(
            "DELETE FROM recovery_codes WHERE actor = $1 AND digest = $2 RETURNING true", actor, digest
        )
        return bool(done)

    async def recovery_left(self, actor: str) -> int:
        """How many recovery codes are left."""
        return int(await self._conn.fetchval("SELECT count(*) FROM recovery_codes WHERE actor = $1", actor))

    async def remove(self, actor: str) -> bool:
        """Forget it; False if there was none."""
        await self._conn.execute("DELETE FROM recovery_codes WHERE actor = $1", actor)
        done = await self._conn.fetchval(
            "DELETE FROM second_factors WHERE actor = $1 RETURNING confirmed_at IS NOT NULL", actor
        )
        return bool(done)

    async def note(self, actor: str, whom: str, act: str, reason: str, now: datetime) -> None:
        """Record what was done: `enrolled`, `recovered`, `removed`, `reset`."""
        await self._conn.execute(
            "INSERT INTO second_factor_acts (at, actor, whom, act, reason) VALUES ($1, $2, $3, $4, $5)",
            now,
            actor,
            whom,
            act,
            reason,
        )

    async def acts(self, accounts: Collection[str]) -> list[dict[str, Any]]:
        """The newest acts about these accounts."""
        rows = await self._conn.fetch(
            "SELECT n.at, n.act, n.reason, a.account AS actor, w.account AS whom FROM second_factor_acts n"
            " JOIN people a ON a.actor = n.actor JOIN people w ON w.actor = n.whom"
            " WHERE w.account = ANY($1) ORDER BY n.id DESC LIMIT $2",
            list(accounts),
            _MAX_LISTED,
        )
        return [dict(row) for row in rows]
