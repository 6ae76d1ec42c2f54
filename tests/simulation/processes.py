"""A role as a process: its handlers, its loops, its database that stays when it dies."""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from reelwarden_common.envelope import Envelope, decode
from reelwarden_common.errors import Refused, Transient
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.retry import attempts_allowed
from reelwarden_common.messaging.topology import Stream
from tests.simulation.bus import Bus, Waiting
from tests.simulation.units import SimulatedUnits


class Broken(AssertionError):
    """An invariant does not hold; the message begins with its number."""


Turn = Callable[[], Awaitable[None]]
REGISTRY = CollectorRegistry()
"""Of every role that counts something; nobody looks at it here."""


@dataclass
class Running:
    """What a role is made of while its process lives."""

    units: SimulatedUnits[Any]
    handlers: Mapping[type[Event], Any]
    batches: Mapping[type[Event], Any] = field(default_factory=dict)
    loops: Mapping[str, Turn] = field(default_factory=dict)
    prepare: Callable[[Any, Envelope], Any] = lambda event, _envelope: event
    """What a batch is given in the place of each event."""


@dataclass(frozen=True)
class Problem:
    """What a handler could not do; empty: it could."""

    text: str = ""
    error: Exception | None = None


class Process:
    """One role at one place. `make` builds it around its database, at the start and after each death."""

    def __init__(
        self, place: str, role: str, conn: sqlite3.Connection, make: Callable[[sqlite3.Connection], Running]
    ) -> None:
        self.place, self.role, self.conn, self._make = place, role, conn, make
        self.name = f"{place}/{role}"
        self.running = make(conn)
        self.effects: Counter[str] = Counter()
        """How often each event took effect in this database."""

    def restart(self, conn: sqlite3.Connection | None = None) -> None:
        """A new process on the same database, or on another that was put in its place."""
        if conn is not None:
            self.conn.close()
            self.conn = conn
            self.effects.clear()
        if self.conn.in_transaction:
            self.conn.rollback()
        self.running = self._make(self.conn)

    async def turn(self, loop: str) -> str:
        """One turn of a loop, as `role.py` turns it; tells what went wrong that the role foresees."""
        try:
            await self.running.loops[loop]()
        except (Transient, Refused, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    async def say(self, bus: Bus, limit: int, *, unseen: bool) -> int:
        """Relay the outbox; `unseen`: the bus took it, and the answer was lost."""

        async def send(messages: Any) -> None:
            for one in messages:
                bus.publish(self.place, one)
            if unseen:
                raise Transient("no answer from the bus")

        try:
            return await self.running.units.relay(send, limit)
        except Transient:
            return 0

    async def hear(self, bus: Bus, at_most: int, lost: Callable[[], bool]) -> str:
        """Take messages of one stream and handle them as `delivery.py` does; tells which."""
        taken = bus.take(self.place, self.role, at_most)
        left = list(taken)
        told = []
        try:
            while left:
                kind = left[0][1].message.headers["ce-type"]
                batch = next((b for k, b in self.running.batches.items() if k.ce_type() == kind), None)
                number = 1
                if batch is not None:
                    number = next(
                        (n for n, one in enumerate(left) if one[1].message.headers["ce-type"] != kind),
                        len(left),
                    )
                problem = await self._handle([one for _, one in left[:number]], batch)
                told.append(
                    f"{kind.removeprefix('reelwarden.')}×{number}{problem.text and ': '}{problem.text}"
                )
                for stream, one in left[:number]:
                    self._settle(bus, stream, one, problem, lost=lost())
                del left[:number]
        finally:
            for stream, one in left:
                bus.again(self.place, self.role, stream, one)
        return ", ".join(told)

    async def _handle(self, group: list[Waiting], batch: Any) -> Problem:
        heard: list[tuple[Event, Envelope]] = [
            decode(m.subject, m.headers, m.body) for m in (w.message for w in group)
        ]
        try:
            if batch is not None:
                async with self.running.units.begin() as store:
                    await batch([(self.running.prepare(*one), one[1]) for one in heard], store)
            else:
                [(event, envelope)] = heard
                await self._once(event, envelope)
        except (Transient, Refused) as error:
            return Problem(f"{type(error).__name__}: {error}", error)
        return Problem()

    async def _once(self, event: Event, envelope: Envelope) -> None:
        """Handle it, and see whether it took effect before."""
        handler, effects = self.running.handlers[type(event)], 0

        async def work(store: Any) -> None:
            nonlocal effects
            await handler(event, envelope, store)
            effects += 1

        await self.running.units.once(envelope, work)
        self.effects[envelope.key] += effects
        if self.effects[envelope.key] > 1:
            raise Broken(f"5: {self.name} let {envelope.type} {envelope.id} take effect twice")

    def _settle(self, bus: Bus, stream: Stream, one: Waiting, problem: Problem, *, lost: bool) -> None:
        if problem.error is not None:
            allowed = attempts_allowed(problem.error)
            one.tries += allowed is not None
            if allowed is not None and one.tries >= allowed:
                bus.dead.append((self.role, one.message, problem.text))
                return
        if problem.error is not None or lost:
            bus.again(self.place, self.role, stream, one)
