"""Units of work on PostgreSQL: inbox, effect and outbox in one transaction of the service's own schema.

Every service's schema has the tables `inbox(role, id, seen_at)` and
`outbox(seq, role, subject, headers, body)`; see `MESSAGING_SQL`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic

import asyncpg

from reelwarden_common.envelope import Envelope, Message
from reelwarden_common.errors import Refused, Transient
from reelwarden_common.messaging.units import REMEMBER, S

MESSAGING_SQL = """
CREATE TABLE inbox (
    role text NOT NULL,
    id text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, id)
);
CREATE INDEX inbox_seen_at ON inbox (seen_at);
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role text NOT NULL,
    subject text NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL
);
"""
"""Both tables, for a service's first migration."""

Connection = asyncpg.pool.PoolConnectionProxy
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says when a connection breaks while a statement ends
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    ConnectionError,
    TimeoutError,
)
_NO_ACCESS = (
    asyncpg.ClientConfigurationError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
"""Longer than any statement of ours may take; a database that does not answer at all is given up then."""
PING_SECONDS = 2.0


class DatabaseAway(Transient):
    """The database did not answer, or asked to try again; nothing was changed."""


class NoAccess(Refused):
    """The database is there and does not let this role in."""


class PgUnits(Generic[S]):
    """Units of one role; `make` builds the role's store around a connection."""

    def __init__(self, pool: asyncpg.Pool, role: str, make: Callable[[Connection], S]) -> None:
        self._pool = pool
        self._role = role
        self._make = make
        self._outgoing = asyncio.Event()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction; what is the database's fault becomes `DatabaseAway`."""
        try:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as conn, conn.transaction():
                yield conn
        except _PASSING as error:
            message = f"database: {str(error) or type(error).__name__}"
            raise DatabaseAway(message) from error

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[S]:
        """A transaction that commits with its outgoing events."""
        async with self._transaction() as conn:
            store = self._make(conn)
            yield store
            wrote = await self._write_outbox(conn, store)
        if wrote:
            self._outgoing.set()

    async def once(self, envelope: Envelope, work: Callable[[S], Awaitable[None]]) -> bool:
        """Do `work` unless the inbox knows the event."""
        async with self._transaction() as conn:
            fresh = await conn.fetchval(
                "INSERT INTO inbox (role, id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
                self._role,
                envelope.key,
            )
            if not fresh:
                return False
            store = self._make(conn)
            await work(store)
            wrote = await self._write_outbox(conn, store)
        if wrote:
            self._outgoing.set()
        return True

    async def _write_outbox(self, conn: Connection, store: S) -> bool:
        rows = [(self._role, m.subject, json.dumps(m.headers), m.body) for m in store.take_outgoing()]
        if rows:
            await conn.executemany(
                "INSERT INTO outbox (role, subject, headers, body) VALUES ($1, $2, $3, $4)", rows
            )
        return bool(rows)

    async def relay(self, send: Callable[[Sequence[Message]], Awaitable[None]], limit: int) -> int:
        """Send in order; one replica at a time, so that order holds across replicas too."""
        async with self._transaction() as conn:
            alone = await conn.fetchval(
                "SELECT pg_try_advisory_xact_lock(hashtext('outbox'), hashtext($1))", self._role
            )
            if not alone:
                return 0
            rows = await conn.fetch(
                "DELETE FROM outbox WHERE seq IN"
                " (SELECT seq FROM outbox WHERE role = $1 ORDER BY seq LIMIT $2)"
                " RETURNING seq, subject, headers, body",
                self._role,
                limit,
            )
            rows.sort(key=lambda row: row["seq"])
            if rows:
                await send([Message(r["subject"], json.loads(r["headers"]), r["body"]) for r in rows])
        return len(rows)

    async def outbox_size(self) -> int:
        """How many messages wait."""
        return int(await self._pool.fetchval("SELECT count(*) FROM outbox WHERE role = $1", self._role))

    async def ping(self) -> None:
        """Ask the database for a sign of life."""
        async with asyncio.timeout(PING_SECONDS):
            await self._pool.fetchval("SELECT 1")

    async def tidy(self) -> None:
        """Forget what was seen longer ago than the bus could say it again."""
        async with self._transaction() as conn:
            await conn.execute(
                "DELETE FROM inbox WHERE role = $1 AND seen_at < now() - $2::interval",
                self._role,
                REMEMBER,
            )

    async def wait_for_outgoing(self, seconds: float) -> None:
        """Woken by this process's own commits; other replicas' rows are found by polling."""
        try:
            # Not `wait_for`: before Python 3.12 it may swallow a cancellation, and the role never stops.
            async with asyncio.timeout(seconds):
                await self._outgoing.wait()
        except TimeoutError:
            return
        self._outgoing.clear()


async def open_pool(url: str, schema: str, size: int = 8) -> asyncpg.Pool:
    """A pool whose connections see one service's schema only.

    Raises:
        DatabaseAway: there is no database now.
        NoAccess: there is one, and it does not let us in.
    """
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings={"search_path": schema, "timezone": "UTC"},
        )
    except _NO_ACCESS as error:
        message = f"database: {error}: check RW_DATABASE_URL"
        raise NoAccess(message) from error
    except (*_PASSING, OSError) as error:
        message = f"database: {str(error) or type(error).__name__}"
        raise DatabaseAway(message) from error
