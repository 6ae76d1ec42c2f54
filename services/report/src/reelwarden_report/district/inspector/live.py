"""What is watched on a page: read anew once a second for all its watchers together, told when it changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from reelwarden_common.clock import Clock, system_clock

REPEAT = timedelta(seconds=15)
"""Even when nothing was heard, time goes on: cells fill, deadlines pass."""
Board = TypeVar("Board")


@dataclass(frozen=True)
class Snapshot(Generic[Board]):
    """A board at one moment."""

    at: datetime
    board: Board


class Watch(Generic[Board]):
    """One board, and those who watch it."""

    def __init__(self, read: Callable[[datetime], Awaitable[Board]]) -> None:
        self._read = read
        self._changed = asyncio.Condition()
        self._snapshot: Snapshot[Board] | None = None
        self._closed = False
        self.watchers = 0

    async def turn(self, now: datetime) -> None:
        """Look whether it has changed."""
        known, board = self._snapshot, await self._read(now)
        if known and known.board == board and now - known.at < REPEAT:
            return
        async with self._changed:
            self._snapshot = Snapshot(now, board)
            self._changed.notify_all()

    async def newer_than(self, known: Snapshot[Board] | None) -> Snapshot[Board] | None:
        """Wait for a view that differs from the one known; None when the role stops."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._closed or (self._snapshot is not None and self._snapshot is not known)
            )
            return None if self._closed else self._snapshot

    async def close(self) -> None:
        """End the streams."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()


class Live:
    """The boards that somebody watches; every replica has its own."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._watches: dict[str, Watch[Any]] = {}
        self._closed = False

    async def turn(self) -> None:
        """Look for changes of what is watched."""
        for watch in list(self._watches.values()):
            await watch.turn(self._clock())

    @asynccontextmanager
    async def watching(
        self, key: str, read: Callable[[datetime], Awaitable[Board]]
    ) -> AsyncIterator[Watch[Board]]:
        """Somebody watches the board of this key while the block runs."""
        watch = self._watches.setdefault(key, Watch(read))
        watch.watchers += 1
        if self._closed:
            await watch.close()
        try:
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                self._watches.pop(key, None)

    async def until_stopped(self) -> None:
        """A loop that ends with the role only, and then ends the streams: the server waits for them."""
        try:
            await asyncio.Event().wait()
        finally:
            self._closed = True
            for watch in list(self._watches.values()):
                await watch.close()
