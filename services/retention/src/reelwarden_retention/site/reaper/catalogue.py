"""The reaper's catalogue: every file that it may have to keep or erase. Part of a transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from reelwarden_common.events.base import CameraSpan, Id
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.domain import Footage, KeptHold, Kind

_PUT_FOOTAGE = """
    INSERT INTO footage (id, camera, start_us, end_us, believed_end_us, size, digest, locator, kind, presence)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET locator = excluded.locator, presence = 'present', not_before_us = 0
"""
_REPLACED = "UPDATE footage SET presence = 'gone' WHERE locator = ? AND id <> ? AND presence = 'present'"

_VAULT_SIZE = """
    SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes,
        coalesce(sum(CASE WHEN ? AND placed THEN 0 ELSE size END), 0) AS extra
    FROM (
        SELECT max(size) AS size, max(presence = 'present') AS placed
        FROM footage WHERE vault IS NOT NULL GROUP BY vault
    )
"""


class Catalogue:
    """What the scanner told, and where the reaper has it.

    Args:
        conn: of the transaction.
        changed: is told of each file that came, went or came back.
    """

    def __init__(self, conn: sqlite3.Connection, changed: Callable[[Footage], None]) -> None:
        self._conn, self._look_again = conn, changed

    def record(self, footage: Iterable[Footage]) -> None:
        """Take in what the scanner told; again, if it is told again."""
        for one in footage:
            self._conn.execute(_REPLACED, (one.locator, one.id))
            self._conn.execute(_PUT_FOOTAGE, rows.values(one))
            self._look_again(one)

    def one(self, identifier: Id) -> Footage | None:
        """One file by its id."""
        row = self._conn.execute("SELECT * FROM footage WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else rows.footage(row)

    def gone(self, identifier: Id) -> None:
        """A file is not at its place any more, and not by our hand."""
        self._conn.execute(
            "UPDATE footage SET presence = 'gone' WHERE id = ? AND presence = 'present'", (identifier,)
        )
        if (one := self.one(identifier)) is not None:
            self._look_again(one)

    def moved(self, identifier: Id, locator: str) -> None:
        """It lies elsewhere now; also what was taken for gone while other footage had its place."""
        self._conn.execute(
            "UPDATE footage SET locator = ?, not_before_us = 0,"
            " presence = CASE presence WHEN 'gone' THEN 'present' ELSE presence END WHERE id = ?",
            (locator, identifier),
        )
        if (one := self.one(identifier)) is not None:
            self._look_again(one)

    def back(self, identifier: Id, locator: str) -> None:
        """A lost file was restored."""
        self._conn.execute(
            "UPDATE footage SET presence = 'present', locator = ?, not_before_us = 0"
            " WHERE id = ? AND presence = 'gone'",
            (locator, identifier),
        )
        if (one := self.one(identifier)) is not None:
            self._look_again(one)

    def overlapping(self, kept: KeptHold, margin: timedelta) -> list[Footage]:
        """All files of a hold, widened, that are at their place or in the vault."""
        span = kept.hold.span
        found = self._conn.execute(
            "SELECT * FROM footage WHERE camera = ? AND start_us <= ? AND end_us >= ?"
            " AND (presence = 'present' OR vault IS NOT NULL) ORDER BY start_us, id",
            (
                span.camera,
                rows.microseconds(span.end + margin),
                rows.microseconds(span.start - margin),
            ),
        )
        files = [rows.footage(row) for row in found]
        return [one for one in files if kept.covers(one.camera, one.start, one.end, margin)]

    def ever_recorded(self, span: CameraSpan) -> list[Footage]:
        """All segments of a span that were heard of and are remembered, there or not."""
        found = self._conn.execute(
            "SELECT * FROM footage WHERE camera = ? AND start_us < ? AND end_us > ? AND kind = ?",
            (span.camera, rows.microseconds(span.end), rows.microseconds(span.start), Kind.SEGMENT),
        )
        return [rows.footage(row) for row in found]

    def vaulted(self, identifier: Id, place: str | None) -> None:
        """A file has its copy in the vault at `place`, or (None) no more."""
        self._conn.execute("UPDATE footage SET vault = ? WHERE id = ?", (place, identifier))

    def erased(self, identifier: Id) -> None:
        """It was erased, every copy that we had; its certificate is in this transaction."""
        self._conn.execute("UPDATE footage SET presence = 'erased', vault = NULL WHERE id = ?", (identifier,))

    def in_vault(self) -> list[Footage]:
        """Everything that the vault holds."""
        found = self._conn.execute("SELECT * FROM footage WHERE vault IS NOT NULL ORDER BY id")
        return [rows.footage(row) for row in found]

    def vaulted_after(self, identifier: Id, limit: int) -> list[Footage]:
        """The next of them by id."""
        query = "SELECT * FROM footage WHERE id > ? AND vault IS NOT NULL ORDER BY id LIMIT ?"
        return [rows.footage(row) for row in self._conn.execute(query, (identifier, limit))]

    def is_vault_place(self, place: str) -> bool:
        """Whether something is kept at this place in the vault."""
        query = "SELECT 1 FROM footage WHERE vault = ? LIMIT 1"
        return self._conn.execute(query, (place,)).fetchone() is not None

    def vault_size(self, *, links: bool) -> tuple[int, int, int]:
        """Files and bytes in the vault, and how many of the bytes only the vault takes up.

        `links`: what lies at its place too is the same file, and costs nothing twice.
        """
        row = self._conn.execute(_VAULT_SIZE, (links,)).fetchone()
        return row["files"], row["bytes"], row["extra"]

    def shares_vault(self, identifier: Id, place: str) -> bool:
        """Whether another file of the same content needs this place in the vault too."""
        query = "SELECT 1 FROM footage WHERE vault = ? AND id <> ?"
        return self._conn.execute(query, (place, identifier)).fetchone() is not None

    def oldest(self, camera: str, ended_before: datetime, now: datetime) -> list[Footage]:
        """A camera's files that may be due: present ones whose believed end is before a moment."""
        found = self._conn.execute(
            "SELECT * FROM footage WHERE camera = ? AND presence = 'present' AND believed_end_us < ?"
            " AND not_before_us <= ? ORDER BY believed_end_us, id",
            (camera, rows.microseconds(ended_before), rows.microseconds(now)),
        )
        return [rows.footage(row) for row in found]

    def size(self) -> int:
        """How many files the site has."""
        query = "SELECT count(*) FROM footage WHERE presence = 'present'"
        return int(self._conn.execute(query).fetchone()[0])

    def put_off(self, identifiers: Sequence[Id], until: datetime) -> None:
        """These were not as expected: do not try them before `until`."""
        self._conn.executemany(
            "UPDATE footage SET not_before_us = ? WHERE id = ?",
            [(rows.microseconds(until), one) for one in identifiers],
        )
