"""How every role runs: connect, hear, answer, work in loops, serve health, stop in order.

A role's `app.py` builds a `Role` from its settings; nothing else in a service builds anything.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from fastapi import FastAPI
from faststream import AckPolicy, FastStream
from faststream.nats import JStream, PullSub
from pydantic import BaseModel, ValidationError

from reelwarden_common.clock import system_clock
from reelwarden_common.errors import ReelwardenError, Refused, Transient
from reelwarden_common.events.base import DISTRICT_SCHOOL, Event
from reelwarden_common.health import add_health, serve_http
from reelwarden_common.messaging import questions, topology
from reelwarden_common.messaging.broker import BusBroker, make_broker, wait_until_connected
from reelwarden_common.messaging.delivery import BatchHandler, Delivery, Handler, Prepare
from reelwarden_common.messaging.letters import DeadLetters, Handle
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.status import status_answer
from reelwarden_common.messaging.units import S, Units
from reelwarden_common.messaging.watchdog import Watchdog
from reelwarden_common.settings import RoleSettings, SiteSettings
from reelwarden_common.telemetry import Telemetry, configure_logging, log, make_telemetry
from reelwarden_common.watch import Told

BATCH = 200
FETCH_SECONDS = 0.15
RELAY_BATCH = 500
RELAY_POLL = 0.25
RELAY_PAUSE = 1.0
TIDY_SECONDS = 3600.0
WATCH_SECONDS = 5.0
CANCEL_AGAIN = 2.0
A = TypeVar("A", bound=BaseModel)
T = TypeVar("T", bound=RoleSettings)


class Bus:
    """A role's connection: made before the role, usable once the role runs."""

    def __init__(self, name: str, settings: RoleSettings) -> None:
        self.role = topology.role(name)
        self.school = settings.school if isinstance(settings, SiteSettings) else "*"
        self.closed = asyncio.Event()
        self.broker: BusBroker = make_broker(name, settings.login, self.closed.set)

    async def ask(
        self,
        question: str,
        school: str,
        form: BaseModel,
        answer: type[A],
        seconds: float = 5,
        *,
        role: str | None = None,
    ) -> A:
        """Ask another role; see `questions.ask`."""
        client = self.broker.connection
        return await questions.ask(client, question, school, form, answer, seconds, role=role)


@dataclass(frozen=True)
class Loop:
    """Work that a role does by itself, again and again; a failure is logged and tried at the next turn."""

    name: str
    every: float
    """Seconds between the end of one turn and the start of the next."""
    turn: Callable[[], Awaitable[None]]


@dataclass
class Role(Generic[S]):
    """One actor with all that it needs."""

    name: str
    settings: RoleSettings
    bus: Bus
    units: Units[S]
    handlers: Mapping[type[Event], Handler[S]]
    batches: Mapping[type[Event], BatchHandler[S]] = field(default_factory=dict)
    prepare: Mapping[type[Event], Prepare] = field(default_factory=dict)
    loops: Sequence[Loop] = ()
    answers: Sequence[questions.Answer] = ()
    http: FastAPI | None = None
    telemetry: Telemetry | None = None
    readiness: Callable[[], Awaitable[str | None]] | None = None
    """What else must be right before this role is ready."""


Build = Callable[[T], AbstractAsyncContextManager[Role[Any]]]
"""A role's `app.build(settings)`."""


def check_wiring(role: Role[Any]) -> None:
    """Handlers and topology must name the same events; otherwise permissions and code have drifted.

    Raises:
        RuntimeError: naming what one side has and the other lacks.
    """
    wired = set(role.handlers) | set(role.batches)
    listed = set(role.bus.role.hears)
    answered = {a.question for a in role.answers}
    if wired != listed or answered != set(role.bus.role.answers):
        differing = sorted(e.__name__ for e in wired ^ listed) + sorted(answered ^ set(role.bus.role.answers))
        message = f"{role.name}: handlers and topology differ in {', '.join(differing)}"
        raise RuntimeError(message)


