"""What the replicator keeps for its backup records, and what it says of its backlog. Part of its store."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from reelwarden_backup.site.replicator.copies import COPY
from reelwarden_backup.site.replicator.rows import moment, stored_object
from reelwarden_common.events.backup import StoredObject


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


class Records:
    """The tables `runs` and `exceptions`, within one transaction."""

    def __init__(self, conn: sqlite3.Connection, bucket: str) -> None:
        self._conn = conn
        self._bucket = bucket

    def open_run(self, new_id: str, limit: int) -> Run | None:
        """The backup record to write up now: one that was begun, else a new one, if there is anything."""
        row = self._conn.execute("SELECT * FROM runs WHERE told = 0 LIMIT 1").fetchone()
        if row is None:
            row = self._begin_run(new_id, limit)
        if row is None:
            return None
        objects = self._conn.execute(COPY + " WHERE run = ? ORDER BY camera, start_us", (row["id"],))
        exceptions = self._conn.execute(
            "SELECT detail FROM exceptions WHERE run = ? ORDER BY seq LIMIT 50", (row["id"],)
        )
        return Run(
            row["id"],
            moment(row["started_us"]),
            moment(row["ended_us"]),
            row["kind"],
            tuple(stored_object(one, self._bucket) for one in objects),
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
        waiting = self._conn.execute(
            "SELECT count(*) AS n, max(detail) AS detail FROM restores WHERE tries > 0"
        ).fetchone()
        notes = []
        if row["stuck"]:
            notes.append(f"{row['stuck']} files could not be copied")
        if late:
            notes.append(f"{late} copies could not be erased: the store says they are locked")
        if waiting["n"]:
            notes.append(f"{waiting['n']} segments could not be brought back yet: {waiting['detail']}")
        oldest = None if row["oldest"] is None else moment(row["oldest"])
        return Backlog(row["n"], row["bytes"], oldest, "; ".join(notes))
