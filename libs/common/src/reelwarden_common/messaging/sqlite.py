"""Units of work on SQLite, for roles at a school: the same inbox, effect and outbox in one transaction.

Calls are synchronous on purpose: a transaction never yields to another task half-way, and a commit costs
one fsync. Work that takes long (hashing, copying) happens outside a unit.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic

from reelwarden_common.envelope import Envelope, Message
from reelwarden_common.errors import Refused, StorageFull, Transient
from reelwarden_common.messaging.units import S

_MESSAGING = """
CREATE TABLE IF NOT EXISTS inbox (
    id TEXT PRIMARY KEY, seen_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""


class StateDamaged(Refused):
    """The role's SQLite file is not readable: move it away, the role rebuilds it from disk and bus."""


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open (or make) a role's file and bring it to the newest of `migrations`, each applied once.

    Raises:
        StorageFull: no space to do it.
        StateDamaged: the file is not a database, or was written by a newer release.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        conn.row_factory = sqlite3.Row
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute("PRAGMA foreign_keys=ON")
        conn.executescript(_MESSAGING)
        done = int(conn.execute("PRAGMA user_version").fetchone()[0])
        if done > len(migrations):
            message = f"{path} was written by a newer release (schema {done}); upgrade this one"
            raise StateDamaged(message)
        for number, script in enumerate(migrations[done:], done + 1):
            conn.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
    except sqlite3.Error as error:
        raise translate(error, path) from error
    return conn


def translate(error: sqlite3.Error, path: Path) -> Exception:
    """SQLite's errors in our words."""
    text = str(error)
    if "disk is full" in text or "disk I/O error" in text:
        return StorageFull(f"{path}: {text}. Free some space; work goes on by itself")
    if isinstance(error, sqlite3.OperationalError):
        return Transient(f"{path}: {text}")
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in text:
        return StateDamaged(f"{path}: {text}")
    return error


class SqliteUnits(Generic[S]):
    """Units of one role at a school; `make` builds the role's store around the connection."""

    def __init__(self, conn: sqlite3.Connection, path: Path, make: Callable[[sqlite3.Connection], S]) -> None:
        self._conn = conn
        self._path = path
        self._make = make
        self._lock = asyncio.Lock()
        self._outgoing = asyncio.Event()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[S]:
        """A transaction that commits with its outgoing events. Do not await anything slow inside."""
        async with self._lock:
            try:
                self._conn.execute("BEGIN IMMEDIATE")
                try:
                    store = self._make(self._conn)
                    yield store
                    wrote = self._write_outbox(store)
                    self._conn.execute("COMMIT")
                except BaseException:
                    if self._conn.in_transaction:
                        self._conn.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise translate(error, self._path) from error
        if wrote:
            self._outgoing.set()

    async def once(self, envelope: Envelope, work: Callable[[S], Awaitable[None]]) -> bool:
        """Do `work` unless the inbox knows the event."""
        async with self.begin() as store:
            seen = self._conn.execute("INSERT OR IGNORE INTO inbox (id) VALUES (?)", (envelope.id,))
            if seen.rowcount == 0:
                return False
            await work(store)
        return True

    def _write_outbox(self, store: S) -> bool:
        rows = [(m.subject, json.dumps(m.headers), m.body) for m in store.take_outgoing()]
        self._conn.executemany("INSERT INTO outbox (subject, headers, body) VALUES (?, ?, ?)", rows)
        return bool(rows)

    async def relay(self, send: Callable[[Sequence[Message]], Awaitable[None]], limit: int) -> int:
        """Send in order, then forget: a crash in between sends again with the same ids."""
        try:
            rows = self._conn.execute(
                "SELECT seq, subject, headers, body FROM outbox ORDER BY seq LIMIT ?", (limit,)
            ).fetchall()
            if not rows:
                return 0
            await send([Message(r["subject"], json.loads(r["headers"]), bytes(r["body"])) for r in rows])
            async with self._lock:
                self._conn.execute("DELETE FROM outbox WHERE seq <= ?", (rows[-1]["seq"],))
        except sqlite3.Error as error:
            raise translate(error, self._path) from error
        return len(rows)

    async def outbox_size(self) -> int:
        """How many messages wait."""
        return int(self._conn.execute("SELECT count(*) FROM outbox").fetchone()[0])

    async def ping(self) -> None:
        """Ask the file for a sign of life."""
        self._conn.execute("SELECT 1").fetchone()

    async def wait_for_outgoing(self, seconds: float) -> None:
        """Woken by every commit that wrote to the outbox."""
        try:
            await asyncio.wait_for(self._outgoing.wait(), seconds)
        except TimeoutError:
            return
        self._outgoing.clear()