@asynccontextmanager
async def running(role: Role[Any]) -> AsyncIterator[str]:
    """Run a role while the block runs; yields the address of its HTTP server.

    When the role can no longer work (connection closed for good, consumer deleted, a part of the runtime
    ended), it sets `role.bus.closed`: whoever runs it must then leave the block and start it anew.
    """
    check_wiring(role)
    telemetry = role.telemetry or make_telemetry(role.name)
    streams = topology.subscriptions(role.bus.role, role.bus.school)
    broker = role.bus.broker
    handle = _keeps_no_message
    deliveries = []
    for stream, subjects in streams.items():
        delivery = Delivery(
            role=role.name,
            stream=stream,
            units=role.units,
            handlers=role.handlers,
            batches=role.batches,
            prepare=role.prepare,
            telemetry=telemetry,
            jetstream=lambda: broker.jetstream,
        )
        _subscribe(broker, role.name, stream, subjects[0], delivery)
        handle = delivery.again
        deliveries.append(delivery)
    await wait_until_connected(broker)
    app = FastStream(broker, logger=None)
    watchdog = Watchdog(broker.jetstream, telemetry, tuple(streams), lambda _problem: role.bus.closed.set())
    await watchdog.look()

    async def readiness() -> str | None:
        try:
            await role.units.ping()
        except Exception as error:  # noqa: BLE001 - whatever it is, the role is not ready
            return f"database: {error}"
        if not broker.connection.is_connected:
            return "bus: not connected"
        return watchdog.problem or (await role.readiness() if role.readiness else None)

    http = role.http or FastAPI(title=f"reelwarden {role.name}", docs_url=None, redoc_url=None)
    add_health(http, telemetry, readiness)
    async with AsyncExitStack() as stack:
        stack.callback(telemetry.shut_down)
        await app.start()
        stack.push_async_callback(app.stop)
        for delivery in deliveries:
            stack.push_async_callback(delivery.stop)
        for answer in (*role.answers, *_for_operators(role, handle, readiness, watchdog)):
            await questions.serve(
                broker.connection,
                role.name,
                role.bus.school if role.bus.school != "*" else DISTRICT_SCHOOL,
                answer,
            )
        address = await stack.enter_async_context(
            serve_http(http, role.settings.http_host, role.settings.http_port)
        )
        tasks = [
            asyncio.create_task(_relay(role, telemetry), name="relay"),
            asyncio.create_task(watchdog.watch(WATCH_SECONDS), name="watchdog"),
            asyncio.create_task(_tidy(role), name="tidy"),
            *(asyncio.create_task(_turn(role.name, loop, telemetry), name=loop.name) for loop in role.loops),
        ]
        for task in tasks:
            task.add_done_callback(partial(_ended, role))
        stack.push_async_callback(_cancel, tasks)
        log(role.name).info("running", http=address)
        yield address
        log(role.name).info("stopping")


def _for_operators(
    role: Role[Any], handle: Handle, readiness: Callable[[], Awaitable[str | None]], watchdog: Watchdog
) -> tuple[questions.Answer, ...]:
    """What every role answers (`topology.EVERY_ROLE_ANSWERS`)."""
    broker = role.bus.broker
    letters = DeadLetters(role.name, lambda: broker.connection, lambda: broker.jetstream, handle)
    unsaid = partial(_outbox_size, role)
    return (*letters.answers(), status_answer(system_clock(), readiness, unsaid, watchdog, letters))


async def _keeps_no_message(subject: str, headers: Mapping[str, str], body: bytes) -> None:
    """Nothing to replay for a role without handlers, which only lets messages through.

    Raises:
        Refused: always.
    """
    del headers, body
    message = f"{subject} is not kept as it came: its sender must say it again; dismiss this letter"
    raise Refused(message)


