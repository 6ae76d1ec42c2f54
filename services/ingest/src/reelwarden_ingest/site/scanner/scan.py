"""The scanner at work: files are noticed, waited for until they are closed, read, and entered.

Three ways lead to a file: a pass over the folders that compares them with the catalogue (`walk.py`), the
operating system's word about a change (`watch.py`), and a recorder's hook. Only the first is relied upon,
the others make it fast. What is in memory here may be lost at any time: the next pass finds it again.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import StorageFull, Transient
from reelwarden_common.messaging.units import Units
from reelwarden_common.telemetry import log
from reelwarden_ingest.site.scanner.domain import Found, Keeping, Known, complete_to
from reelwarden_ingest.site.scanner.inits import FRAGMENT
from reelwarden_ingest.site.scanner.measures import Measures
from reelwarden_ingest.site.scanner.mp4.boxes import Damaged
from reelwarden_ingest.site.scanner.probe import file_time
from reelwarden_ingest.site.scanner.reader import Outcome, Reader
from reelwarden_ingest.site.scanner.recorders import Recorders, is_video
from reelwarden_ingest.site.scanner.storage import Entry, Storage, Unbound, printable
from reelwarden_ingest.site.scanner.store import SEGMENTS_AN_EVENT, Catalogue
from reelwarden_ingest.site.scanner.waiting import Waiting, WaitingRoom

COLLECT_SECONDS = 0.1
"""At most this long a file that was read waits for company before it is entered."""
ENTER_AT_ONCE = 4 * SEGMENTS_AN_EVENT
LARGEST_BACKLOG = 2000
"""Closed files that may wait to be read before a pass pauses."""
LIVE = timedelta(minutes=5)
"""A file written within this time tells how the camera's clock stands against ours."""
REMEMBERED_OFFSETS = 9
FULL_DISK_PAUSE = 1.0
LOST_A_TURN = 1000
WATCH_DELAY = timedelta(seconds=1)
"""The system's word about a change comes within this time."""
Monotonic = Callable[[], float]


