"""A line to a NATS server that loses confirmations and delivers messages twice, late and in another order."""

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Self

from reelwarden_local.servers import LOOPBACK, free_port

_HEADED = {b"PUB": False, b"HPUB": True, b"MSG": False, b"HMSG": True}
_ACK = b"$JS.ACK."
LATE = 0.3
"""Seconds that a message may be held back."""


class Storm:
    """A loopback port that leads to a NATS server; what it does to messages of a stream depends on chance."""

    def __init__(self, target_port: int, chance: Random) -> None:
        self.port = free_port()
        self.raging = True
        """Otherwise it carries everything as it is."""
        self.lost: Counter[str] = Counter()
        """Confirmations that were swallowed, per stream and consumer."""
        self.doubled = self.delayed = 0
        self._target, self._chance = target_port, chance
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"nats://{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(self._carry(reader, writer))

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection(LOOPBACK, self._target)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await asyncio.gather(self._up(near_reader, far), self._down(far_reader, near))
        finally:
            near.transport.abort()
            far.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        """From the role: its confirmations are lost."""
        while True:
            words, frame = await _frame(reader)
            if self.raging and len(words) > 1 and words[1].startswith(_ACK):
                self.lost[b".".join(words[1].split(b".")[2:4]).decode()] += 1
                continue
            far.write(frame)
            await far.drain()

    async def _down(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        """To the role: what a stream delivers comes twice, or later."""
        while True:
            words, frame = await _frame(reader)
            mine = self.raging and words[0] in _HEADED and any(word.startswith(_ACK) for word in words)
            fate = self._chance.random() if mine else 1.0
            if fate < 0.2:
                self.delayed += 1
                self._keep(self._later(near, frame))
                continue
            if fate < 0.4:
                self.doubled += 1
                near.write(frame)
            near.write(frame)
            await near.drain()

    async def _later(self, near: asyncio.StreamWriter, frame: bytes) -> None:
        await asyncio.sleep(self._chance.random() * LATE)
        near.write(frame)


async def _frame(reader: asyncio.StreamReader) -> tuple[list[bytes], bytes]:
    """One protocol message: the words of its first line, and all of it."""
    line = await reader.readuntil(b"\r\n")
    words = line.split() or [b""]
    if words[0].upper() not in _HEADED:
        return words, line
    return words, line + await reader.readexactly(int(words[-1]) + 2)
