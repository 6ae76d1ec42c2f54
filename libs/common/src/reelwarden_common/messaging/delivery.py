"""How a message is handled: decoded, given to one function, confirmed, tried again or dead-lettered.

One bad message never stops the stream: it goes to the DLQ alone, with its reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, Generic

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.envelope import Envelope, Malformed, decode
from reelwarden_common.errors import Early, Refused, Transient
from reelwarden_common.events import by_type
from reelwarden_common.events.base import Event
from reelwarden_common.events.report import MessageRefused
from reelwarden_common.messaging.dead_letters import dead_letter, refusal, text_of
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.retry import LONGEST_DELAY, Attempts, retry_delay
from reelwarden_common.messaging.topology import Stream
from reelwarden_common.messaging.units import S, Units
from reelwarden_common.telemetry import Telemetry, log

Handler = Callable[[Any, Envelope, S], Awaitable[None]]
"""`async def on_x(event, envelope, store)`: runs once per event, in one transaction."""
Heard = tuple[Any, Envelope]
BatchHandler = Callable[[Sequence[Heard], S], Awaitable[None]]
"""`async def on_xs(heard, store)`: many events in one transaction; must be idempotent by itself."""
Prepare = Callable[[Any, Envelope, datetime], Any]
"""`def prepared(event, envelope, now)`: what a batch handler is given in the place of a large event, made
while the batch before is handled. Pure; an event that it refuses is dead-lettered alone."""

KEEP_SECONDS = 10.0
"""A third of the consumers' `ack_wait`."""


@dataclass(frozen=True)
class Taken:
    """One message after decoding."""

    raw: Msg
    kind: type[Event]
    event: Any
    """Or what was prepared from it."""
    envelope: Envelope


