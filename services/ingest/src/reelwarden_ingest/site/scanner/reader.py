"""Reading closed files in threads: every core hashes while the event loop only enters what they found."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.telemetry import log
from reelwarden_ingest.site.scanner.domain import Found, Reason, Rejection
from reelwarden_ingest.site.scanner.inits import Inits
from reelwarden_ingest.site.scanner.probe import BUFFER, Unsteady, Vanished, read
from reelwarden_ingest.site.scanner.storage import LastFolder, Storage, printable
from reelwarden_ingest.site.scanner.verdict import judge, unopened
from reelwarden_ingest.site.scanner.waiting import Waiting

LARGEST_PORTION = 16
PORTIONS_A_THREAD = 4
"""Waiting for a thread, so that none idles while what was read is committed."""
RETRY = timedelta(minutes=10)


@dataclass(frozen=True)
class Outcome:
    """A file after its turn; `found` is None if it has to be looked for again."""

    file: Waiting
    found: Found | None


class Reader:
    """A pool of threads; `feed` it, `collect` from it."""

    def __init__(self, school: str, storage: Storage, workers: int, clock: Clock = system_clock) -> None:
        self._school, self._storage, self._clock = school, storage, clock
        self._workers, self.inits = workers, Inits(storage)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="scanner-read")
        self._reading: set[asyncio.Future[list[Outcome]]] = set()

    @property
    def busy(self) -> bool:
        """Whether files are being read."""
        return bool(self._reading)

    def feed(self, backlog: int, take: Callable[[int], Sequence[Waiting]]) -> None:
        """Give every thread work, in portions, so that handing over costs little when there is much."""
        loop = asyncio.get_running_loop()
        while backlog > 0 and len(self._reading) < PORTIONS_A_THREAD * self._workers:
            portion = take(max(1, min(LARGEST_PORTION, backlog // (4 * self._workers))))
            if not portion:
                return
            backlog -= len(portion)
            self._reading.add(loop.run_in_executor(self._threads, self._read_all, portion))

    async def collect(self, seconds: float) -> list[Outcome]:
        """What was read meanwhile; waits at most this long for the first portion."""
        if not self._reading:
            return []
        done, self._reading = await asyncio.wait(
            self._reading, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        return [outcome for portion in done for outcome in portion.result()]

    def stop(self) -> None:
        """Let the threads end; what they still read is not entered, and found again at the next start."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.inits.ffmpeg.close()

    def _read_all(self, files: Sequence[Waiting]) -> list[Outcome]:
        buffer = bytearray(BUFFER)
        with LastFolder(self._storage) as folder:
            return [Outcome(file, self._read(file, folder, buffer)) for file in files]

    def _read(self, file: Waiting, folder: LastFolder, buffer: bytearray) -> Found | None:
        locator = printable(file.path)
        if file.problem is not None:
            return unopened(locator, file.signature, file.camera, file.problem)
        try:
            content = read(folder, file.path, file.signature, self.inits, buffer)
            return judge(self._school, locator, file.identified, content, self._clock())
        except (Unsteady, Vanished):
            return None
        except Exception as error:  # noqa: BLE001 - one odd file must not stop the others
            log("scanner").exception("file_failed", locator=locator)
            detail = f"it could not be examined: {type(error).__name__}: {error}"[:400]
            rejection = Rejection(Reason.UNREADABLE, detail)
            again = self._clock() + RETRY
            return Found(locator, file.signature, file.camera, None, rejection=rejection, look_again=again)
