"""How a message is handled: decoded, given to one function, confirmed, tried again or dead-lettered.

One bad message never stops the stream: it goes to the DLQ alone, with its reason.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic

from nats.aio.msg import Msg
from nats.js import JetStreamContext

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.envelope import Envelope, Malformed, Message, decode, encode, parse_subject
from reelwarden_common.errors import Early, Refused, Transient
from reelwarden_common.events.base import DISTRICT_SCHOOL, Event
from reelwarden_common.events.report import MessageRefused
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.topology import Stream
from reelwarden_common.messaging.units import S, Units
from reelwarden_common.telemetry import Telemetry, log

Handler = Callable[[Any, Envelope, S], Awaitable[None]]
"""`async def on_x(event, envelope, store)`: runs once per event, in one transaction."""
Heard = tuple[Any, Envelope]
BatchHandler = Callable[[Sequence[Heard], S], Awaitable[None]]
"""`async def on_xs(heard, store)`: many events in one transaction; must be idempotent by itself."""

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
EARLY_ATTEMPTS = 40
"""About 15 minutes of waiting for what should have come before."""
UNFORESEEN_ATTEMPTS = 5


@dataclass(frozen=True)
class Taken:
    """One message after decoding."""

    raw: Msg
    event: Event
    envelope: Envelope


def retry_delay(attempt: int) -> float:
    """Seconds until the next try: doubling, bounded."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt - 1, 10)))


def attempts_allowed(error: Exception) -> int | None:
    """How often a failing message is tried; None: for ever, since the fault is not the message's."""
    if isinstance(error, Refused):
        return 1
    if isinstance(error, Early):
        return EARLY_ATTEMPTS
    if isinstance(error, Transient):
        return None
    return UNFORESEEN_ATTEMPTS


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
        telemetry: Telemetry,
        jetstream: Callable[[], JetStreamContext],
        clock: Clock = system_clock,
    ) -> None:
        self._role = role
        self._stream = stream
        self._units = units
        self._handlers = handlers
        self._batches = batches
        self._telemetry = telemetry
        self._jetstream = jetstream
        self._clock = clock
        self._log = log(role)

    async def deliver(self, messages: Sequence[Msg]) -> None:
        """Handle a batch in order; consecutive events of a batched type go together."""
        with self._telemetry.seconds.labels(self._stream).time():
            taken = [t for raw in messages if (t := await self._decode(raw)) is not None]
            for kind, run in groupby(taken, key=lambda t: type(t.event)):
                group = list(run)
                batch = self._batches.get(kind)
                if batch is not None:
                    await self._handle_together(batch, group)
                else:
                    for one in group:
                        await self._handle(one)

    async def _decode(self, raw: Msg) -> Taken | None:
        try:
            event, envelope = decode(raw.subject, raw.headers, raw.data)
        except Malformed as error:
            await self._dead_letter(raw, error)
            return None
        if type(event) not in self._handlers and type(event) not in self._batches:
            await raw.ack()
            return None
        return Taken(raw, event, envelope)

    async def _handle_together(self, batch: BatchHandler[S], group: Sequence[Taken]) -> None:
        name = group[0].envelope.type
        try:
            with self._telemetry.handling(f"handle {name}", group[0].envelope.traceparent):
                async with self._units.begin() as store:
                    await batch([(t.event, t.envelope) for t in group], store)
        except Exception as error:  # noqa: BLE001 - every failure has its way: alone, again, or dead letter
            if len(group) == 1:
                await self._failed(group[0].raw, error)
                return
            for one in group:
                await self._handle_together(batch, [one])
            return
        for one in group:
            await one.raw.ack()
        self._telemetry.handled.labels(name, "done").inc(len(group))

    async def _handle(self, one: Taken) -> None:
        handler = self._handlers[type(one.event)]

        async def work(store: S) -> None:
            await handler(one.event, one.envelope, store)

        try:
            with self._telemetry.handling(f"handle {one.envelope.type}", one.envelope.traceparent):
                fresh = await self._units.once(one.envelope, work)
        except Exception as error:  # noqa: BLE001 - every failure has its way: again, or dead letter
            await self._failed(one.raw, error)
            return
        await one.raw.ack()
        self._telemetry.handled.labels(one.envelope.type, "done" if fresh else "seen").inc()

    async def _failed(self, raw: Msg, error: Exception) -> None:
        attempt = raw.metadata.num_delivered or 1
        allowed = attempts_allowed(error)
        if allowed is not None and attempt >= allowed:
            await self._dead_letter(raw, error)
            return
        kind = raw.headers.get("ce-type", "?") if raw.headers else "?"
        self._telemetry.handled.labels(kind, "again").inc()
        self._log.warning(
            "will_try_again",
            subject=raw.subject,
            attempt=attempt,
            error=str(error) or type(error).__name__,
            exc_info=None if isinstance(error, Transient) else error,
        )
        await raw.nak(delay=retry_delay(attempt))

    async def _dead_letter(self, raw: Msg, error: Exception) -> None:
        """Keep the message with its reason, tell a person, and let the stream move on."""
        letter = dead_letter(self._role, self._stream, raw, error)
        try:
            school = parse_subject(raw.subject)[0]
        except Malformed:
            school = DISTRICT_SCHOOL
        told = encode(
            MessageRefused(
                subject_of=raw.subject[:200],
                event=((raw.headers or {}).get("ce-id") or "unknown")[:64],
                reason=type(error).__name__.lower()[:64],
                detail=(str(error) or type(error).__name__)[:500],
            ),
            school=school,
            role=self._role,
            event_id=letter.headers["Nats-Msg-Id"].replace("dlq.", "refused."),
            time=self._clock(),
        )
        try:
            await publish_all(self._jetstream(), [letter, told])
        except Transient as away:
            self._log.warning("dead_letter_not_taken", error=str(away))
            await raw.nak(delay=LONGEST_DELAY)
            return
        self._telemetry.handled.labels("dead-letter", type(error).__name__).inc()
        self._log.error("dead_lettered", subject=raw.subject, error=str(error) or type(error).__name__)
        await raw.ack()


def dead_letter(role: str, stream: str, raw: Msg, error: Exception) -> Message:
    """The message as it came, with where it was and why it was given up.

    Only known headers are copied: the sender's `Nats-Expected-Stream` would have the DLQ refuse it.
    """
    original = raw.headers or {}
    headers = {
        k: v for k, v in original.items() if k.startswith("ce-") or k in ("traceparent", "content-type")
    }
    sequence = raw.metadata.sequence.stream
    headers |= {
        "rw-role": role,
        "rw-subject": raw.subject,
        "rw-stream": str(stream),
        "rw-sequence": str(sequence),
        "rw-reason": type(error).__name__,
        "rw-detail": (str(error) or type(error).__name__)[:500].replace("\r", " ").replace("\n", " "),
        "Nats-Msg-Id": f"dlq.{role}.{stream}.{sequence}",
    }
    return Message(f"dlq.{role}.{stream}", headers, raw.data)