class Scanner:
    """What the scanner knows while it runs."""

    def __init__(
        self,
        school: str,
        storage: Storage,
        recorders: Recorders,
        units: Units[Catalogue],
        reader: Reader,
        measures: Measures,
        keeping: Mapping[str, Keeping],
        hears: Callable[[], Awaitable[bool]],
        clock: Clock = system_clock,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self.school, self.storage, self.recorders, self.units = school, storage, recorders, units
        self.clock, self.monotonic = clock, monotonic
        self.room = WaitingRoom()
        self.missing: dict[str, float] = {}
        """Catalogued files that are not at their place, and since when (monotonic)."""
        self.displaced: dict[str, float] = {}
        """Segments whose place other footage has, and since when (monotonic)."""
        self.unbound: str | None = "not looked yet"
        """Why nothing may be concluded from what is in the storage folder; None: it is the right one."""
        self.passed_at: datetime | None = None
        """When the last complete pass over the folders began."""
        self.watch_began: datetime | None = None
        """Since when the system tells changes; None: it does not."""
        self.watched_since: datetime | None = None
        """The same, once a pass has found what came before, and while the system is trusted to tell all."""
        self.pass_wanted = True
        self.offsets_ms: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=REMEMBERED_OFFSETS))
        self.problem: str | None = None
        """Why what was read cannot be entered."""
        self._binding = asyncio.Lock()
        self._reader, self._measures, self._keeping = reader, measures, keeping
        self.hears_all = hears
        """Whether everything that was said at the school was heard."""
        self._read: list[Outcome] = []
        self._entered = asyncio.Event()

    # the storage

    async def bind(self) -> None:
        """Make sure that the folder is this school's storage, and the one of the catalogue.

        Raises:
            Unbound: it is not; nothing is scanned and nothing reported lost until it is again.
        """
        async with self._binding:
            async with self.units.begin() as catalogue:
                known = catalogue.storage_id()
            try:
                found = await asyncio.to_thread(self.storage.bind, self.school, known)
            except Unbound as error:
                if self.unbound != str(error):
                    log("scanner").error("storage_unbound", reason=str(error))
                self.unbound = str(error)
                raise
            if self.unbound is not None:
                await self._bound_to(found)
                self.unbound = None

    async def _bound_to(self, storage: str) -> None:
        async with self.units.begin() as catalogue:
            catalogue.bind(storage)
            for camera in self.recorders.cameras:
                if (newest := catalogue.cameras.newest(camera)) is not None:
                    self.room.lead(camera, newest[0], newest[2])

    # noticing

    def consider(self, entry: Entry, *, hooked: bool = False) -> None:
        """A file that the catalogue does not know, or not like this."""
        if entry.problem is None and not is_video(entry.path):
            return
        if entry.path.endswith(FRAGMENT):
            with suppress(Damaged):  # reading it says so
                self._reader.inits.note(entry.path)
        identified = self.recorders.identify(entry.path)
        hooked = hooked or entry.problem is not None
        self.room.see(
            Waiting(entry.path, entry.signature, identified, self.monotonic(), entry.problem, hooked=hooked)
        )
        if hooked:
            self.room.hook(entry.path)

    def read_again(self, paths: Iterable[str]) -> None:
        """Read catalogued files although nothing about them seems to have changed."""
        for path in paths:
            if (entry := self.storage.look(path)) is not None:
                self.consider(entry, hooked=True)

    async def pause(self) -> None:
        """Returns when there is room for more files: memory stays bounded however many a pass finds.

        Raises:
            Unbound: the storage went away meanwhile.
        """
        self.room.close(self.clock(), self.monotonic())
        while self.room.backlog > LARGEST_BACKLOG:
            if self.unbound is not None:
                raise Unbound(self.unbound)
            self._entered.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._entered.wait()

    async def notice(self, paths: Iterable[str], *, hooked: bool = False) -> None:
        """Something happened at these paths: look at each."""
        entries = {path: self.storage.look(path) for path in paths}
        async with self.units.begin() as catalogue:
            for path, entry in entries.items():
                known = catalogue.signature_at(printable(path), self.clock())
                if entry is None:
                    self.room.drop(path)
                    if known is not None:
                        self.missing.setdefault(printable(path), self.monotonic())
                elif known != entry.signature:
                    self.consider(entry, hooked=hooked)

    # settling

    async def settle(self) -> None:
        """One turn: read what was closed and enter it; returns when there is nothing to do just now."""
        if self.unbound is not None:
            return
        try:
            await self._settle()
            self.problem = None
        except StorageFull as error:
            if self.problem is None:
                log("scanner").error("catalogue_full", error=str(error))
            self.problem = str(error)
            await asyncio.sleep(FULL_DISK_PAUSE)

    async def _settle(self) -> None:
        await self._take_hooks()
        while True:
            self.room.close(self.clock(), self.monotonic())
            self._measures.waiting.set(len(self.room))
            await self._collect()
            if self._read:
                await self._enter()
            elif not self._reader.busy:
                return

    async def _collect(self) -> None:
        """Keep the threads busy, until there is enough to enter or the first has waited long enough."""
        began = self.monotonic()
        while len(self._read) < ENTER_AT_ONCE:
            self._reader.feed(self.room.backlog, self.room.take)
            remaining = COLLECT_SECONDS - (self.monotonic() - began)
            if not self._reader.busy or remaining <= 0:
                return
            self._read += await self._reader.collect(remaining)

    async def _take_hooks(self) -> None:
        hooked = self.storage.closed_by_hook()
        async with self.units.begin() as catalogue:
            hooked += catalogue.take_ready()
        if hooked:
            await self.notice(hooked, hooked=True)

    async def _enter(self) -> None:
        """Commit what was read; it stays in memory if that fails."""
        entered = [outcome.found for outcome in self._read if outcome.found is not None]
        if entered:
            with self._measures.entering(len(entered)):
                await self._enter_all(entered)
        outcomes, self._read = self._read, []
        self._entered.set()
        again = []
        for outcome in outcomes:
            self.room.done(outcome.file.path)
            if outcome.found is None:
                again.append(outcome.file.path)
        self._measure(outcomes)
        if again:
            await self.notice(again)

    async def _enter_all(self, found: Sequence[Found]) -> None:
        try:
            async with self.units.begin() as catalogue:
                catalogue.enter(found, self._is_there)
        except Transient:
            raise
        except Exception:  # noqa: BLE001 - nothing about one file may hold up the others
            if len(found) == 1:
                # It is looked at again by a later pass; the others must not wait for it.
                log("scanner").exception("file_not_entered", locator=found[0].locator)
                return
            for one in found:
                await self._enter_all([one])

    def _is_there(self, known: Known) -> bool:
        entry = self.storage.look(known.locator)
        return entry is not None and entry.signature == known.signature

    def _measure(self, outcomes: Sequence[Outcome]) -> None:
        now, monotonic = self.clock(), self.monotonic()
        for outcome in outcomes:
            if outcome.found is None:
                continue
            self._measures.entered(outcome.found, monotonic - outcome.file.closed_at)
            segment = outcome.found.segment
            if segment is not None and now - file_time(outcome.file.signature) < LIVE:
                offset = (segment.end - segment.file_time) // timedelta(milliseconds=1)
                self.offsets_ms[segment.camera].append(offset)

    # what is gone

    async def report_missing(self, after: float) -> None:
        """Files that have been missing for this many seconds, and that nobody certified as erased, are lost.

        Raises:
            Unbound: the storage is not there; then nothing is lost.
        """
        async with self.units.begin() as catalogue:
            displaced = catalogue.displaced(LOST_A_TURN)
        self.displaced = {one: self.displaced.get(one, self.monotonic()) for one in displaced}
        if (self.missing or self.displaced) and not await self.hears_all():
            # The certificate of an erasure may be among what was not heard yet.
            self.missing = dict.fromkeys(self.missing, self.monotonic())
            self.displaced = dict.fromkeys(self.displaced, self.monotonic())
        now = self.monotonic()
        due = [path for path, since in self.missing.items() if now - since >= after][:LOST_A_TURN]
        displaced = [one for one, since in self.displaced.items() if now - since >= after]
        if not due and not displaced:
            return
        await self.bind()
        back = [path for path in due if self.storage.look(path) is not None]
        gone = set(due) - set(back)
        async with self.units.begin() as catalogue:
            catalogue.lose(sorted(gone), self._keeping)
            catalogue.lose_displaced(displaced, self._keeping)
        for path in due:
            self.missing.pop(path, None)
        await self.notice(back)

    def keeping(self, catalogue: Catalogue) -> Callable[[str], Keeping | None]:
        """Who erases a camera's footage and when, as the register says, else `district.toml`."""
        return lambda camera: catalogue.cameras.keeping(camera, self._keeping)

    # how far the catalogue goes

    def complete_to(self, camera: str, newest_end: datetime | None) -> datetime | None:
        """Up to when a camera's footage is catalogued; None until the folders were looked through once."""
        seen_at = self.seen_at
        if seen_at is None or camera not in self.recorders.cameras:
            return None
        length = self.recorders.cameras[camera].segment_length
        return complete_to(seen_at, self.room.starts(camera), newest_end, length)

    @property
    def seen_at(self) -> datetime | None:
        """Nothing older than this is on the disk that is not at least waiting here."""
        if self.passed_at is None or self.watched_since is None or self.unbound is not None:
            return self.passed_at
        return max(self.passed_at, self.clock() - WATCH_DELAY)
