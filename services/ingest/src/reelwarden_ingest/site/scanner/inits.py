"""Fragments (`.m4s`) and the file that each needs before it (`init.mp4` beside them): which belongs to which.

A recorder copies that file anew behind each fragment, and it changes when the recorder restarts or the camera
changes its picture. So a fragment's own is the first that was seen not older than the fragment; where that
cannot be told any more, one picture is decoded.
"""

import os
from collections import defaultdict, deque
from dataclasses import dataclass
from threading import Lock

from reelwarden_common.events.ingest import LARGEST_INIT
from reelwarden_ingest.site.scanner.confined import Confined
from reelwarden_ingest.site.scanner.mp4.boxes import Damaged
from reelwarden_ingest.site.scanner.recorders import INIT_NAME
from reelwarden_ingest.site.scanner.storage import Storage

FRAGMENT = ".m4s"
REMEMBERED = 4
"""Of one folder."""
OLD_NS = 3600 * 10**9
"""A fragment so much older than the file beside it may have been written with another one."""


class NotBeside(Damaged):
    """The file is not there (yet)."""


@dataclass
class Seen:
    """The file as it was seen, up to when (its change time, ns)."""

    content: bytes
    until: int


class Inits:
    """The initialization segments of each folder, as they are seen. Used by several threads."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self._lock = storage, Lock()
        self.ffmpeg = Confined()
        self._seen: dict[str, deque[Seen]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def note(self, path: str) -> None:
        """A fragment has come: remember what is beside it now. Raises Damaged: nothing of use."""
        folder = path.rpartition("/")[0]
        content, changed = self._beside(f"{folder}/{INIT_NAME}")
        with self._lock:
            seen = self._seen[folder]
            if seen and seen[-1].content == content:
                seen[-1].until = max(seen[-1].until, changed)
            else:
                seen.append(Seen(content, changed))

    def of(self, path: str, descriptor: int) -> bytes:
        """What belongs before an open fragment.

        Raises:
            NotBeside: there is none.
            Damaged: none of those that were seen there lets it be decoded.
        """
        self.note(path)
        with self._lock:
            seen = list(self._seen[path.rpartition("/")[0]])
        found = os.fstat(descriptor)
        likely = next((one for one in seen if one.until >= found.st_ctime_ns), seen[-1])
        if len(seen) == 1 and likely.until - found.st_ctime_ns < OLD_NS > likely.until - found.st_mtime_ns:
            return likely.content
        fragment = os.pread(descriptor, found.st_size, 0)
        for one in sorted(seen, key=lambda one: one is not likely):
            if self.ffmpeg.decodes(one.content + fragment):
                return one.content
        raise Damaged(f"no picture of it can be decoded with {INIT_NAME}: its recorder replaced that file")

    def _beside(self, path: str) -> tuple[bytes, int]:
        try:
            with self._storage.opened(path) as descriptor:
                found = os.fstat(descriptor)
                if found.st_size > LARGEST_INIT:
                    raise Damaged(f"{INIT_NAME} beside it has {found.st_size} bytes: it is none")
                return os.pread(descriptor, LARGEST_INIT, 0), found.st_ctime_ns
        except OSError as error:
            detail = f"{INIT_NAME} is not beside it ({error.strerror}): without that it cannot be decoded"
            raise NotBeside(detail) from error
