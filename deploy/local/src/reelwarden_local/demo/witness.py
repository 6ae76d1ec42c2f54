"""An observer outside the system: compares its words with the recorder's manifest, disk and database.

It reads with the administrator's rights and changes nothing; no role has these.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from reelwarden_local.demo.story import StoryError
from reelwarden_local.recorders.manifest import FileKind, Manifest
from reelwarden_local.words import Words

T = TypeVar("T")


@dataclass(frozen=True)
class Indexed:
    """One row of the district's index."""

    id: str
    camera: str
    start: datetime
    end: datetime
    digest: str
    locator: str
    status: str


async def until(
    what: Words, look: Callable[[], Awaitable[T | None]], *, seconds: float = 120, every: float = 0.25
) -> T:
    """Look again and again until there is something.

    Raises:
        StoryError: nothing within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = await look()
        if found:
            return found
        await asyncio.sleep(every)
    raise StoryError(
        Words(f"等了 {seconds:.0f} 秒，仍未等到：{what.zh}", f"waited {seconds:.0f} s in vain for: {what.en}")
    )


class Witness:
    """Reads what is really there."""

    def __init__(self, database: asyncpg.Connection, storages: dict[str, Path]) -> None:
        self._db = database
        self._lock = asyncio.Lock()
        self._digests: dict[Path, str] = {}
        self.storages = storages

    async def rows(self, query: str, *values: object) -> list[Any]:
        """Rows of the district's database."""
        async with self._lock:
            return list(await self._db.fetch(query, *values))

    async def value(self, query: str, *values: object) -> Any:  # noqa: ANN401 - one column of any type
        """One value of the district's database."""
        async with self._lock:
            return await self._db.fetchval(query, *values)

    async def indexed(self, school: str, camera: str | None = None) -> list[Indexed]:
        """What the index knows of a school, or of one camera."""
        rows = await self.rows(
            "SELECT encode(id, 'hex') AS id, camera, start_at, end_at, encode(digest, 'hex') AS digest,"
            " locator, status FROM ingest.segments WHERE school = $1 AND ($2::text IS NULL OR camera = $2)"
            " ORDER BY camera, start_at",
            school,
            camera,
        )
        return [
            Indexed(r["id"], r["camera"], r["start_at"], r["end_at"], r["digest"], r["locator"], r["status"])
            for r in rows
        ]

    async def unaccounted(self, school: str, files: Iterable[str]) -> list[str]:
        """Which of these files are neither indexed (by place or content) nor rejected."""
        rejected = await self.rows("SELECT locator FROM ingest.rejected WHERE school = $1", school)
        indexed = await self.indexed(school)
        places = {row.locator for row in indexed} | {row["locator"] for row in rejected}
        contents = {row.digest for row in indexed}
        left = sorted(set(files) - places)
        return [path for path in left if await asyncio.to_thread(self._digest, school, path) not in contents]

    def _digest(self, school: str, path: str) -> str:
        """Read once: it is asked for again and again while the file waits to be indexed."""
        place = self.storages[school] / path
        if place not in self._digests:
            with place.open("rb") as file:
                self._digests[place] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[place]

    async def compare(self, school: str, manifest: Manifest, before: datetime) -> tuple[int, int, int]:
        """Good files closed before a moment: how many, how many not indexed, how many twice."""
        written = [
            (w.camera, w.sha256) for w in manifest if w.kind is FileKind.GOOD and w.closed_at <= before
        ]
        known = Counter((row.camera, row.digest) for row in await self.indexed(school))
        missing = sum(1 for key in written if not known[key])
        double = sum(1 for count in known.values() if count > 1)
        return len(written), missing, double

    async def nothing_missing(
        self, school: str, manifest: Manifest, before: datetime
    ) -> tuple[int, int, int]:
        """As `compare`, once the last file closed before that moment has had its time to arrive."""

        async def look() -> tuple[int, int, int] | None:
            counts = await self.compare(school, manifest, before)
            return counts if counts[0] and not counts[1] else None

        try:
            return await until(
                Words("清单中每个文件都已编目", "every file of the manifest in the index"), look
            )
        except StoryError:
            return await self.compare(school, manifest, before)
