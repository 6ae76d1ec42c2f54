"""A school's network line, as a TCP proxy that can be cut."""

import asyncio
from typing import Literal, Self

from reelwarden_local.servers.process import LOOPBACK, free_port

_CHUNK = 64 * 1024


class Link:
    """A loopback port that leads to another, and fails on demand.

    `cut` is a pulled cable that the system notices: connections break, new ones are refused. `black_hole`
    is one that nobody notices: connections stay, bytes go nowhere. `restore` mends both; a connection that
    lost bytes in the hole breaks then, as it would when its ends compare sequence numbers.
    """

    def __init__(self, target_port: int, *, port: int | None = None) -> None:
        self.target_port = target_port
        self.port = port if port is not None else free_port()
        self._state: Literal["up", "cut", "hole"] = "cut"
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._torn: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._out_of_hole = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections it carries now."""
        return len(self._tasks)

    async def start(self) -> Self:
        """Let it carry; also after `stop`."""
        await self.restore()
        return self

    async def stop(self) -> None:
        """Take it away."""
        await self.cut()

    async def cut(self) -> None:
        """Break every connection and refuse new ones, until `restore`."""
        self._state = "cut"
        self._out_of_hole.set()
        if self._server is not None:
            self._server.close()
        for end in [*self._ends]:
            end.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def black_hole(self) -> None:
        """Keep every connection, take new ones, and swallow all bytes, until `restore`."""
        await self._listen()
        self._state = "hole"
        self._out_of_hole.clear()

    async def restore(self) -> None:
        """Carry again, on the same port."""
        for end in self._torn:
            end.transport.abort()
        self._torn.clear()
        self._state = "up"
        self._out_of_hole.set()
        await self._listen()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, near))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        ends = [near]
        try:
            self._ends.add(near)
            if self._state == "hole":
                await self._swallow(near_reader, near)
            elif self._state == "up":
                far_reader, far = await asyncio.open_connection(LOOPBACK, self.target_port)
                ends.append(far)
                self._ends.add(far)
                await asyncio.gather(self._pump(near_reader, near, far), self._pump(far_reader, far, near))
        except OSError:
            pass  # nobody listens at the far end: the near one learns it by its connection closing
        finally:
            self._ends.difference_update(ends)
            self._torn.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _swallow(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        """Hold a connection that was made into the hole."""
        self._torn.add(near)
        while await reader.read(_CHUNK):
            pass
        await self._out_of_hole.wait()

    async def _pump(
        self, reader: asyncio.StreamReader, source: asyncio.StreamWriter, sink: asyncio.StreamWriter
    ) -> None:
        """Carry one direction until it ends. What ends inside the hole is heard of only after it."""
        broken = False
        try:
            while data := await reader.read(_CHUNK):
                if self._state == "hole":
                    self._torn.update((source, sink))
                else:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            broken = True
        if self._state == "hole":
            self._torn.update((source, sink))
            await self._out_of_hole.wait()
        if broken or self._state == "cut" or source in self._torn:
            sink.transport.abort()
        elif not sink.is_closing():
            sink.write_eof()
