"""Keys by which programs read the API: made and revoked by people, kept only as their SHA-256."""

import hashlib
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from reelwarden_common.district import Grant, PersonRole
from reelwarden_common.web import N_, Denied, NotSignedIn, Person, Text
from reelwarden_report.district.inspector.shapes import Shape

MARK = "rwt_"
"""What every token begins with, so that one in a wrong place is found."""
MOST_DAYS = 730
USED_EVERY = timedelta(minutes=5)
"""When a token was used last is written down no finer than this."""
_WRONG = Text(N_("This token is unknown, over or revoked."))
_READS = Text(N_("A token reads and changes nothing."))


class TokenView(Shape):
    """A token as people see it: never the key."""

    token: str
    name: str
    schools: tuple[str, ...]
    """`district`: all of them."""
    made_by: str
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Order:
    """A token to be made."""

    name: str
    schools: tuple[str, ...]
    days: int
    by: str


def hashed(key: str) -> str:
    """What is kept of a key: 256 bits of chance need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


class Tokens:
    """The table of tokens."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def make(self, order: Order, now: datetime) -> tuple[str, str]:
        """A new token: its number, and its key, which is shown this once."""
        token, key = uuid.uuid4().hex[:12], MARK + secrets.token_urlsafe(32)
        await self._pool.execute(
            "INSERT INTO api_token (token, name, hash, schools, made_by, made_at, ends_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            token,
            order.name,
            hashed(key),
            list(order.schools),
            order.by,
            now,
            now + timedelta(days=order.days),
        )
        return token, key

    async def revoke(self, token: str, schools: Collection[str], by: str, now: datetime) -> bool:
        """End one of the tokens that open nothing but some schools; tells whether there was one."""
        ended = await self._pool.fetchval(
            "UPDATE api_token SET revoked_at = $3, revoked_by = $4 WHERE token = $1 AND schools <@ $2"
            " AND revoked_at IS NULL RETURNING true",
            token,
            list(schools),
            now,
            by,
        )
        return bool(ended)

    async def list(self, schools: Collection[str]) -> Sequence[TokenView]:
        """The tokens that open nothing but some schools, the newest first."""
        rows = await self._pool.fetch(
            "SELECT token, name, schools, made_by, made_at, ends_at, used_at, revoked_at FROM api_token"
            " WHERE schools <@ $1 ORDER BY made_at DESC LIMIT 500",
            list(schools),
        )
        return [TokenView(**dict(row)) for row in rows]

    async def program(self, key: str, now: datetime) -> Person:
        """Who comes with a key: one that may read what an auditor of its schools reads.

        Raises:
            NotSignedIn: no such key, or its time is over.
        """
        row = await self._pool.fetchrow(
            "SELECT token, name, schools, used_at FROM api_token"
            " WHERE hash = $1 AND revoked_at IS NULL AND ends_at > $2",
            hashed(key),
            now,
        )
        if row is None:
            raise NotSignedIn(_WRONG)
        if row["used_at"] is None or row["used_at"] < now - USED_EVERY:
            await self._pool.execute("UPDATE api_token SET used_at = $2 WHERE token = $1", row["token"], now)
        grants = frozenset(Grant(school, PersonRole.AUDITOR) for school in row["schools"])
        return Person(f"token:{row['token']}", row["name"], "", grants)


async def program_of(tokens: Tokens, method: str, authorization: str | None, now: datetime) -> Person | None:
    """The program that a request comes from; None: it brought no token.

    Raises:
        NotSignedIn: a token that opens nothing.
        Denied: it wants to change something.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    person = await tokens.program(key.strip(), now)
    if method not in ("GET", "HEAD"):
        raise Denied("read_only", _READS, "R3.3")
    return person
