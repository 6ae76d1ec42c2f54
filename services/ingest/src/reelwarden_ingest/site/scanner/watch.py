"""The operating system's word about changes: fast, but never relied upon."""

import asyncio
import os
from pathlib import Path

from watchfiles import Change, awatch

from reelwarden_common.district.models import OUR_FOLDER
from reelwarden_common.telemetry import log
from reelwarden_ingest.site.scanner.scan import Scanner

STEP_MS, LONGEST_MS = 30, 150
"""Changes are collected until none came for the first, at most for the second."""
AGAIN_SECONDS = 60.0
"""Until a system that has no watches left is asked again; passes go on meanwhile."""
BURST = 5000
"""More changes at once than this, and some may have been dropped: a pass finds them."""


class Watcher:
    """Tells the scanner of changes below its folders."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._roots = scanner.recorders.roots

    async def watch(self) -> None:
        """Watch until it fails: the storage is not there, or the system has no watches left."""
        scanner = self._scanner
        if scanner.unbound is not None:
            return
        try:
            async for changes in awatch(
                scanner.storage.root,
                watch_filter=self._concerns,
                step=STEP_MS,
                debounce=LONGEST_MS,
                rust_timeout=500,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                if scanner.unbound is not None:
                    return
                if scanner.watch_began is None:
                    scanner.watch_began, scanner.pass_wanted = scanner.clock(), True
                if len(changes) > BURST:
                    scanner.watched_since, scanner.pass_wanted = None, True
                await scanner.notice(self._paths(changes))
        except OSError as error:
            log("scanner").warning("watch_failed", error=str(error))
            scanner.watch_began = scanner.watched_since = None
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            scanner.watch_began = scanner.watched_since = None

    def _paths(self, changes: set[tuple[Change, str]]) -> list[str]:
        """Below the storage; of a new folder also its files: those before it was watched are not told."""
        root = self._scanner.storage.root
        paths = {Path(path) for _, path in changes}
        for folder in [path for path in paths if path.is_dir() and not path.is_symlink()]:
            paths |= {Path(where) / name for where, _, names in os.walk(folder) for name in names}
        return sorted(str(path.relative_to(root)) for path in paths)

    def _concerns(self, _: Change, path: str) -> bool:
        below = os.path.relpath(path, self._scanner.storage.root)
        if below == OUR_FOLDER or below.startswith(f"{OUR_FOLDER}/"):
            return False
        return any(_related(below, root) for root in self._roots)


def _related(path: str, root: str) -> bool:
    """Whether a path is a root, below it, or above it (created together with it)."""
    return root in ("", path) or path.startswith(f"{root}/") or root.startswith(f"{path}/")
