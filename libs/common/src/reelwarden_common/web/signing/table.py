"""People's own keys, and the nonces that make each use of them single."""

import secrets
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.web.signing.passkeys import NONCE_FOR, Passkey


class PasskeysTable:
    """Keys are never deleted, only taken out of use: signatures made with them stay.

    The tables `passkeys` and `passkey_nonces` are the service's own. An actor is whoever it knows people by.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def nonce(self, actor: str, now: datetime) -> str:
        """A new nonce for one registration or signature, good for a few minutes."""
        await self._conn.execute("DELETE FROM passkey_nonces WHERE issued_at < $1", now - NONCE_FOR)
        nonce = secrets.token_urlsafe(32)
        await self._conn.execute(
            "INSERT INTO passkey_nonces (nonce, actor, issued_at) VALUES ($1, $2, $3)", nonce, actor, now
        )
        return nonce

    async def take_nonce(self, nonce: str, actor: str, now: datetime) -> bool:
        """Use it up; False if it was used, is somebody else's, or too old."""
        taken = await self._conn.fetchval(
            "DELETE FROM passkey_nonces WHERE nonce = $1 AND actor = $2 AND issued_at >= $3 RETURNING true",
            nonce,
            actor,
            now - NONCE_FOR,
        )
        return bool(taken)

    async def add(self, actor: str, passkey: Passkey, now: datetime) -> bool:
        """Register a key; False if it is known already."""
        fresh = await self._conn.fetchval(
            "INSERT INTO passkeys (credential, actor, name, cose, counter, rp_id, origin, added_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING true",
            passkey.id,
            actor,
            passkey.name,
            passkey.cose,
            passkey.counter,
            passkey.rp_id,
            passkey.origin,
            now,
        )
        return bool(fresh)

    async def of(self, actor: str) -> Sequence[Passkey]:
        """Somebody's keys in use, oldest first."""
        rows = await self._conn.fetch(
            "SELECT * FROM passkeys WHERE actor = $1 AND removed_at IS NULL ORDER BY added_at", actor
        )
        return [_passkey(row) for row in rows]

    async def lock(self, credential: str, actor: str) -> Passkey | None:
        """One of somebody's keys in use, while it signs."""
        row = await self._conn.fetchrow(
            "SELECT * FROM passkeys WHERE credential = $1 AND actor = $2 AND removed_at IS NULL FOR UPDATE",
            credential,
            actor,
        )
        return _passkey(row) if row else None

    async def used(self, credential: str, counter: int) -> None:
        """Keep the key's own count of its uses."""
        await self._conn.execute(
            "UPDATE passkeys SET counter = $2 WHERE credential = $1", credential, counter
        )

    async def remove(self, credential: str, actor: str, now: datetime) -> bool:
        """Take a key out of use; False if it is none of theirs."""
        done = await self._conn.fetchval(
            "UPDATE passkeys SET removed_at = $3"
            " WHERE credential = $1 AND actor = $2 AND removed_at IS NULL RETURNING true",
            credential,
            actor,
            now,
        )
        return bool(done)


def _passkey(row: asyncpg.Record) -> Passkey:
    return Passkey(row["credential"], row["name"], row["cose"], row["counter"], row["rp_id"], row["origin"])
