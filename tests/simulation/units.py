"""Units of work for every role: SQLite in memory; a process may die before and after each commit."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from reelwarden_common.envelope import Envelope, Message
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.units import S
from tests.simulation.postgres import functions

NOWHERE = Path("in-memory")


class Chance(Protocol):
    """Decides at each point of a role's work whether something goes wrong there."""

    def before_commit(self, role: str) -> None:
        """May raise: what is not committed is lost."""

    def after_commit(self, role: str, said: Sequence[Message]) -> None:
        """Hears what was said; may raise: it is committed, and the process is gone."""


class SimulatedUnits(SqliteUnits[S]):
    """The units of one role, on a database that outlives its process."""

    inbox = True
    """Off where it is to be seen what an inbox is for."""

    def __init__(
        self, role: str, conn: sqlite3.Connection, make: Callable[[sqlite3.Connection], S], chance: Chance
    ) -> None:
        super().__init__(conn, NOWHERE, make)
        self._role, self._chance = role, chance

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[S]:
        """A transaction."""
        said: list[Message] = []
        async with super().begin() as store:
            yield store
            said = list(store._outgoing)
            self._chance.before_commit(self._role)
        self._chance.after_commit(self._role, said)

    async def once(self, envelope: Envelope, work: Callable[[S], Awaitable[None]]) -> bool:
        """Unless the inbox knows it."""
        if not self.inbox:
            async with self.begin() as store:
                await work(store)
            return True
        return await super().once(envelope, work)


@cache
def _template(migrations: tuple[str, ...]) -> bytes:
    conn = open_database(Path(":memory:"), migrations)
    image = conn.serialize()
    conn.close()
    return image


def database(*migrations: str, image: bytes | None = None) -> sqlite3.Connection:
    """A role's database as its migrations make it, or as an older copy of it has it."""
    conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    conn.row_factory = sqlite3.Row
    conn.deserialize(image or _template(migrations))
    conn.execute("PRAGMA foreign_keys=ON")
    functions(conn)
    return conn
