"""An HTTP server before the S3 store that can be slow, fail, or lose the answers of what was done."""

import asyncio
from contextlib import suppress
from enum import Enum
from typing import Self

from reelwarden_local.servers import LOOPBACK, free_port

_FAILED = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 87\r\n\r\n<Error><Code>InternalError</Code><Message>We are sorry.</Message>"
    b"<Resource/></Error>   "
)


class Mood(Enum):
    """How it answers."""

    WELL = "as the store does"
    SLOW = "as the store does, after a while"
    FAILS = "500, and the store never hears of it"
    FORGETS = "500 to what changes something, after the store has done it"


class Front:
    """A loopback port before the store's; whoever signs for this port is believed by the store."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mood = Mood.WELL
        self.slow_seconds = 1.0
        self.refused = 0
        """How many requests were answered with 500."""
        self.read: set[str] = set()
        """The paths that were given out in full."""
        self.store = ""
        """Host and port of the store; it may be down."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                writer.write(await self._answer(head, body))
                await writer.drain()
        finally:
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        mood, (method, path, _) = self.mood, head.split(b" ", 2)
        if mood is Mood.FAILS:
            self.refused += 1
            return _FAILED
        if mood is Mood.SLOW:
            await asyncio.sleep(self.slow_seconds)
        answer = await self._ask(head, body)
        if mood is Mood.FORGETS and method in (b"PUT", b"DELETE"):
            self.refused += 1
            return _FAILED
        if method == b"GET" and answer.startswith(b"HTTP/1.1 200"):
            self.read.add(path.decode().partition("?")[0])
        return answer

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        first, rest = head.split(b"\r\n", 1)
        host, port = self.store.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(first + b"\r\nConnection: close\r\n" + rest + body)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
