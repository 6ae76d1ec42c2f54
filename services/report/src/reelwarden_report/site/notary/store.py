"""The school's custody log, its checkpoints, and the other side's, in SQLite."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.report import CheckpointCountersigned, CheckpointSigned, KeyChanged
from reelwarden_common.messaging.units import Store
from reelwarden_report.custody import merkle, proofs
from reelwarden_report.custody.hours import Waiting, hour_leaf
from reelwarden_report.custody.leaves import Leaf
from reelwarden_report.custody.merkle import Frontier, Node
from reelwarden_report.custody.notes import COSIGNED, Checkpoint, Signer, VerifierKey
from reelwarden_report.custody.peers import Known, origin, witness
from reelwarden_report.site.notary.domain import Measured

HASH = 32
_MEASURES = frozenset(Measured.__dataclass_fields__)


class NotaryStore(Store):
    """One transaction of the notary."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        school: str,
        signer: Signer,
        pinned: VerifierKey | None = None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__("notary", clock)
        self._conn = conn
        self.school = school
        self.origin = origin(school, "notary")
        self.peer_origin = origin(school, "registrar")
        self.pinned = pinned
        self._signer = signer

    def append(self, leaves: Iterable[Leaf]) -> None:
        """Add entries for events that the log does not know yet."""
        frontier = self.frontier()
        for leaf in leaves:
            known = self._conn.execute("SELECT 1 FROM entry WHERE event = ?", (leaf.event,)).fetchone()
            if known:
                continue
            place = frontier.size
            frontier, nodes = frontier.append(merkle.leaf_hash(leaf.text.encode()))
            self._conn.execute("INSERT INTO entry VALUES (?, ?, ?)", (place, leaf.event, leaf.text))
            self._conn.executemany("INSERT INTO about VALUES (?, ?)", [(one, place) for one in leaf.about])
            self._conn.executemany("INSERT INTO node VALUES (?, ?, ?)", [(*node, h) for node, h in nodes])
        self._conn.execute(
            "UPDATE frontier SET size = ?, peaks = ?", (frontier.size, b"".join(frontier.peaks))
        )

    def hear(self, event: str, told: Mapping[datetime, Sequence[str]]) -> None:
        """Keep what one message told of some hours of footage, until they are over."""
        now = self.clock().astimezone(UTC).isoformat()
        self._conn.executemany(
            "INSERT OR IGNORE INTO hour VALUES (?, ?, ?, ?)",
            [(hour.isoformat(), event, "\n".join(lines), now) for hour, lines in told.items()],
        )

    def close_hours(self, quiet: timedelta) -> None:
        """Write the entries for those hours of footage that are over."""
        rows = self._conn.execute("SELECT hour, max(heard_at) AS heard FROM hour GROUP BY hour ORDER BY hour")
        for row in rows.fetchall():
            hour, heard = datetime.fromisoformat(row["hour"]), datetime.fromisoformat(row["heard"])
            waiting = Waiting(self.school, hour, heard)
            if waiting.is_closed(self.clock(), quiet):
                found = self._conn.execute("SELECT lines FROM hour WHERE hour = ?", (row["hour"],))
                lines = [line for one in found for line in one["lines"].split("\n")]
                self.append([hour_leaf(waiting, lines, "notary")])
                self._conn.execute("DELETE FROM hour WHERE hour = ?", (row["hour"],))

    def frontier(self) -> Frontier:
        """The log's right edge."""
        row = self._conn.execute("SELECT size, peaks FROM frontier").fetchone()
        raw = bytes(row["peaks"])
        return Frontier(row["size"], tuple(raw[i : i + HASH] for i in range(0, len(raw), HASH)))

    def entries(self) -> list[str]:
        """All entries, in order."""
        return [row["text"] for row in self._conn.execute("SELECT text FROM entry ORDER BY position")]

    def sign_if_grown(self) -> Checkpoint | None:
        """Sign a checkpoint and say so, if there are entries that none covers."""
        frontier = self.frontier()
        newest = self._conn.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        last = int(newest["size"]) if newest else 0
        if frontier.size == last:
            return None
        if newest and (before := self._signer.took_over(newest["note"])):
            changed = KeyChanged(of="log", key=str(self._signer.key()), before=before)
            self.publish(self.school, changed)
        checkpoint = Checkpoint(self.origin, frontier.size, frontier.root)
        note = self._signer.sign(checkpoint.text)
        self._conn.execute(
            "INSERT INTO checkpoint (size, root, note) VALUES (?, ?, ?)",
            (frontier.size, frontier.root, note),
        )
        ranges = merkle.consistency(last, frontier.size)
        self.publish(
            self.school,
            CheckpointSigned(
                size=checkpoint.size,
                root=proofs.encoded([checkpoint.root])[0],
                note=note,
                key=str(self._signer.key()),
                since=last,
                consistency=proofs.encoded(merkle.prove(ranges, self._nodes(merkle.wanted(ranges)))),
            ),
        )
        return checkpoint

    def _nodes(self, wanted: Iterable[Node]) -> dict[Node, bytes]:
        query = "SELECT hash FROM node WHERE level = ? AND position = ?"
        return {node: bytes(self._conn.execute(query, node).fetchone()["hash"]) for node in wanted}

    def checkpoint(self, size: int) -> Checkpoint | None:
        """The checkpoint that was signed at this size, or None."""
        row = self._conn.execute("SELECT root FROM checkpoint WHERE size = ?", (size,)).fetchone()
        return Checkpoint(self.origin, size, bytes(row["root"])) if row else None

    def cosigned(self, size: int, note: str) -> None:
        """Keep our checkpoint with the other side's cosignature."""
        self._conn.execute("UPDATE checkpoint SET note = ?, cosigned = 1 WHERE size = ?", (note, size))

    def newest_cosigned(self) -> str | None:
        """The newest note that both sides signed."""
        row = self._conn.execute(
            "SELECT note FROM checkpoint WHERE cosigned = 1 ORDER BY size DESC LIMIT 1"
        ).fetchone()
        return str(row["note"]) if row else None

    def known(self) -> Known | None:
        """What is held of the registrar's log."""
        row = self._conn.execute("SELECT key, size, root FROM peer").fetchone()
        return Known(VerifierKey.parse(row["key"]), row["size"], bytes(row["root"])) if row else None

    def countersign(self, key: VerifierKey, checkpoint: Checkpoint, note: str) -> None:
        """Cosign the registrar's checkpoint, keep it as its newest, and say so."""
        signed = self.witness.cosign(note, int(self.clock().timestamp()))
        self._conn.execute(
            "INSERT OR REPLACE INTO peer VALUES (1, ?, ?, ?, ?)",
            (str(key), checkpoint.size, checkpoint.root, signed),
        )
        self.publish(
            self.school,
            CheckpointCountersigned(size=checkpoint.size, note=signed, key=str(self.witness.key(COSIGNED))),
        )

    @property
    def witness(self) -> Signer:
        """The same key under the name by which it cosigns."""
        return Signer(witness(self.school, "notary"), self._signer.private)

    def remember(self, **measures: int | str | None) -> None:
        """Keep the newest measures for the pulse."""
        for name, value in measures.items():
            if name not in _MEASURES:
                raise KeyError(name)
            self._conn.execute(f"UPDATE measured SET {name} = ?", (value,))  # noqa: S608 - a name of ours

    def measured(self) -> Measured:
        """The newest measures."""
        row = self._conn.execute("SELECT * FROM measured").fetchone()
        return Measured(**{name: row[name] for name in _MEASURES})