def _subscribe(broker: BusBroker, name: str, stream: str, subject: str, delivery: Delivery[Any]) -> None:
    async def raw(message: Any) -> Any:  # noqa: ANN401 - FastStream's message, handed on undecoded
        return message.raw_message

    broker.subscriber(
        subject,
        durable=name,
        stream=JStream(stream, declare=False),
        pull_sub=PullSub(batch_size=BATCH, timeout=FETCH_SECONDS, batch=True),
        inbox_prefix=f"_INBOX.{name}.".encode(),
        ack_policy=AckPolicy.MANUAL,
        decoder=raw,
    )(delivery.deliver)


def _ended(role: Role[Any], task: asyncio.Task[None]) -> None:
    """None of the role's tasks ends by itself: one that does is a fault, and must not go unnoticed."""
    if not task.cancelled():
        log(role.name).error("task_ended", task=task.get_name(), exc_info=task.exception())
        role.bus.closed.set()


async def _relay(role: Role[Any], telemetry: Telemetry) -> None:
    async def send(messages: Sequence[Any]) -> None:
        await publish_all(role.bus.broker.jetstream, messages)
        telemetry.published.inc(len(messages))

    while True:
        try:
            sent = await role.units.relay(send, RELAY_BATCH)
            if sent < RELAY_BATCH:
                telemetry.outbox.set(0)
                await role.units.wait_for_outgoing(RELAY_POLL)
        except Exception as error:  # noqa: BLE001 - nothing may stop what was decided from being said
            log(role.name).warning(
                "outbox_waits",
                error=str(error) or type(error).__name__,
                exc_info=None if isinstance(error, Transient) else error,
            )
            telemetry.outbox.set(await _outbox_size(role))
            await asyncio.sleep(RELAY_PAUSE)


async def _outbox_size(role: Role[Any]) -> float:
    try:
        return await role.units.outbox_size()
    except Exception:  # noqa: BLE001 - the gauge must not stop the relay
        return float("nan")


async def _tidy(role: Role[Any]) -> None:
    while True:
        try:
            await role.units.tidy()
        except Exception as error:  # noqa: BLE001 - the inbox may grow for another hour
            log(role.name).warning("not_tidied", error=str(error) or type(error).__name__)
        await asyncio.sleep(TIDY_SECONDS)


async def _turn(role: str, loop: Loop, telemetry: Telemetry) -> None:
    while True:
        try:
            with telemetry.working(loop.name):
                await loop.turn()
        except ReelwardenError as error:
            log(role).warning("loop_failed", loop=loop.name, error=str(error))
        except Exception:  # noqa: BLE001 - one bad turn must not end the role's work
            log(role).exception("loop_failed", loop=loop.name)
        await asyncio.sleep(loop.every)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel until all have ended: libraries that use `wait_for` may swallow a cancellation (Python 3.11)."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN)


def settle_memory() -> None:
    """What was made to start with stays: to look through it for garbage again holds up requests for 0.2 s."""
    gc.collect()
    gc.freeze()


async def run(build: Build[T], settings: T, stop: asyncio.Event) -> int:
    """Run one role until `stop`, until it cannot work any more, or until it is told other things.

    Returns:
        The exit code; in all but the first case whoever runs it starts it anew.
    """
    async with build(settings) as role, running(role):
        settle_memory()
        stopped = asyncio.create_task(stop.wait())
        closed = asyncio.create_task(role.bus.closed.wait())
        changed = asyncio.create_task(Told(role.name, settings.district_toml).until_changed())
        done, _ = await asyncio.wait({stopped, closed, changed}, return_when=asyncio.FIRST_COMPLETED)
        await _cancel([stopped, closed, changed])
        if closed in done:
            log(role.name).error("cannot_work", reason="connection closed or consumer gone")
            return 1
        if changed in done:
            log(role.name).info("starts_anew", reason="district.toml or a secret changed")
    return 0


def main(settings: type[T], build: Build[T]) -> None:
    """A role's entry point: settings from the environment, signals, exit code."""
    try:
        read = settings.read()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "RW_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - before logging is set up
        sys.exit(2)
    configure_logging(read.log_level)

    async def body() -> int:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await run(build, read, stop)

    try:
        sys.exit(asyncio.run(body()))
    except ReelwardenError as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201 - for the person at the console
        sys.exit(1)
