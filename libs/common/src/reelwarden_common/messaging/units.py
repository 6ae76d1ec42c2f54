"""A unit of work: one transaction that holds what was seen, its effect, and what follows from it.

Two kinds exist, for PostgreSQL at the district and SQLite at a school; handlers cannot tell which.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.envelope import Envelope, Message, encode
from reelwarden_common.events.base import Event
from reelwarden_common.telemetry import current_traceparent

REMEMBER = timedelta(days=60)
"""How long an inbox knows what it has seen: longer than any stream keeps a message."""


class Store:
    """What a role's `store.py` builds on: its tables, and the events that leave with the transaction."""

    def __init__(self, role: str, clock: Clock = system_clock) -> None:
        self.role = role
        self.clock = clock
        self._outgoing: list[Message] = []

    def publish(self, school: str, event: Event, event_id: str | None = None) -> None:
        """Say an event if, and only if, this transaction commits (invariant 5).

        Raises:
            Malformed: the event is not this role's to say, or too large for the bus.
        """
        self._outgoing.append(
            encode(
                event,
                school=school,
                role=self.role,
                event_id=event_id or uuid.uuid4().hex,
                time=self.clock(),
                traceparent=current_traceparent(),
            )
        )

    def take_outgoing(self) -> list[Message]:
        """The messages to be written to the outbox at commit."""
        taken, self._outgoing = self._outgoing, []
        return taken


S = TypeVar("S", bound=Store)
S_co = TypeVar("S_co", bound=Store, covariant=True)


class Units(Protocol[S_co]):
    """Makes units of work and lets the relay drain the outbox."""

    def begin(self) -> AbstractAsyncContextManager[S_co]:
        """A transaction: commits at the end of the block, rolls back on an exception."""
        ...

    async def once(self, envelope: Envelope, work: Callable[[S_co], Awaitable[None]]) -> bool:
        """Do `work` in a transaction unless this event was seen before; tells whether it was done."""
        ...

    async def relay(self, send: Callable[[Sequence[Message]], Awaitable[None]], limit: int) -> int:
        """Send up to `limit` outgoing messages in order, forget them once sent; tells how many."""
        ...

    async def outbox_size(self) -> int:
        """How many messages wait to be sent."""
        ...

    async def ping(self) -> None:
        """Answer for readiness; raises when the database does not answer."""
        ...

    async def tidy(self) -> None:
        """Forget events seen so long ago that no stream has them any more; called now and then."""
        ...

    async def wait_for_outgoing(self, seconds: float) -> None:
        """Return when something was written to the outbox here, or after `seconds`."""
        ...


class NoUnits:
    """For a role that owns no database: units of work without a transaction, and nothing ever to relay."""

    def __init__(self, role: str) -> None:
        self._role = role

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Store]:
        """A store that takes nothing: there is no outbox to leave it in."""
        store = Store(self._role)
        yield store
        if store.take_outgoing():
            message = f"{self._role} has no outbox: it publishes by itself"
            raise RuntimeError(message)

    async def once(self, envelope: Envelope, work: Callable[[Store], Awaitable[None]]) -> bool:
        """Do `work` each time: there is no inbox."""
        del envelope
        async with self.begin() as store:
            await work(store)
        return True

    async def relay(self, send: Callable[[Sequence[Message]], Awaitable[None]], limit: int) -> int:
        """Nothing to send."""
        del send, limit
        return 0

    async def outbox_size(self) -> int:
        """Nothing waits."""
        return 0

    async def ping(self) -> None:
        """Nobody to ask."""

    async def tidy(self) -> None:
        """Nothing to forget."""

    async def wait_for_outgoing(self, seconds: float) -> None:
        """Nothing will come."""
        await asyncio.sleep(seconds)
