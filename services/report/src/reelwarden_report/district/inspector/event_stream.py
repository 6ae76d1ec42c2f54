"""Events for programs over HTTP: read from the streams by number, so that whoever comes back goes on."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from nats.aio.client import Client
from nats.aio.msg import Msg

from reelwarden_common.envelope import Malformed, parse_subject
from reelwarden_common.errors import Transient
from reelwarden_common.messaging.topology import FOLLOWED, Stream
from reelwarden_common.role import Bus
from reelwarden_common.web import N_, Text, Wrong
from reelwarden_report.telling.cloud_events import as_json, structured
from reelwarden_report.telling.wanted import Wanted

_NUMBER = re.compile(r"[0-9]{1,18}")
BATCH = 200
MOST_STREAMS = 10
"""At once, of one person or token, at one replica."""
READ_SECONDS = 10.0
QUIET_SECONDS = 2.0
"""So often a quiet stream comes back to whoever follows it, to see whether it may go on."""


_TOO_MANY = Text(N_("You follow too many streams at once: close one first."))
_BAD_POSITION = Text(N_("Last-Event-ID must be the id of an event of this stream, or 0."))


class ReadingFailed(Transient):
    """The bus did not answer; nothing is lost, the next turn reads it."""


@dataclass(frozen=True)
class Position:
    """Up to which message of each stream a program was told."""

    numbers: Mapping[Stream, int]

    @classmethod
    def read(cls, text: str) -> Self:
        """From an id of ours, as `Last-Event-ID` brings it; `0` is the beginning of all that is kept.

        Raises:
            Wrong: no id of ours.
        """
        parts = text.split("-") if text != "0" else ["0"] * len(FOLLOWED)
        if len(parts) != len(FOLLOWED) or not all(_NUMBER.fullmatch(part) for part in parts):
            raise Wrong("bad_position", _BAD_POSITION)
        return cls(dict(zip(FOLLOWED, map(int, parts), strict=True)))

    def __str__(self) -> str:
        return "-".join(str(self.numbers[stream]) for stream in FOLLOWED)

    def at(self, stream: Stream, number: int) -> "Position":
        """The same, further on in one stream."""
        return Position({**self.numbers, stream: number})


@dataclass(frozen=True)
class Told:
    """One event, and where to go on after it."""

    position: Position
    text: str | None
    """CloudEvents JSON; None: nothing was said, only how far this is."""


class EventStream:
    """Looks for new messages for all who follow together; each reads its own choice."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._ends: dict[Stream, int] = {}
        self._changed = asyncio.Condition()
        self._open: Counter[str] = Counter()
        self._closed = False

    async def turn(self) -> None:
        """See how far each stream goes, while anybody follows."""
        if not self._open:
            return
        ends = await self._look()
        async with self._changed:
            if ends != self._ends:
                self._ends = ends
                self._changed.notify_all()

    async def until_stopped(self) -> None:
        """A loop that ends with the role only, and then ends the streams: the server waits for them."""
        try:
            await asyncio.Event().wait()
        finally:
            async with self._changed:
                self._closed = True
                self._changed.notify_all()

    async def _look(self) -> dict[Stream, int]:
        js = self._bus.broker.jetstream
        found = await asyncio.gather(*(js.stream_info(stream) for stream in FOLLOWED))
        return {stream: info.state.last_seq for stream, info in zip(FOLLOWED, found, strict=True)}

    async def here(self) -> Position:
        """After all that was said so far."""
        return Position(await self._look())

    @asynccontextmanager
    async def open_to(self, who: str) -> AsyncIterator[None]:
        """One more stream for somebody, while the block runs.

        Raises:
            Wrong: they have too many open here already.
        """
        if self._open[who] >= MOST_STREAMS:
            raise Wrong("too_many_streams", _TOO_MANY, status=HTTPStatus.TOO_MANY_REQUESTS)
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            self._open += Counter()  # forgets who has none

    async def follow(self, wanted: Wanted, after: Position) -> AsyncIterator[Told]:
        """Every wanted event after a position, in the order of its stream; how far it is, when all is quiet.

        Ends when the role stops.
        """
        ends = await self._look()
        numbers = {stream: n if n <= ends[stream] else 0 for stream, n in after.numbers.items()}
        position = Position(numbers)  # a stream that was made anew begins anew
        while not self._closed:
            for stream in wanted.streams:
                while position.numbers[stream] < ends[stream]:
                    page = await read(self._bus.broker.connection, stream, wanted.subject, position)
                    for number, message in page.messages:
                        position = position.at(stream, number)
                        if (text := told(message, wanted)) is not None:
                            yield Told(position, text)
                    if not page.more:
                        position = position.at(stream, max(position.numbers[stream], ends[stream]))
            yield Told(position, None)
            ends = await self._beyond(ends)

    async def _beyond(self, known: Mapping[Stream, int]) -> dict[Stream, int]:
        """Wait for more, for a while."""
        try:
            async with asyncio.timeout(QUIET_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self._closed or (self._ends and self._ends != known))
        except TimeoutError:
            return dict(known)
        return {stream: max(known[stream], self._ends.get(stream, 0)) for stream in known}


def told(message: Msg, wanted: Wanted) -> str | None:
    """A message as programs get it, if it is wanted and one of ours."""
    headers = message.headers or {}
    try:
        school, _, _ = parse_subject(headers["Nats-Subject"])
        if not wanted.takes(school, headers["ce-type"]):
            return None
        return as_json(structured(headers, message.data, school))
    except (Malformed, KeyError, ValueError):
        return None


@dataclass(frozen=True)
class Page:
    """Some messages with their numbers, and whether there are more after them."""

    messages: list[tuple[int, Msg]]
    more: bool


async def read(client: Client, stream: Stream, subject: str, after: Position) -> Page:
    """The next messages of a stream, at most `BATCH`.

    Raises:
        ReadingFailed: the bus did not answer in time.
    """
    ask = {"seq": after.numbers[stream] + 1, "batch": BATCH, "next_by_subj": subject}
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    found: list[tuple[int, Msg]] = []
    try:
        await client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(ask).encode(), reply=inbox)
        while True:
            message = await subscription.next_msg(timeout=READ_SECONDS)
            number = (message.headers or {}).get("Nats-Sequence")
            if number is None:  # 204: that was the last one of this batch; 404: there is none
                return Page(found, more=int((message.headers or {}).get("Nats-Num-Pending", "0")) > 0)
            found.append((int(number), message))
    except Exception as error:
        text = f"{stream}: {str(error) or type(error).__name__}"
        raise ReadingFailed(text) from error
    finally:
        await subscription.unsubscribe()
