"""Wrong passwords and ended sessions: what all replicas of a role must know of signing in."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store, Units
from reelwarden_common.web.refusals import TooOften

FREE_TRIES = 3
LONGEST_WAIT = timedelta(minutes=15)
"""Long enough to make guessing hopeless, short enough that nobody can lock a stranger out for a day."""
FORGET_AFTER = timedelta(days=1)
"""Wrong passwords that nobody repeats for so long are forgotten; no session is older than this either."""
TOLD_EVERY = 8
"""Wrong passwords after which the safety department is told, each time again."""


def wait_after(failures: int) -> timedelta:
    """How long an account waits after so many wrong passwords in a row: doubling, and bounded."""
    if failures < FREE_TRIES:
        return timedelta()
    doubled = 2.0 ** min(failures - FREE_TRIES, 30)
    return min(LONGEST_WAIT, timedelta(seconds=doubled))


def not_yet(failures: int, last: datetime, now: datetime) -> None:
    """Let through, or not yet.

    Raises:
        TooOften: wait first.
    """
    left = wait_after(failures) - (now - last)
    if left > timedelta():
        raise TooOften(int(left.total_seconds()) + 1)


class Ledger(Protocol):
    """What is known of wrong passwords and of sessions that are over."""

    async def check(self, key: str) -> None:
        """Let a try through, or not yet.

        Raises:
            TooOften: wait first.
        """

    async def failed(self, key: str) -> int:
        """Count a wrong password; how many there were in a row."""

    async def passed(self, key: str) -> None:
        """Forget the wrong ones."""

    async def is_over(self, names: Sequence[str], opened_at: datetime) -> bool:
        """Whether a session of one of these names, opened then, was ended."""

    async def end(self, name: str, before: datetime) -> None:
        """Sessions of this name that were opened before are over."""


class InMemory:
    """For one process alone, such as a role without a database of its own."""

    REMEMBERED = 10_000

    def __init__(self, clock: Callable[[], datetime] = system_clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()
        self._ended: dict[str, datetime] = {}

    async def check(self, key: str) -> None:
        """See `Ledger`."""
        not_yet(*self._failures.get(key, (0, self._clock())), self._clock())

    async def failed(self, key: str) -> int:
        """See `Ledger`."""
        count = self._failures.pop(key, (0, None))[0] + 1
        self._failures[key] = (count, self._clock())
        while len(self._failures) > self.REMEMBERED:
            self._failures.popitem(last=False)
        return count

    async def passed(self, key: str) -> None:
        """See `Ledger`."""
        self._failures.pop(key, None)

    async def is_over(self, names: Sequence[str], opened_at: datetime) -> bool:
        """See `Ledger`."""
        return any(self._ended.get(name, datetime.min.replace(tzinfo=UTC)) >= opened_at for name in names)

    async def end(self, name: str, before: datetime) -> None:
        """See `Ledger`."""
        self._ended[name] = before


class SignInStore(Store):
    """One transaction on the tables `sign_in_tries` and `ended_sessions` of the service's own schema."""

    def __init__(self, role: str, conn: Connection, clock: Clock = system_clock) -> None:
        super().__init__(role, clock)
        self.conn = conn


async def end_sessions(conn: Connection, name: str, before: datetime) -> None:
    """Sessions of this name that were opened until then are over; what is too old to matter is forgotten."""
    await conn.execute("DELETE FROM ended_sessions WHERE before < $1", before - FORGET_AFTER)
    await conn.execute(
        "INSERT INTO ended_sessions (name, before) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET before = greatest(ended_sessions.before, excluded.before)",
        name,
        before,
    )


async def end_for_good(conn: Connection, name: str) -> None:
    """No session of this name is one, neither those there are nor those to come."""
    await conn.execute(
        "INSERT INTO ended_sessions (name, before) VALUES ($1, 'infinity')"
        " ON CONFLICT (name) DO UPDATE SET before = excluded.before",
        name,
    )


async def let_in_again(conn: Connection, name: str, now: datetime) -> None:
    """Sessions of this name count again, those opened from now on."""
    await conn.execute("UPDATE ended_sessions SET before = $2 WHERE name = $1", name, now)


class InDatabase:
    """Shared by all replicas. Accounts stand there as digests: people type passwords into the wrong field."""

    def __init__(self, units: Units[SignInStore]) -> None:
        self._units = units

    async def check(self, key: str) -> None:
        """See `Ledger`."""
        async with self._units.begin() as store:
            row = await store.conn.fetchrow(
                "SELECT failures, last_at FROM sign_in_tries WHERE account = $1", _digest(key)
            )
            if row:
                not_yet(row["failures"], row["last_at"], store.clock())

    async def failed(self, key: str) -> int:
        """See `Ledger`."""
        async with self._units.begin() as store:
            now = store.clock()
            await store.conn.execute("DELETE FROM sign_in_tries WHERE last_at < $1", now - FORGET_AFTER)
            count = await store.conn.fetchval(
                "INSERT INTO sign_in_tries AS known (account, failures, last_at) VALUES ($1, 1, $2)"
                " ON CONFLICT (account) DO UPDATE"
                " SET failures = known.failures + 1, last_at = excluded.last_at RETURNING failures",
                _digest(key),
                now,
            )
        return int(count)

    async def passed(self, key: str) -> None:
        """See `Ledger`."""
        async with self._units.begin() as store:
            await store.conn.execute("DELETE FROM sign_in_tries WHERE account = $1", _digest(key))

    async def is_over(self, names: Sequence[str], opened_at: datetime) -> bool:
        """See `Ledger`."""
        query = "SELECT true FROM ended_sessions WHERE name = ANY($1) AND before >= $2 LIMIT 1"
        async with self._units.begin() as store:
            return bool(await store.conn.fetchval(query, list(names), opened_at))

    async def end(self, name: str, before: datetime) -> None:
        """See `Ledger`."""
        async with self._units.begin() as store:
            await end_sessions(store.conn, name, before)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
