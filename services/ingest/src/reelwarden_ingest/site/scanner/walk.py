"""A pass over the folders: what is new, changed or missing, compared with the catalogue."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reelwarden_common.telemetry import log
from reelwarden_ingest.site.scanner.probe import file_time
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.storage import Entry, Listing, Unbound, printable

NAMES_AT_ONCE = 1000
"""Compared in one go, so that a folder with a camera's whole month holds nobody up."""
DEEP_EVERY = timedelta(hours=6)
"""Between two passes that look at every file; those in between skip folders in which no name changed."""
RACY_NS = 2_000_000_000
"""A folder changed this shortly before it was listed may change again without its time showing it."""
UNWATCHED_EVERY, UNWATCHED_SHARE = 2.0, 4
"""Seconds between passes where no changes are told, but at least so many times what a pass takes."""
UNTOLD = timedelta(seconds=5)
"""A new file this old that the system did not tell of shows that it does not tell (network storage)."""


@dataclass(frozen=True)
class _Visited:
    mtime_ns: int
    subfolders: tuple[str, ...]


class Walker:
    """Passes over a school's folders; remembers them so that the next one is quick."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._visited: dict[str, _Visited] = {}
        self._deep_at = self._walked_at = float("-inf")
        self._took = 0.0
        self._distrusts_watch = False

    async def turn(self, every: float) -> None:
        """A pass, if it is time: after `every` seconds, much sooner where the system tells no changes."""
        scanner = self._scanner
        if scanner.watched_since is None:
            every = min(every, max(UNWATCHED_EVERY, UNWATCHED_SHARE * self._took))
        began = scanner.monotonic()
        if not scanner.pass_wanted and began - self._walked_at < every:
            return
        scanner.pass_wanted = False
        try:
            await self.walk()
        except Unbound:
            # Told once, by `bind`; looked for again soon.
            scanner.watched_since = None
        self._walked_at = scanner.monotonic()
        self._took = self._walked_at - began

    async def walk(self) -> None:
        """One pass.

        Raises:
            Unbound: it is not the right storage (any more); nothing was concluded from what is missing.
        """
        scanner = self._scanner
        await scanner.bind()
        began, began_monotonic = scanner.clock(), scanner.monotonic()
        deep = began_monotonic - self._deep_at >= DEEP_EVERY.total_seconds()
        visited: dict[str, _Visited] = {}
        unread: list[str] = []
        missing: list[str] = []
        folders = list(scanner.recorders.roots)
        while folders:
            folder = folders.pop()
            try:
                now = await self._visit(folder, missing, deep=deep)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                log("scanner").warning("folder_unreadable", folder=printable(folder), error=str(error))
                unread.append(folder)
                continue
            visited[folder] = now
            # The newest footage first: folders are named by time, the last is taken next.
            folders.extend(sorted(now.subfolders))
        missing += await self._in_vanished_folders(visited, unread, deep=deep)
        # An unmounted disk looks like vanished files: only what a bound storage lacks is missing.
        await scanner.bind()
        for path in missing:
            scanner.missing.setdefault(path, scanner.monotonic())
        self._visited = visited
        if deep:
            self._deep_at = began_monotonic
        if not unread:
            scanner.passed_at = began
            if scanner.watch_began is not None and scanner.watch_began <= began and not self._distrusts_watch:
                scanner.watched_since = scanner.watch_began

    async def _visit(self, folder: str, missing: list[str], *, deep: bool) -> _Visited:
        scanner, before = self._scanner, self._visited.get(folder)
        if before is not None and not deep:
            mtime_ns = await asyncio.to_thread(scanner.storage.mtime_ns, folder)
            if mtime_ns == before.mtime_ns:
                return before
        listed_at = scanner.clock()
        listing = await asyncio.to_thread(scanner.storage.list, folder)
        for entries, after, upto in _portions(listing):
            await self._compare(listing, entries, after, upto, missing)
            await scanner.pause()
        racy = listing.mtime_ns > listed_at.timestamp() * 1e9 - RACY_NS
        return _Visited(0 if racy else listing.mtime_ns, listing.subfolders)

    async def _compare(
        self, listing: Listing, entries: Sequence[Entry], after: str, upto: str | None, missing: list[str]
    ) -> None:
        scanner = self._scanner
        async with scanner.units.begin() as catalogue:
            known = catalogue.signatures(printable(listing.folder), scanner.clock(), after, upto)
        for entry in entries:
            if known.pop(_name(entry), None) != entry.signature:
                self._doubt_watch(entry)
                scanner.consider(entry)
        prefix = f"{printable(listing.folder)}/" if listing.folder else ""
        missing += [f"{prefix}{name}" for name in known]

    def _doubt_watch(self, entry: Entry) -> None:
        """The system does not tell what other machines write to a network storage."""
        scanner = self._scanner
        if scanner.watched_since is None or entry.path in scanner.room or entry.problem is not None:
            return
        written = file_time(entry.signature)
        if scanner.watched_since < written < scanner.clock() - UNTOLD:
            log("scanner").warning("watch_untrusted", locator=printable(entry.path))
            scanner.watched_since, self._distrusts_watch = None, True

    async def _in_vanished_folders(
        self, visited: dict[str, _Visited], unread: Sequence[str], *, deep: bool
    ) -> list[str]:
        scanner = self._scanner
        async with scanner.units.begin() as catalogue:
            before = catalogue.folders() if deep else {printable(folder) for folder in self._visited}
            vanished = before - {printable(folder) for folder in visited}
            return [
                f"{folder}/{name}" if folder else name
                for folder in vanished
                if not any(folder == other or folder.startswith(f"{other}/") for other in unread)
                for name in catalogue.signatures(folder, scanner.clock(), "", None)
            ]


def _name(entry: Entry) -> str:
    return printable(entry.path.rpartition("/")[2])


def _portions(listing: Listing) -> Iterator[tuple[Sequence[Entry], str, str | None]]:
    """Entries in order of their names, with the range of names that each portion stands for."""
    entries = sorted(listing.entries, key=_name)
    after = ""
    for start in range(0, max(1, len(entries)), NAMES_AT_ONCE):
        portion = entries[start : start + NAMES_AT_ONCE]
        last = start + NAMES_AT_ONCE >= len(entries)
        upto = None if last else _name(portion[-1])
        yield portion, after, upto
        after = upto or ""
