"""What the replicator keeps of its own work: copies, restores, backup records. Part of its store."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_backup.site.replicator.domain import Footage, Rules, object_key, pause_after
from reelwarden_backup.site.replicator.rows import footage, microseconds, moment, stored_object
from reelwarden_common.clock import Clock
from reelwarden_common.events.backup import RestoreRequested, StoredObject

_COPY = """
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


@dataclass(frozen=True)
class ToRestore:
    """A segment to be brought back; `footage` is None when it was never heard of here."""

    request: RestoreRequested
    footage: Footage | None
    tries: int


@dataclass(frozen=True)
class Run:
    """A backup record that is being written up."""

    id: str
    started: datetime
    ended: datetime
    kind: str
    objects: tuple[StoredObject, ...]
    exceptions: tuple[str, ...]


@dataclass(frozen=True)
class Backlog:
    """What waits to be copied."""

    segments: int
    bytes: int
    oldest: datetime | None
    stuck: str
    """Why some of it does not move; empty if all does."""


class Copies:
    """The tables `copies`, `restores`, `runs`, `exceptions`, within one transaction."""

    def __init__(self, conn: sqlite3.Connection, rules: Rules, clock: Clock) -> None:
        self._conn = conn
        self._rules = rules
        self._clock = clock

    def to_store(self, limit: int) -> list[ToStore]:
        """What to copy next: held footage first, then the oldest; notes that putting begins."""
        now = microseconds(self._clock())
        made = int(self._conn.execute("SELECT value FROM meta WHERE key = 'made_us'").fetchone()[0])
        rows = self._conn.execute(
            "SELECT * FROM segments WHERE state = 'waiting' AND lost = 0 AND retry_us <= ?"
            " ORDER BY held DESC, start_us LIMIT ?",
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
        row = self._conn.execute(_COPY + " WHERE key = ? AND version = ?", (key, version)).fetchone()
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
        row = self._conn.execute("SELECT * FROM segments WHERE id = ?", (segment,)).fetchone()
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
            _COPY + " WHERE copies.todo = ? AND copies.retry_us <= ? ORDER BY copies.retry_us LIMIT ?",
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
            "UPDATE copies SET held = max(held, ?), locked_us = coalesce(?, locked_us), tries = 0,"
            " todo = iif(todo = 'protect', '', todo),"
            " retry_us = iif(todo = 'erase', coalesce(?, retry_us), retry_us)"
            " WHERE key = ? AND version = ?",
            (copy.wanted_hold, locked, locked, copy.object.key, copy.object.object_version),
        )
        self._conn.execute(
            "UPDATE copies SET todo = 'protect' WHERE key = ? AND version = ? AND todo = '' AND held = 0"
            " AND segment IN (SELECT id FROM segments WHERE held)",
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
            "SELECT * FROM segments WHERE state = 'gone' AND putting = 1 LIMIT ?", (limit,)
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
        """Copies whose original nobody will certify as erased go by themselves once due and not held.

        Their original was lost, or its recorder erases it. Asked only when the holds were heard after
        their due time; returns how many.
        """
        heard = self._conn.execute("SELECT value FROM meta WHERE key = 'holds_heard_us'").fetchone()
        if heard is None:
            return 0
        latest = min(microseconds(before), int(heard[0]))
        recorders = list(unmanaged)
        marks = ", ".join("?" * len(recorders))
        rows = self._conn.execute(
            f"SELECT id FROM segments WHERE state = 'kept' AND held = 0 AND due_us <= ?"  # noqa: S608 - marks only
            f" AND (lost = 1 OR camera IN ({marks})) LIMIT ?",
            (latest, *recorders, limit),
        ).fetchall()
        for row in rows:
            self._conn.execute("UPDATE segments SET state = 'gone' WHERE id = ?", (row["id"],))
            self._conn.execute(
                "UPDATE copies SET todo = 'erase', retry_us = coalesce(locked_us, 0) WHERE segment = ?",
                (row["id"],),
            )
        return len(rows)

    def ask_restore(self, request: RestoreRequested) -> None:
        """Remember what is to be brought back."""
        self._conn.execute(
            "INSERT OR REPLACE INTO restores (segment, digest, bucket, key, version) VALUES (?, ?, ?, ?, ?)",
            (request.segment, request.digest, request.bucket, request.key, request.object_version),
        )

    def to_restore(self, limit: int) -> list[ToRestore]:
        """What to bring back now."""
        rows = self._conn.execute(
            "SELECT * FROM restores WHERE retry_us <= ? LIMIT ?", (microseconds(self._clock()), limit)
        ).fetchall()
        found = []
        for row in rows:
            known = self._conn.execute("SELECT * FROM segments WHERE id = ?", (row["segment"],)).fetchone()
            request = RestoreRequested(
                segment=row["segment"],
                digest=row["digest"],
                bucket=row["bucket"],
                key=row["key"],
                object_version=row["version"],
            )
            found.append(ToRestore(request, footage(known) if known else None, row["tries"]))
        return found

    def restore_later(self, one: ToRestore) -> None:
        """It could not be brought back now."""
        again = microseconds(self._clock() + pause_after(one.tries))
        self._conn.execute(
            "UPDATE restores SET tries = tries + 1, retry_us = ? WHERE segment = ?",
            (again, one.request.segment),
        )

    def restored(self, segment: str) -> None:
        """It is back, or will never be."""
        self._conn.execute("DELETE FROM restores WHERE segment = ?", (segment,))
        self._conn.execute("UPDATE segments SET lost = 0 WHERE id = ?", (segment,))

    def open_run(self, new_id: str, limit: int) -> Run | None:
        """The backup record to write up now: one that was begun, else a new one, if there is anything."""
        row = self._conn.execute("SELECT * FROM runs WHERE told = 0 LIMIT 1").fetchone()
        if row is None:
            row = self._begin_run(new_id, limit)
        if row is None:
            return None
        objects = self._conn.execute(_COPY + " WHERE run = ? ORDER BY camera, start_us", (row["id"],))
        exceptions = self._conn.execute(
            "SELECT detail FROM exceptions WHERE run = ? ORDER BY seq LIMIT 50", (row["id"],)
        )
        return Run(
            row["id"],
            moment(row["started_us"]),
            moment(row["ended_us"]),
            row["kind"],
            tuple(stored_object(one, self._rules.bucket) for one in objects),
            tuple(one["detail"] for one in exceptions),
        )

    def _begin_run(self, run: str, limit: int) -> sqlite3.Row | None:
        copies = self._conn.execute(
            "SELECT key, version, stored_us FROM copies WHERE run IS NULL ORDER BY stored_us LIMIT ?",
            (limit,),
        ).fetchall()
        exceptions = self._conn.execute("SELECT seq, at_us FROM exceptions WHERE run IS NULL").fetchall()
        times = [row["stored_us"] for row in copies] + [row["at_us"] for row in exceptions]
        if not times:
            return None
        earlier = self._conn.execute("SELECT 1 FROM runs LIMIT 1").fetchone()
        self._conn.execute(
            "INSERT INTO runs (id, started_us, ended_us, kind) VALUES (?, ?, ?, ?)",
            (run, min(times), max(times), "incremental" if earlier else "full"),
        )
        self._conn.executemany(
            "UPDATE copies SET run = ? WHERE key = ? AND version = ?",
            [(run, row["key"], row["version"]) for row in copies],
        )
        self._conn.execute("UPDATE exceptions SET run = ? WHERE run IS NULL", (run,))
        found: sqlite3.Row = self._conn.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
        return found

    def run_told(self, run: str) -> None:
        """The backup record lies in the store and was told."""
        self._conn.execute("UPDATE runs SET told = 1 WHERE id = ?", (run,))
        self._conn.execute("DELETE FROM exceptions WHERE run = ?", (run,))

    def backlog(self) -> Backlog:
        """What waits, and what of it is stuck."""
        row = self._conn.execute(
            "SELECT count(*) AS n, coalesce(sum(size), 0) AS bytes, min(start_us) AS oldest,"
            " sum(tries > 0) AS stuck FROM segments WHERE state = 'waiting' AND lost = 0"
        ).fetchone()
        late = self._conn.execute(
            "SELECT count(*) FROM copies WHERE todo = 'erase' AND tries > 0"
        ).fetchone()[0]
        waiting = self._conn.execute("SELECT count(*) FROM restores WHERE tries > 0").fetchone()[0]
        notes = []
        if row["stuck"]:
            notes.append(f"{row['stuck']} files could not be copied")
        if late:
            notes.append(f"{late} copies could not be erased: the store says they are locked")
        if waiting:
            notes.append(f"{waiting} segments could not be brought back yet")
        oldest = None if row["oldest"] is None else moment(row["oldest"])
        return Backlog(row["n"], row["bytes"], oldest, "; ".join(notes))
