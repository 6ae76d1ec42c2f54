"""One view of all schools per process, made anew while somebody watches; watchers wait for it to change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_report.district.inspector.shapes import FindingView, SchoolView
from reelwarden_report.district.inspector.views import Views

REPEAT = timedelta(seconds=15)
"""Even when nothing was heard, time goes on: bars move, deadlines pass."""


@dataclass(frozen=True)
class Snapshot:
    """All that the dashboard shows, at one moment."""

    at: datetime
    schools: tuple[SchoolView, ...]
    findings: tuple[FindingView, ...]


class Live:
    """Polls the database for all watchers together; every replica has its own."""

    def __init__(self, views: Views, schools: list[str], clock: Clock = system_clock) -> None:
        self._views = views
        self._schools = schools
        self._clock = clock
        self._changed = asyncio.Condition()
        self._snapshot: Snapshot | None = None
        self._watchers = 0
        self._closed = False

    async def read(self) -> Snapshot:
        """The present view."""
        now = self._clock()
        schools = await self._views.schools(now, self._schools)
        findings = await self._views.findings([*self._schools, DISTRICT_SCHOOL], now)
        return Snapshot(now, tuple(schools), tuple(findings))

    async def turn(self) -> None:
        """Look for changes, while anybody watches."""
        if not self._watchers:
            return
        snapshot = await self.read()
        known = self._snapshot
        same = known and (known.schools, known.findings) == (snapshot.schools, snapshot.findings)
        if known and same and snapshot.at - known.at < REPEAT:
            return
        async with self._changed:
            self._snapshot = snapshot
            self._changed.notify_all()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Somebody watches while the block runs."""
        if not self._watchers:
            self._snapshot = None  # what an earlier watcher saw last is old
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    async def newer_than(self, known: Snapshot | None) -> Snapshot | None:
        """Wait for a view that differs from the one known; None when the role stops."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._closed or (self._snapshot is not None and self._snapshot is not known)
            )
            return None if self._closed else self._snapshot

    async def until_stopped(self) -> None:
        """A loop that ends with the role only, and then ends the streams: the server waits for them."""
        try:
            await asyncio.Event().wait()
        finally:
            async with self._changed:
                self._closed = True
                self._changed.notify_all()
