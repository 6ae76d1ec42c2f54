"""Roles for the tests of messaging: real ones by name and permission, with handlers of the test's own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, SecretStr

from reelwarden_common.envelope import Envelope, Message, encode
from reelwarden_common.errors import Transient
from reelwarden_common.events.access import Manner, RetrievalAuthorised
from reelwarden_common.events.base import Event
from reelwarden_common.messaging import topology
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.units import Store, Units
from reelwarden_common.role import Bus, Role, running
from reelwarden_common.settings import RoleSettings, SiteSettings
from reelwarden_common.telemetry import Telemetry
from reelwarden_local.bus import EmbeddedBus

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SCHOOL = "s001"
OnEvent = Callable[[Any, Envelope, Store], Awaitable[None]]


class ProbeStore(Store):
    """A store with the connection at hand and no tables of its own."""

    def __init__(self, role: str, conn: sqlite3.Connection) -> None:
        super().__init__(role)
        self.conn = conn


@dataclass
class Probe:
    """A running role and what its handler was given."""

    role: Role[Any]
    address: str
    spans: InMemorySpanExporter
    heard: list[tuple[Any, Envelope]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The events in the order in which they were handled."""
        return [envelope.id for _, envelope in self.heard]

    async def get(self, path: str) -> httpx.Response:
        """Ask its HTTP server."""
        async with httpx.AsyncClient() as client:
            return await client.get(self.address + path)


def traced(role: str) -> tuple[Telemetry, InMemorySpanExporter]:
    """Telemetry whose spans a test can look at."""
    spans = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Telemetry(role, provider), spans


def bus_of(bus: EmbeddedBus, name: str, folder: Path) -> Bus:
    """The connection of a role, with its own user."""
    school = SCHOOL if topology.role(name).place is topology.Place.SCHOOL else None
    url, seed = bus.url(school), SecretStr(bus.seed(name, school))
    if school is None:
        return Bus(name, RoleSettings(nats_url=url, nats_seed=seed))
    return Bus(name, SiteSettings(nats_url=url, nats_seed=seed, school=school, state_dir=folder))


def _silent(question: str) -> Answer:
    async def reply(_form: object) -> BaseModel:
        raise Transient("a probe answers no questions")

    return Answer(question, topology.QUESTIONS[question][0], reply)


@asynccontextmanager
async def probe(
    bus: EmbeddedBus,
    name: str,
    folder: Path,
    on_event: OnEvent | None = None,
    *,
    units: Units[Any] | None = None,
    **more: Any,
) -> AsyncIterator[Probe]:
    """Run a role whose one handler takes every event that the role hears, and remembers it once done."""
    conn = open_database(folder / f"{name}.db", ())
    own_units = units or SqliteUnits(conn, folder / f"{name}.db", lambda c: ProbeStore(name, c))
    telemetry, spans = traced(name)
    connection = bus_of(bus, name, folder)

    async def handle(event: Any, envelope: Envelope, store: Store) -> None:
        if on_event:
            await on_event(event, envelope, store)
        made.heard.append((event, envelope))

    handlers: Mapping[type[Event], Any] = dict.fromkeys(connection.role.hears, handle)
    batches = more.get("batches", {})
    handlers = {kind: handler for kind, handler in handlers.items() if kind not in batches}
    answers = {question: _silent(question) for question in connection.role.answers}
    answers |= {answer.question: answer for answer in more.pop("answers", ())}
    more["answers"] = tuple(answers.values())
    role = Role(name, RoleSettings(), connection, own_units, handlers, telemetry=telemetry, **more)
    made = Probe(role, "", spans)
    try:
        async with running(role) as address:
            made.address = address
            yield made
    finally:
        conn.close()


def authorised(number: int, school: str = SCHOOL, traceparent: str | None = None) -> Message:
    """A decision that the exporter hears: the smallest way down to a school."""
    event = RetrievalAuthorised(
        application=f"a-{number}",
        number=f"{school}-2026-{number:04d}",
        manner=Manner.VIEW,
        native=False,
        spans=(),
        deadline=NOW,
    )
    return encode(
        event, school=school, role="desk", event_id=f"e-{number}", time=NOW, traceparent=traceparent
    )


async def say(js: JetStreamContext, *messages: Message, **headers: str) -> None:
    """Publish as they are, one after the other."""
    for message in messages:
        await js.publish(message.subject, message.body, headers={**message.headers, **headers})


async def until(told: Callable[[], Any], within: float = 60.0) -> None:
    """Wait until something is true (the function may be a coroutine function).

    Raises:
        AssertionError: it did not become true in time.
    """
    try:
        async with asyncio.timeout(within):
            while True:
                answer = told()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s: {told}") from None


async def messages_in(client: Client, stream: str) -> list[Any]:
    """All messages of a stream, oldest first; pulled, because `get_msg` garbles headers beyond ASCII."""
    js = client.jetstream()
    waiting = (await js.stream_info(stream)).state.messages
    found: list[Any] = []
    if waiting:
        prefix = bytes(client._inbox_prefix) + b"."
        reader = await js.pull_subscribe("", stream=stream, config=ConsumerConfig(), inbox_prefix=prefix)
        while len(found) < waiting:
            found += await reader.fetch(waiting - len(found), timeout=5)
        await reader.unsubscribe()
    return found
