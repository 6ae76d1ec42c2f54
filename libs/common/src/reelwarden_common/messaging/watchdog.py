"""Notices what a client library keeps silent about: a consumer or stream that was deleted under it."""

import asyncio
from collections.abc import Callable, Sequence

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from reelwarden_common.messaging.topology import Stream
from reelwarden_common.telemetry import Telemetry, log


class Watchdog:
    """Looks at a role's consumers; knows whether the role is really connected to its work."""

    def __init__(
        self,
        js: JetStreamContext,
        telemetry: Telemetry,
        streams: Sequence[Stream],
        on_gone: Callable[[str], None],
    ) -> None:
        self._js = js
        self._telemetry = telemetry
        self._streams = streams
        self._on_gone = on_gone
        self.problem: str | None = "not looked yet"
        self.waiting: dict[Stream, tuple[int, int]] = {}
        """At the last look, by stream: messages not given yet, and given and not confirmed."""

    async def look(self) -> None:
        """One look: records lag, and calls `on_gone` where a consumer no longer exists."""
        problem = None
        for stream in self._streams:
            try:
                info = await self._js.consumer_info(stream, self._telemetry.role, timeout=2)
            except NotFoundError:
                problem = f"consumer {self._telemetry.role} on {stream} does not exist"
                self._on_gone(problem)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                problem = f"bus: no word about {stream} ({type(error).__name__})"
            else:
                self.waiting[stream] = (info.num_pending or 0, info.num_ack_pending or 0)
                self._telemetry.pending.labels(stream).set(sum(self.waiting[stream]))
        self.problem = problem

    async def watch(self, every: float) -> None:
        """Look for ever."""
        while True:
            await self.look()
            if self.problem:
                log(self._telemetry.role).warning("watchdog", problem=self.problem)
            await asyncio.sleep(every)
