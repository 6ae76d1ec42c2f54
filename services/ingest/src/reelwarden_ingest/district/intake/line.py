"""The line into one school's account at the hub, and the ordered pull over it.

Everything that comes back may have been made up by whoever holds the school's server: it can stop the pull,
and say things in the school's own name, and nothing else.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from reelwarden_common.errors import Transient
from reelwarden_common.messaging.login import Login
from reelwarden_common.messaging.topology import Stream
from reelwarden_ingest.district.intake.domain import Origin, Position

BATCH = 256
MAX_BATCH_BYTES = 4 * 1024 * 1024
EXPIRES = 20.0
HEARTBEAT = 1.0
"""A leaf that goes away tells nobody: its silence is what we notice, within three of these."""
SILENCE = 3 * HEARTBEAT
ANSWER_SECONDS = 3.0
INACTIVE_SECONDS = 60.0
_NANO = 1_000_000_000
_INBOX = "_INBOX.intake"
_SHORT_FORM = 9
"""Tokens of `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<place>.<time>.<pending>`."""
_DIGITS = 20
_GOES_ON = {"408", "404"}
"""The server's word for: nothing (more) within this request."""


class LineDown(Transient):
    """The school does not answer: cut off, restarting, or its pull lost its thread. It is asked again."""


@dataclass(frozen=True)
class Pulled:
    """One message of a school's stream, as it lies there; nothing in it was checked yet."""

    position: Position
    pending: int
    """Messages behind it."""
    raw: Msg


@dataclass
class _Arrivals:
    """What came for one pull and was not looked at yet."""

    messages: list[Msg] = field(default_factory=list)
    some: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, message: Msg) -> None:
        self.messages.append(message)
        self.some.set()

    async def take(self, seconds: float) -> list[Msg]:
        if not self.messages:
            self.some.clear()
            await asyncio.wait_for(self.some.wait(), seconds)
        taken, self.messages = self.messages, []
        return taken


class Line:
    """One connection as `intake-<school>`; made when first needed, kept, closed at the end."""

    def __init__(self, login: Login, school: str) -> None:
        self.school = school
        self._login = login
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            await self._client.close()

    async def origin(self, stream: Stream) -> Origin:
        """Ask the school's stream who it is.

        Raises:
            LineDown: no answer, or none that makes sense.
        """
        client = await self._connected()
        try:
            js = client.jetstream(domain=self.school, timeout=ANSWER_SECONDS)
            info = await js.stream_info(stream)
            if info.created is None:
                _down(self.school, stream, "its stream has no date of creation")
            created = round(info.created.timestamp() * 1_000_000)
            return Origin(created, int(info.state.first_seq), int(info.state.last_seq))
        except _FAILURES as error:
            _down(self.school, stream, f"no word about its stream ({type(error).__name__})", error)

    @asynccontextmanager
    async def pull(
        self, stream: Stream, created: int, start: int
    ) -> AsyncIterator[AsyncIterator[list[Pulled]]]:
        """Yield the messages from sequence `start` on, in order and without a gap, in batches as they come.

        An empty batch is the school's sign of life.

        Raises:
            LineDown: from the iterator, when the thread is lost.
        """
        client = await self._connected()
        name = f"intake-{secrets.token_hex(6)}"
        inbox = f"{_INBOX}.{secrets.token_hex(11)}"
        arrivals = _Arrivals()
        try:
            subscription = await client.subscribe(
                inbox,
                cb=arrivals.put,
                pending_msgs_limit=4 * BATCH,
                pending_bytes_limit=4 * MAX_BATCH_BYTES,
            )
        except _FAILURES as error:
            _down(self.school, stream, "connection lost", error)
        try:
            await self._make_consumer(client, stream, name, start)
            ask = f"$JS.{self.school}.API.CONSUMER.MSG.NEXT.{stream}.{name}"
            async with aclosing(self._batches(client, stream, created, ask, inbox, arrivals)) as batches:
                yield batches
        finally:
            if not client.is_closed:
                await subscription.unsubscribe()

    async def _make_consumer(self, client: Client, stream: Stream, name: str, start: int) -> None:
        config = ConsumerConfig(
            name=name,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=start,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=INACTIVE_SECONDS,
        )
        try:
            js = client.jetstream(domain=self.school, timeout=ANSWER_SECONDS)
            await js.add_consumer(stream, config)
        except _FAILURES as error:
            _down(self.school, stream, f"no consumer ({type(error).__name__})", error)

    async def _batches(
        self, client: Client, stream: Stream, created: int, ask: str, inbox: str, arrivals: _Arrivals
    ) -> AsyncGenerator[list[Pulled], None]:
        delivered = last = 0
        owed = 0
        while True:
            try:
                if owed <= 0:
                    owed = BATCH
                    await client.publish(ask, _REQUEST, reply=inbox)
                messages = await arrivals.take(SILENCE)
            except _FAILURES as error:
                _down(self.school, stream, "silent", error)
            batch = []
            for message in messages:
                if not message.reply.startswith("$JS.ACK."):
                    status = (message.headers or {}).get("Status", "")
                    if status == "100":
                        continue
                    if status not in _GOES_ON and owed == BATCH:
                        _down(self.school, stream, f"the pull ended with status {status[:3]!r}")
                    owed = 0
                    continue
                pulled = _read(self.school, stream, message)
                if pulled.delivered != delivered + 1 or pulled.sequence <= last:
                    _down(self.school, stream, f"a gap behind {last}")
                delivered, last = pulled.delivered, pulled.sequence
                owed -= 1
                batch.append(Pulled(Position(created, last), pulled.pending, message))
            yield batch

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                try:
                    self._client = await asyncio.wait_for(
                        nats.connect(
                            **self._login.options(),
                            name=f"intake {self.school}",
                            inbox_prefix=_INBOX.encode(),
                            max_reconnect_attempts=-1,
                            reconnect_time_wait=0.5,
                            ping_interval=10,
                            error_cb=_quiet,
                        ),
                        10,
                    )
                except _FAILURES as error:
                    reason = str(error) or type(error).__name__
                    _down(self.school, None, f"its account at the hub cannot be entered: {reason}", error)
            return self._client


@dataclass(frozen=True)
class _Place:
    delivered: int
    sequence: int
    pending: int


def _read(school: str, stream: Stream, message: Msg) -> _Place:
    """Where a message lies, from the subject that it wants to be confirmed on."""
    tokens = message.reply.split(".")
    if len(tokens) > _SHORT_FORM:  # a domain and an account stand before the stream's name
        tokens = tokens[:2] + tokens[4:]
    numbers = tokens[5:7] + tokens[8:9]
    if len(numbers) != 3 or not all(n.isdecimal() and len(n) <= _DIGITS for n in numbers):  # noqa: PLR2004
        _down(school, stream, "a message without a place in its stream")
    return _Place(int(numbers[1]), int(numbers[0]), int(numbers[2]))


def _down(school: str, stream: Stream | None, why: str, error: BaseException | None = None) -> NoReturn:
    raise LineDown(f"{school} {stream or ''}: {why}") from error


async def _quiet(_: Exception) -> None:
    """What goes wrong on a line shows as its silence, and is told once by the pull."""


_FAILURES = (
    nats.errors.Error,
    OSError,
    TimeoutError,
    # An answer that was made up may have any shape.
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
)
_REQUEST = json.dumps(
    {
        "batch": BATCH,
        "max_bytes": MAX_BATCH_BYTES,
        "expires": int(EXPIRES * _NANO),
        "idle_heartbeat": int(HEARTBEAT * _NANO),
    }
).encode()