class Delivery(Generic[S]):
    """Carries the messages of one stream to a role's handlers."""

    def __init__(
        self,
        *,
        role: str,
        stream: Stream,
        units: Units[S],
        handlers: Mapping[type[Event], Handler[S]],
        batches: Mapping[type[Event], BatchHandler[S]],
        prepare: Mapping[type[Event], Prepare],
        telemetry: Telemetry,
        jetstream: Callable[[], JetStreamContext],
        clock: Clock = system_clock,
    ) -> None:
        self._role = role
        self._stream = stream
        self._units = units
        self._handlers = handlers
        self._batches = batches
        self._prepare = prepare
        self._telemetry = telemetry
        self._jetstream = jetstream
        self._clock = clock
        self._log = log(role)
        self._attempts = Attempts()
        self._handling: asyncio.Task[None] | None = None
        self._stopped = False

    async def deliver(self, messages: Sequence[Msg]) -> None:
        """Handle a batch in order; consecutive events of a batched type go together.

        Batches are handled one after the other. While one is, the next is fetched and decoded: this returns
        once its turn has come. Never raises: FastStream would swallow it. What was not confirmed comes again
        after `ack_wait`.
        """
        keeping = asyncio.create_task(_keep(messages))
        try:
            taken = await self._take_all(messages)
            if self._handling is not None:
                await asyncio.wait([self._handling])
        except Exception:  # noqa: BLE001 - see `_handle_all`
            self._log.exception("delivery_failed", stream=str(self._stream))
            keeping.cancel()
        except asyncio.CancelledError:
            keeping.cancel()
            raise
        else:
            self._handling = asyncio.create_task(self._handle_all(taken))
            self._handling.add_done_callback(lambda _: keeping.cancel())
            if self._stopped:
                self._handling.cancel()

    async def stop(self) -> None:
        """Break off what is being handled: nothing of it takes effect, and it comes again."""
        self._stopped = True
        if self._handling is not None:
            self._handling.cancel()
            await asyncio.wait([self._handling])

    async def _take_all(self, messages: Sequence[Msg]) -> list[Taken]:
        taken = []
        for raw in messages:
            if one := await self._take(raw):
                taken.append(one)
            await asyncio.sleep(0)
        return taken

    async def _handle_all(self, taken: Sequence[Taken]) -> None:
        try:
            with self._telemetry.seconds.labels(self._stream).time():
                await self._handle_runs(taken)
        except Exception:  # noqa: BLE001 - a lost connection, or a fault of ours: told here or nowhere
            self._log.exception("delivery_failed", stream=str(self._stream))

    async def again(self, subject: str, headers: Mapping[str, str], body: bytes) -> None:
        """Handle one message once more, apart from the stream: the same checks, the same inbox.

        Raises:
            Malformed: it is no message of ours.
            Refused: this role does not hear such events.
            Exception: whatever its handler raises.
        """
        event, envelope = decode(subject, headers, body)
        handler, batch = self._handlers.get(type(event)), self._batches.get(type(event))
        with self._telemetry.handling(f"handle {envelope.type}", envelope.traceparent):
            if batch is not None:
                async with self._units.begin() as store:
                    await batch([(self._prepared(event, envelope), envelope)], store)
            elif handler is not None:
                await self._units.once(envelope, partial(handler, event, envelope))
            else:
                message = f"{self._role} does not hear {envelope.type}: dismiss it"
                raise Refused(message)

    async def _handle_runs(self, taken: Sequence[Taken]) -> None:
        for kind, run in groupby(taken, key=lambda t: t.kind):
            group = list(run)
            batch = self._batches.get(kind)
            if batch is not None:
                await self._handle_together(batch, group)
            else:
                for one in group:
                    await self._handle(one)

    async def _take(self, raw: Msg) -> Taken | None:
        try:
            event, envelope = decode(raw.subject, raw.headers, raw.data)
        except Malformed as error:
            await self._dead_letter(raw, error)
            return None
        if type(event) not in self._handlers and type(event) not in self._batches:
            await raw.ack()
            return None
        kind = type(event)
        try:
            content = self._prepared(event, envelope)
        except Exception as error:  # noqa: BLE001 - as when handling: again, or dead letter
            await self._failed(raw, error)
            return None
        return Taken(raw, kind, content, envelope)

    def _prepared(self, event: Event, envelope: Envelope) -> Any:  # noqa: ANN401 - whatever its handler takes
        prepare = self._prepare.get(type(event))
        return event if prepare is None else prepare(event, envelope, self._clock())

    async def _handle_together(self, batch: BatchHandler[S], group: Sequence[Taken]) -> None:
        name = group[0].envelope.type
        try:
            with self._telemetry.handling(f"handle {name}", *(t.envelope.traceparent for t in group)):
                async with self._units.begin() as store:
                    await batch([(t.event, t.envelope) for t in group], store)
        except Exception as error:  # noqa: BLE001 - every failure has its way: alone, again, or dead letter
            nobodys_fault = isinstance(error, Transient) and not isinstance(error, Early)
            if len(group) == 1 or nobodys_fault:
                for one in group:
                    await self._failed(one.raw, error)
                return
            for one in group:
                await self._handle_together(batch, [one])
            return
        for one in group:
            await self._settle(one.raw)
        self._telemetry.handled.labels(name, "done").inc(len(group))

    async def _handle(self, one: Taken) -> None:
        work = partial(self._handlers[one.kind], one.event, one.envelope)
        try:
            with self._telemetry.handling(f"handle {one.envelope.type}", one.envelope.traceparent):
                fresh = await self._units.once(one.envelope, work)
        except Exception as error:  # noqa: BLE001 - every failure has its way: again, or dead letter
            await self._failed(one.raw, error)
            return
        await self._settle(one.raw)
        self._telemetry.handled.labels(one.envelope.type, "done" if fresh else "seen").inc()

    async def _failed(self, raw: Msg, error: Exception) -> None:
        attempt = raw.metadata.num_delivered or 1
        if self._attempts.exhausted(raw.metadata.sequence.stream, error):
            await self._dead_letter(raw, error)
            return
        kind = by_type((raw.headers or {}).get("ce-type", ""))
        self._telemetry.handled.labels(kind.ce_type() if kind else "unknown", "again").inc()
        self._log.warning(
            "will_try_again",
            subject=raw.subject,
            attempt=attempt,
            error=text_of(error),
            exc_info=None if isinstance(error, Transient) else error,
        )
        await raw.nak(delay=retry_delay(attempt))

    async def _dead_letter(self, raw: Msg, error: Exception) -> None:
        """Keep the message with its reason, tell a person, and let the stream move on."""
        letters = [dead_letter(self._role, self._stream, raw, error)]
        if (raw.headers or {}).get("ce-type") != MessageRefused.ce_type():
            letters.append(refusal(self._role, self._stream, raw, error, self._clock()))
        try:
            await publish_all(self._jetstream(), letters)
        except Transient as away:
            self._log.warning("dead_letter_not_taken", error=str(away))
            await raw.nak(delay=LONGEST_DELAY)
            return
        self._telemetry.handled.labels("dead-letter", type(error).__name__).inc()
        self._log.error("dead_lettered", subject=raw.subject, error=text_of(error))
        await self._settle(raw)

    async def _settle(self, raw: Msg) -> None:
        self._attempts.forget(raw.metadata.sequence.stream)
        await raw.ack()


async def _keep(messages: Sequence[Msg]) -> None:
    """Tell the bus that a long batch is still being worked on, so that nobody else gets it."""
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        for message in messages:
            if not message.is_acked:
                with suppress(nats.errors.Error):
                    await message.in_progress()
