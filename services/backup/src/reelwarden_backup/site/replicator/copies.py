"""What the replicator keeps of its own work: the copies. Part of its store."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_backup.shapes import object_key
from reelwarden_backup.site.replicator.domain import Footage, Rules, pause_after
from reelwarden_backup.site.replicator.rows import footage, microseconds, moment, stored_object
from reelwarden_common.clock import Clock
from reelwarden_common.events.backup import StoredObject

COPY = """
SELECT copies.*, camera, start_us, end_us, digest, size, due_us, segments.held AS wanted_hold
FROM copies JOIN segments ON segments.id = copies.segment
"""


@dataclass(frozen=True)
class ToStore:
    """A segment to be copied; `unsure`: a version may lie in the store that is not in `known`."""

    footage: Footage
    due: datetime
    unsure: bool
    known: frozenset[str]


@dataclass(frozen=True)
class Copied:
    """A version that the store confirmed, or that was found there after a crash."""

    footage: Footage
    key: str
    version: str
    locked_until: datetime | None
    surplus: tuple[str, ...] = ()
    """Other versions of the same key that nobody needs: left by a put that was repeated."""


@dataclass(frozen=True)
class Copy:
    """One version in the store with what is to be done to it."""

    object: StoredObject
    held: bool
    """It has a legal hold."""
    wanted_hold: bool
    due: datetime
    tries: int


class Copies:
    """The table `copies`, and what of `segments` follows from it, within one transaction."""

    def __init__(self, conn: sqlite3.Connection, rules: Rules, clock: Clock) -> None:
        self._conn = conn
        self._rules = rules
        self._clock = clock

    def to_store(self, limit: int) -> list[ToStore]:
        """What to copy next; notes that putting begins.

        Held footage comes first, then what is exported, priority cameras, the rest; of each the oldest.
        """
        now = microseconds(self._clock())
        made = int(self._conn.execute("SELECT value FROM meta WHERE key = 'made_us'").fetchone()[0])
        rows = self._conn.execute(
            "SELECT * FROM known WHERE state = 'waiting' AND lost = 0 AND retry_us <= ?"
            " ORDER BY held DESC, exported DESC, priority DESC, start_us LIMIT ?",
            (now, limit),
        ).fetchall()
        self._conn.executemany("UPDATE segments SET putting = 1 WHERE id = ?", [(row["id"],) for row in rows])
        return [
            ToStore(
                footage(row),
                moment(row["due_us"]),
                unsure=bool(row["putting"]) or row["end_us"] < made,
                known=frozenset(self._versions(row["id"])),
            )
            for row in rows
        ]

    def _versions(self, segment: str) -> list[str]:
        rows = self._conn.execute("SELECT version FROM copies WHERE segment = ?", (segment,))
        return [row["version"] for row in rows]

    def add(self, copied: Copied) -> StoredObject:
        """A copy is stored: the segment is kept, unless it was erased meanwhile."""
        segment, now = copied.footage.segment, microseconds(self._clock())
        state = self._conn.execute("SELECT state, held FROM segments WHERE id = ?", (segment,)).fetchone()
        gone = state["state"] == "gone"
        todo = "erase" if gone else "protect" if state["held"] else ""
        locked = None if copied.locked_until is None else microseconds(copied.locked_until)
        self._conn.execute(
            "UPDATE copies SET todo = 'erase', retry_us = coalesce(locked_us, 0) WHERE segment = ? AND bad",
            (segment,),
        )
        self._insert(copied, copied.version, (now, locked, todo, locked or 0 if gone else 0))
        for version in copied.surplus:
            self._insert(copied, version, (now, locked, "erase", locked or 0), "surplus")
        self._conn.execute(
            "UPDATE segments SET state = ?, putting = 0, tries = 0 WHERE id = ?",
            ("gone" if gone else "kept", segment),
        )
        return self.object(copied.key, copied.version)

    def _insert(
        self, copied: Copied, version: str, facts: tuple[int, int | None, str, int], run: str | None = None
    ) -> None:
        self._conn.execute(
            "INSERT OR IGNORE INTO copies (version, key, segment, stored_us, locked_us, todo, retry_us, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (version, copied.key, copied.footage.segment, *facts, run),
        )

    def object(self, key: str, version: str) -> StoredObject:
        """One copy as it is told."""
        row = self._conn.execute(COPY + " WHERE key = ? AND version = ?", (key, version)).fetchone()
        return stored_object(row, self._rules.bucket)

    def not_stored(self, segment: str, detail: str) -> None:
        """A file could not be copied: try again later, and say so in the next backup record."""
        now = self._clock()
        row = self._conn.execute("SELECT tries FROM segments WHERE id = ?", (segment,)).fetchone()
        again = microseconds(now + pause_after(row["tries"]))
        self._conn.execute(
            "UPDATE segments SET tries = tries + 1, retry_us = ? WHERE id = ?", (again, segment)
        )
        if row["tries"] == 0:
            self._conn.execute(
                "INSERT INTO exceptions (segment, detail, at_us) VALUES (?, ?, ?)",
                (segment, detail[:500], microseconds(now)),
            )

    def store_again(self, segment: str, version: str) -> None:
        """A copy was found bad: store another; the bad one goes once the good one is there."""
        row = self._conn.execute("SELECT * FROM known WHERE id = ?", (segment,)).fetchone()
        if row is None:
            return
        if version and version not in self._versions(segment):
            key = object_key(row["camera"], moment(row["start_us"]), segment)
            now = microseconds(self._clock())
            self._insert(Copied(footage(row), key, "", None), version, (now, row["due_us"], "", 0), "surplus")
        self._conn.execute("UPDATE copies SET bad = 1 WHERE segment = ?", (segment,))
        self._conn.execute(
            "UPDATE segments SET state = 'waiting', tries = 0, retry_us = 0 WHERE id = ? AND state <> 'gone'",
            (segment,),
        )

    def to_do(self, what: str, limit: int) -> list[Copy]:
        """Copies to `protect` or to `erase` now."""
        rows = self._conn.execute(
            COPY + " WHERE copies.todo = ? AND copies.retry_us <= ? ORDER BY copies.retry_us LIMIT ?",
            (what, microseconds(self._clock()), limit),
        ).fetchall()
        return [
            Copy(
                stored_object(row, self._rules.bucket),
                held=bool(row["held"]),
                wanted_hold=bool(row["wanted_hold"]),
                due=moment(row["due_us"]),
                tries=row["tries"],
            )
            for row in rows
        ]

    def protected(self, copy: Copy, locked_until: datetime | None) -> None:
        """Lock and hold are set as wanted when the copy was read; a change since then leaves it to do."""
        locked = None if locked_until is None else microseconds(locked_until)
        self._conn.execute(
            "UPDATE copies SET held = ?, locked_us = coalesce(?, locked_us), tries = 0,"
            " todo = iif(todo = 'protect', '', todo),"
            " retry_us = iif(todo = 'erase', coalesce(?, retry_us), retry_us)"
            " WHERE key = ? AND version = ?",
            (copy.wanted_hold, locked, locked, copy.object.key, copy.object.object_version),
        )
        self._conn.execute(
            "UPDATE copies SET todo = 'protect' WHERE key = ? AND version = ? AND todo = ''"
            " AND held <> (SELECT held FROM segments WHERE id = copies.segment)",
            (copy.object.key, copy.object.object_version),
        )

    def postpone(self, copy: Copy) -> None:
        """It could not be done now."""
        again = microseconds(self._clock() + pause_after(copy.tries + 3))
        self._conn.execute(
            "UPDATE copies SET tries = tries + 1, retry_us = ? WHERE key = ? AND version = ?",
            (again, copy.object.key, copy.object.object_version),
        )

    def erased(self, copy: Copy) -> None:
        """The version is gone from the store."""
        self._conn.execute(
            "DELETE FROM copies WHERE key = ? AND version = ?", (copy.object.key, copy.object.object_version)
        )

    def gone_unchecked(self, limit: int) -> list[ToStore]:
        """Erased segments of which unknown copies may lie in the store."""
        rows = self._conn.execute(
            "SELECT * FROM known WHERE state = 'gone' AND putting = 1 LIMIT ?", (limit,)
        ).fetchall()
        return [
            ToStore(
                footage(row), moment(row["due_us"]), unsure=True, known=frozenset(self._versions(row["id"]))
            )
            for row in rows
        ]

    def gone_checked(self, of: ToStore, key: str, found: Sequence[str]) -> None:
        """These versions of an erased segment were found, and go too."""
        copied = Copied(of.footage, key, "", None)
        now = microseconds(self._clock())
        for version in found:
            self._insert(copied, version, (now, None, "erase", 0), "surplus")
        self._conn.execute("UPDATE segments SET putting = 0 WHERE id = ?", (of.footage.segment,))

    def retire(self, before: datetime, unmanaged: Iterable[str], limit: int) -> int:
        """Footage whose original nobody will certify as erased goes by itself once due and not held.

        Their original was lost, or its recorder erases it. Asked only when the holds were heard after
        their due time; returns how many.
        """
        heard = self._conn.execute("SELECT value FROM meta WHERE key = 'holds_heard_us'").fetchone()
        if heard is None:
            return 0
        latest = min(microseconds(before), int(heard[0]))
        rows = self._conn.execute(
            "SELECT id FROM segments WHERE due_us <= ? AND state <> 'gone' AND held = 0"
            " AND (lost = 1 OR camera IN (SELECT value FROM json_each(?))) LIMIT ?",
            (latest, json.dumps(list(unmanaged)), limit),
        ).fetchall()
        for row in rows:
            self._conn.execute("UPDATE segments SET state = 'gone', retired = 1 WHERE id = ?", (row["id"],))
            self._conn.execute(
                "UPDATE copies SET todo = 'erase', retry_us = coalesce(locked_us, 0) WHERE segment = ?",
                (row["id"],),
            )
        return len(rows)

    def forget(self, before: datetime, limit: int) -> int:
        """Forget segments that were due before then, are gone, and have no copy left; returns how many."""
        forgotten = self._conn.execute(
            "DELETE FROM segments WHERE rowid IN (SELECT rowid FROM segments WHERE due_us < ?"
            " AND state = 'gone' AND putting = 0"
            " AND NOT EXISTS (SELECT 1 FROM copies WHERE copies.segment = segments.id) LIMIT ?)",
            (microseconds(before), limit),
        ).rowcount
        self._conn.execute(
            "DELETE FROM inits WHERE NOT EXISTS (SELECT 1 FROM segments WHERE segments.init = inits.digest)"
        )
        return forgotten
