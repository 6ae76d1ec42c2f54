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
from typing import Generic, NoReturn

from reelwarden_common.envelope import Envelope, Message
from reelwarden_common.errors import StorageFull, Transient
from reelwarden_common.messaging.units import REMEMBER, S

_MESSAGING = """
CREATE TABLE IF NOT EXISTS inbox (
    id TEXT PRIMARY KEY, seen_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PASSING = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL,
)


class StateDamaged(Transient):
    """The role's SQLite file is not readable: move it away, the role rebuilds it from disk and bus.

    No message is at fault, so none is given up for it.
    """


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open (or make) a role's file and bring it to the newest of `migrations`, each applied once.

    Raises:
        StorageFull: no space to do it.
        Transient: the file, or its disk, is read-only.
        StateDamaged: the file is not a database, or was written by a newer release.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    try:
        _prepare(conn, path, migrations)
    except sqlite3.Error as error:
        conn.close()
        raise translate(error, path) from error
    except StateDamaged:
        conn.close()
        raise
    return conn


def _prepare(conn: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
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
    # Write once: what was opened on a read-only disk stays read-only when the disk no longer is.
    conn.execute(f"PRAGMA user_version = {len(migrations)}")


def translate(error: sqlite3.Error, path: Path) -> Exception:
    """SQLite's errors in our words; what is a fault of the code stays what it is."""
    # The first byte is the primary result code; the others say where it happened.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _FULL:
        return StorageFull(f"{path}: {error}. Free some space; work goes on by itself")
    if code in _DAMAGED:
        return StateDamaged(f"{path}: {error}. Move it away; the role rebuilds it from disk and bus")
    if code in _PASSING:
        return Transient(f"{path}: {error}")
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
                self._raise(error)
        if wrote:
            self._outgoing.set()

    async def once(self, envelope: Envelope, work: Callable[[S], Awaitable[None]]) -> bool:
        """Do `work` unless the inbox knows the event."""
        async with self.begin() as store:
            seen = self._conn.execute("INSERT OR IGNORE INTO inbox (id) VALUES (?)", (envelope.key,))
            if seen.rowcount == 0:
                return False
            await work(store)
        return True

    def _raise(self, error: sqlite3.Error) -> NoReturn:
        known = translate(error, self._path)
        if known is error:
            raise error
        raise known from error

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
            self._raise(error)
        return len(rows)

    async def outbox_size(self) -> int:
        """How many messages wait."""
        return int(self._conn.execute("SELECT count(*) FROM outbox").fetchone()[0])

    async def ping(self) -> None:
        """Ask the file for a sign of life."""
        self._conn.execute("SELECT 1").fetchone()

    async def tidy(self) -> None:
        """Forget what was seen longer ago than the bus could say it again."""
        async with self.begin():
            self._conn.execute(
                "DELETE FROM inbox WHERE seen_at < datetime('now', ?)", (f"-{REMEMBER.days} days",)
            )

    async def wait_for_outgoing(self, seconds: float) -> None:
        """Woken by every commit that wrote to the outbox."""
        try:
            # Not `wait_for`: before Python 3.12 it may swallow a cancellation, and the role never stops.
            async with asyncio.timeout(seconds):
                await self._outgoing.wait()
        except TimeoutError:
            return
        self._outgoing.clear()
