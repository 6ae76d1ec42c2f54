"""What the replicator is to bring back. Part of its store."""

import sqlite3
from dataclasses import dataclass

from reelwarden_backup.site.replicator.domain import Footage, pause_after
from reelwarden_backup.site.replicator.rows import footage, microseconds
from reelwarden_common.clock import Clock
from reelwarden_common.events.backup import RestoreRequested


@dataclass(frozen=True)
class ToRestore:
    """A segment to be brought back; `footage` is None when it was never heard of here."""

    request: RestoreRequested
    footage: Footage | None
    tries: int


class Restores:
    """The table `restores`, within one transaction."""

    def __init__(self, conn: sqlite3.Connection, clock: Clock) -> None:
        self._conn = conn
        self._clock = clock

    def ask(self, request: RestoreRequested) -> None:
        """Remember what is to be brought back."""
        self._conn.execute(
            "INSERT OR REPLACE INTO restores (segment, digest, bucket, key, version) VALUES (?, ?, ?, ?, ?)",
            (request.segment, request.digest, request.bucket, request.key, request.object_version),
        )

    def due(self, limit: int) -> list[ToRestore]:
        """What to bring back now."""
        rows = self._conn.execute(
            "SELECT * FROM restores WHERE retry_us <= ? LIMIT ?", (microseconds(self._clock()), limit)
        ).fetchall()
        found = []
        for row in rows:
            known = self._conn.execute("SELECT * FROM known WHERE id = ?", (row["segment"],)).fetchone()
            request = RestoreRequested(
                segment=row["segment"],
                digest=row["digest"],
                bucket=row["bucket"],
                key=row["key"],
                object_version=row["version"],
            )
            found.append(ToRestore(request, footage(known) if known else None, row["tries"]))
        return found

    def postpone(self, one: ToRestore, detail: str) -> None:
        """It could not be brought back now."""
        again = microseconds(self._clock() + pause_after(one.tries))
        self._conn.execute(
            "UPDATE restores SET tries = tries + 1, retry_us = ?, detail = ? WHERE segment = ?",
            (again, detail[:300], one.request.segment),
        )

    def done(self, segment: str) -> None:
        """It is back, or will never be."""
        self._conn.execute("DELETE FROM restores WHERE segment = ?", (segment,))
        self._conn.execute("UPDATE segments SET lost = 0 WHERE id = ?", (segment,))
