"""What is being erased, what is being laid into the vault, which sweeps wait: rows that survive a crash."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reelwarden_common.events.base import Id
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.brake import StoppedSweep
from reelwarden_retention.site.reaper.domain import Due, Footage, Presence


class Step(StrEnum):
    """How far an erasure is known to have come."""

    INTENDED = "intended"
    """The file lies at its place or in the trash, and we unlinked nothing."""
    CONDEMNED = "condemned"
    """It lay in the trash and was what the catalogue says; if it is not there now, we unlinked it."""


@dataclass(frozen=True)
class Entry:
    """One erasure that is under way."""

    footage: Footage
    step: Step
    on_disk: bool
    """False: only the vault has it."""
    due: datetime
    digest: str | None
    """What was found in the file."""
    plan: str


class Journal:
    """Part of a transaction of the reaper's."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def intend(self, items: Sequence[Due], plan: str) -> None:
        """Before a file is touched."""
        self._conn.executemany(
            "INSERT INTO journal (footage, step, on_disk, due_us, plan) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    one.footage.id,
                    Step.INTENDED,
                    one.footage.presence is Presence.PRESENT,
                    rows.microseconds(one.due),
                    plan,
                )
                for one in items
            ],
        )

    def condemn(self, found: Iterable[tuple[Id, str | None]]) -> None:
        """After it lies in the trash, durably, with this digest."""
        self._conn.executemany(
            "UPDATE journal SET step = 'condemned', digest = ? WHERE footage = ?",
            [(digest, identifier) for identifier, digest in found],
        )

    def pardon(self, identifiers: Iterable[Id]) -> None:
        """Before it is put back from the trash: from now on nothing of it counts as unlinked."""
        self._conn.executemany(
            "UPDATE journal SET step = 'intended' WHERE footage = ?", [(one,) for one in identifiers]
        )

    def drop(self, identifiers: Iterable[Id]) -> None:
        """It is over, one way or the other."""
        self._conn.executemany("DELETE FROM journal WHERE footage = ?", [(one,) for one in identifiers])

    def entries(self) -> list[Entry]:
        """All that are under way."""
        found = self._conn.execute(
            "SELECT f.*, j.step, j.on_disk, j.due_us, j.digest AS found, j.plan"
            " FROM journal j JOIN footage f ON f.id = j.footage ORDER BY f.id"
        )
        return [
            Entry(
                rows.footage(row),
                Step(row["step"]),
                bool(row["on_disk"]),
                rows.moment(row["due_us"]),
                row["found"],
                row["plan"],
            )
            for row in found
        ]

    # into the vault

    def lay(self, items: Iterable[tuple[Id, str | None]]) -> None:
        """Before a file is laid into the vault: where it will lie, None as long as nobody read it."""
        self._conn.executemany("INSERT OR REPLACE INTO laying VALUES (?, ?)", items)

    def laying(self) -> list[tuple[Footage, str | None]]:
        """What was begun, and where it is to lie."""
        found = self._conn.execute(
            "SELECT f.*, l.place FROM laying l JOIN footage f ON f.id = l.footage ORDER BY f.id"
        )
        return [(rows.footage(row), row["place"]) for row in found]

    def laid(self, identifiers: Iterable[Id]) -> None:
        """It was noted where these lie."""
        self._conn.executemany("DELETE FROM laying WHERE footage = ?", [(one,) for one in identifiers])

    # stopped sweeps

    def stop(self, sweep: Id, reason: str, items: Sequence[Due], now: datetime) -> None:
        """Remember what a stopped sweep would have erased."""
        self._conn.execute(
            "INSERT OR REPLACE INTO sweeps (id, reason, at_us) VALUES (?, ?, ?)",
            (sweep, reason, rows.microseconds(now)),
        )
        self._conn.executemany(
            "INSERT INTO sweep_items VALUES (?, ?)", [(sweep, one.footage.id) for one in items]
        )

    def confirm(self, sweeps: Iterable[Id]) -> None:
        """A person let these go on."""
        self._conn.executemany("UPDATE sweeps SET confirmed = 1 WHERE id = ?", [(one,) for one in sweeps])

    def close(self, sweep: Id) -> None:
        """Nothing of it is left to erase."""
        self._conn.execute("DELETE FROM sweeps WHERE id = ?", (sweep,))

    def open_sweep(self) -> StoppedSweep | None:
        """The stop that is not over."""
        row = self._conn.execute("SELECT * FROM sweeps ORDER BY at_us LIMIT 1").fetchone()
        if row is None:
            return None
        items = self._conn.execute("SELECT footage FROM sweep_items WHERE sweep = ?", (row["id"],))
        return StoppedSweep(row["id"], bool(row["confirmed"]), frozenset(r["footage"] for r in items))
