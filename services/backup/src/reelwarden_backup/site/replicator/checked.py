"""What the checks read of the replicator's tables, and the little that a repair changes there."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_backup.site.replicator.copies import COPY
from reelwarden_backup.site.replicator.domain import Footage, Rules
from reelwarden_backup.site.replicator.rows import footage, microseconds, moment, stored_object
from reelwarden_common.events.backup import StoredObject

_GOOD = " copies.todo <> 'erase' AND copies.bad = 0"


@dataclass(frozen=True)
class CheckedCopy:
    """A copy that should lie in the store, as it was set there."""

    object: StoredObject
    due: datetime
    held: bool
    settled: bool
    """Nothing is to be done to it just now."""


class Checked:
    """The tables as the checks see them, within one transaction."""

    def __init__(self, conn: sqlite3.Connection, rules: Rules) -> None:
        self._conn, self._rules = conn, rules

    def count(self) -> int:
        """All copies."""
        return int(self._conn.execute("SELECT count(*) FROM copies").fetchone()[0])

    def copies_after(self, key: str, version: str, limit: int) -> list[CheckedCopy]:
        """The next copies that should be there, by key and version."""
        query = f"{COPY} WHERE (key, version) > (?, ?) AND {_GOOD} ORDER BY key, version LIMIT ?"
        return [self._copy(row) for row in self._conn.execute(query, (key, version, limit))]

    def copy(self, key: str, version: str) -> CheckedCopy | None:
        """One of them."""
        query = f"{COPY} WHERE key = ? AND version = ? AND {_GOOD}"
        row = self._conn.execute(query, (key, version)).fetchone()
        return None if row is None else self._copy(row)

    def _copy(self, row: sqlite3.Row) -> CheckedCopy:
        found = stored_object(row, self._rules.bucket)
        return CheckedCopy(found, moment(row["due_us"]), bool(row["held"]), row["todo"] == "")

    def is_known(self, key: str, version: str, segment: str) -> bool:
        """Whether a version is ours, or may be one that is being put just now."""
        ours = self._conn.execute("SELECT 1 FROM copies WHERE key = ? AND version = ?", (key, version))
        putting = self._conn.execute("SELECT 1 FROM segments WHERE id = ? AND putting = 1", (segment,))
        return ours.fetchone() is not None or putting.fetchone() is not None

    def uncopied_after(self, segment: str, limit: int) -> tuple[list[Footage], str | None]:
        """Of the next segments those that count as kept and have no copy; and where to go on."""
        window = self._conn.execute(
            "SELECT *, state = 'kept' AND NOT EXISTS (SELECT 1 FROM copies WHERE segment = id) AS uncopied"
            " FROM segments WHERE id > ? ORDER BY id LIMIT ?",
            (segment, limit),
        ).fetchall()
        then = window[-1]["id"] if len(window) == limit else None
        return [footage(row) for row in window if row["uncopied"]], then

    def uncopied(self, segment: str) -> Footage | None:
        """One of them."""
        row = self._conn.execute(
            "SELECT * FROM segments WHERE id = ? AND state = 'kept'"
            " AND NOT EXISTS (SELECT 1 FROM copies WHERE segment = id)",
            (segment,),
        ).fetchone()
        return None if row is None else footage(row)

    def footage_of(self, segment: str) -> Footage | None:
        """A segment whose file should be on the disk."""
        row = self._conn.execute("SELECT * FROM segments WHERE id = ? AND lost = 0", (segment,)).fetchone()
        return None if row is None else footage(row)

    def day_after(self, after: str) -> tuple[str, list[str]] | None:
        """The next camera-day (`camera/day`) behind one, and its copies as `segment/version`."""
        query = "SELECT key FROM copies WHERE key > ? ORDER BY key LIMIT 1"
        row = self._conn.execute(query, (f"{after}/~" if after else "",)).fetchone()
        if row is None:
            return None
        day = str(row["key"]).rpartition("/")[0]
        return day, self.day(day)

    def day(self, day: str) -> list[str]:
        """The copies of a camera-day that were told of and not found bad."""
        rows = self._conn.execute(
            "SELECT segment, version FROM copies WHERE key > ? AND key < ? AND bad = 0"
            " AND run IS NOT 'surplus'",
            (f"{day}/", f"{day}/~"),
        )
        return [f"{row['segment']}/{row['version']}" for row in rows]

    # repairs

    def store_again(self, segment: str, missing: Sequence[tuple[str, str]] = ()) -> None:
        """Copy a segment once more; versions that are not there are given up once it is done."""
        self._conn.executemany("UPDATE copies SET bad = 1 WHERE key = ? AND version = ?", missing)
        self._conn.execute(
            "UPDATE segments SET state = 'waiting', tries = 0, retry_us = 0 WHERE id = ? AND state = 'kept'",
            (segment,),
        )

    def protect_again(self, key: str, version: str, locked_until: datetime | None) -> None:
        """Set lock and legal hold of a copy once more: they only ever grow."""
        locked = None if locked_until is None else microseconds(locked_until)
        self._conn.execute(
            "UPDATE copies SET todo = 'protect', retry_us = 0, held = 0, locked_us = ?"
            " WHERE key = ? AND version = ? AND todo = ''",
            (locked, key, version),
        )
