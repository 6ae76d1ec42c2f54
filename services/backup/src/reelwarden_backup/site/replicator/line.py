"""The school's line to the store: what copies and restores may take of it, by time of day (R3.2)."""

import threading
import time
from collections.abc import Callable

BURST = 0.25
"""Seconds that may be made up for at once after a pause."""


class Line:
    """A token bucket over all that crosses the line, both ways; the limit is looked up for every slice.

    Args:
        limit: bytes a second now, None for as much as there is.
    """

    def __init__(self, limit: Callable[[], float | None]) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._free_at = 0.0

    @property
    def limited(self) -> bool:
        """Whether there is a limit now."""
        return self._limit() is not None

    def pace(self, size: int) -> None:
        """Wait until so many bytes may go; called from many threads."""
        limit = self._limit()
        if limit is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - BURST) + size / limit
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)
