"""The district's custody logs, one per school, in PostgreSQL.

A log has one writer at a time, whichever replica it is: whoever appends or signs holds the school's
advisory lock until its transaction ends.
"""

from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.report import (
    CheckpointCountersigned,
    CustodyQuery,
    DistrictCheckpointSigned,
    HistoryQuery,
    KeyChanged,
    SiteCheckpointCountersigned,
)
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_report.custody import merkle, proofs
from reelwarden_report.custody.hours import Waiting, hour_leaf
from reelwarden_report.custody.leaves import Leaf
from reelwarden_report.custody.merkle import Frontier, Node
from reelwarden_report.custody.notes import COSIGNED, Checkpoint, Signer, VerifierKey
from reelwarden_report.custody.peers import Known, origin, witness
from reelwarden_report.district.registrar.deposit_table import DepositTable
from reelwarden_report.district.registrar.domain import Covered, Earlier
from reelwarden_report.district.registrar.history import HistoryTable
from reelwarden_report.district.registrar.hours import HoursTable
from reelwarden_report.district.registrar.stamp_table import StampTable

HASH = 32


class RegistrarStore(Store):
    """One transaction of the registrar."""

    def __init__(
        self,
        conn: Connection,
        key: Ed25519PrivateKey,
        pinned: dict[str, VerifierKey] | None = None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__("registrar", clock)
        self._conn = conn
        self._key = key
        self.pinned = pinned or {}
        self.hours = HoursTable(conn)
        self.history = HistoryTable(conn)
        self.deposits = DepositTable(conn)
        self.stamps = StampTable(conn)

    async def append(self, school: str, leaves: Iterable[Leaf]) -> None:
        """Add entries for events that the school's log does not know yet, alone in that log."""
        await self._alone(school)
        fresh = {leaf.event: leaf for leaf in leaves}
        known = await self._conn.fetch(
            "SELECT event FROM custody_entry WHERE school = $1 AND event = ANY($2)", school, list(fresh)
        )
        for row in known:
            del fresh[row["event"]]
        if not fresh:
            return
        frontier = await self.frontier(school)
        entries, about, nodes, spans = [], [], [], []
        for leaf in fresh.values():
            place = frontier.size
            frontier, new = frontier.append(merkle.leaf_hash(leaf.text.encode()))
            entries.append((school, place, leaf.event, leaf.text))
            about += [(school, one, place) for one in leaf.about]
            nodes += [(school, node.level, node.position, h) for node, h in new]
            spans.append((place, leaf.spans))
        await self._conn.executemany("INSERT INTO custody_entry VALUES ($1, $2, $3, $4)", entries)
        await self._conn.executemany("INSERT INTO custody_about VALUES ($1, $2, $3)", about)
        await self._conn.executemany("INSERT INTO custody_node VALUES ($1, $2, $3, $4)", nodes)
        await self.history.add(school, spans)
        await self._conn.execute(
            "INSERT INTO custody_log (school, size, peaks) VALUES ($1, $2, $3)"
            " ON CONFLICT (school) DO UPDATE SET size = excluded.size, peaks = excluded.peaks",
            school,
            frontier.size,
            b"".join(frontier.peaks),
        )

    async def _alone(self, school: str) -> None:
        await self._conn.execute("SELECT pg_advisory_xact_lock(hashtext('custody'), hashtext($1))", school)

    async def frontier(self, school: str) -> Frontier:
        """The right edge of a school's log."""
        row = await self._conn.fetchrow("SELECT size, peaks FROM custody_log WHERE school = $1", school)
        if row is None:
            return Frontier()
        raw = row["peaks"]
        return Frontier(row["size"], tuple(raw[i : i + HASH] for i in range(0, len(raw), HASH)))

    async def grown(self) -> list[str]:
        """Schools whose log has entries that no checkpoint covers."""
        rows = await self._conn.fetch(
            "SELECT school FROM custody_log l WHERE size >"
            " coalesce((SELECT max(size) FROM custody_checkpoint c WHERE c.school = l.school), 0)"
            " ORDER BY school"
        )
        return [row["school"] for row in rows]

    async def sign_if_grown(self, school: str) -> Checkpoint | None:
        """Sign a checkpoint and say so, if there are entries that none covers."""
        await self._alone(school)
        frontier = await self.frontier(school)
        newest = await self._conn.fetchrow(
            "SELECT size, note FROM custody_checkpoint WHERE school = $1 ORDER BY size DESC LIMIT 1", school
        )
        last = newest["size"] if newest else 0
        if frontier.size == last:
            return None
        signer = Signer(origin(school, "registrar"), self._key)
        if newest and (before := signer.took_over(newest["note"])):
            self.publish(school, KeyChanged(of="log", key=str(signer.key()), before=before))
        checkpoint = Checkpoint(signer.name, frontier.size, frontier.root)
        note = signer.sign(checkpoint.text)
        await self._conn.execute(
            "INSERT INTO custody_checkpoint (school, size, root, note, key, signed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            school,
            checkpoint.size,
            checkpoint.root,
            note,
            str(signer.key()),
            self.clock(),
        )
        ranges = merkle.consistency(last, checkpoint.size)
        nodes = await self.nodes(school, merkle.wanted(ranges))
        self.publish(
            school,
            DistrictCheckpointSigned(
                size=checkpoint.size,
                root=proofs.encoded([checkpoint.root])[0],
                note=note,
                key=str(signer.key()),
                since=last,
                consistency=proofs.encoded(merkle.prove(ranges, nodes)),
            ),
        )
        return checkpoint

    async def nodes(self, school: str, wanted: Iterable[Node]) -> dict[Node, bytes]:
        """The stored subtree hashes of these nodes."""
        places = list(wanted)
        rows = await self._conn.fetch(
            "SELECT n.level, n.position, n.hash FROM custody_node n"
            " JOIN unnest($2::int[], $3::bigint[]) AS w (level, position) USING (level, position)"
            " WHERE n.school = $1",
            school,
            [node.level for node in places],
            [node.position for node in places],
        )
        return {Node(row["level"], row["position"]): row["hash"] for row in rows}

    async def checkpoint(self, school: str, size: int) -> Checkpoint | None:
        """Our checkpoint that was signed at this size, or None."""
        root = await self._conn.fetchval(
            "SELECT root FROM custody_checkpoint WHERE school = $1 AND size = $2", school, size
        )
        return Checkpoint(origin(school, "registrar"), size, root) if root else None

    async def cosigned(self, school: str, event: CheckpointCountersigned) -> None:
        """Keep our checkpoint with the notary's cosignature."""
        await self._conn.execute(
            "UPDATE custody_checkpoint SET note = $3, cosigner = $4, cosigned_at = $5"
            " WHERE school = $1 AND size = $2",
            school,
            event.size,
            event.note,
            event.key,
            self.clock(),
        )

    async def known(self, school: str) -> Known | None:
        """What is held of the notary's log."""
        row = await self._conn.fetchrow("SELECT key, size, root FROM custody_peer WHERE school = $1", school)
        return Known(VerifierKey.parse(row["key"]), row["size"], row["root"]) if row else None

    async def countersign(self, school: str, key: VerifierKey, checkpoint: Checkpoint, note: str) -> None:
        """Cosign the notary's checkpoint, keep it as its newest, and say so."""
        signer = Signer(witness(school, "registrar"), self._key)
        signed = signer.cosign(note, int(self.clock().timestamp()))
        await self._conn.execute(
            "INSERT INTO custody_peer (school, key, size, root, note, seen_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (school) DO UPDATE SET size = excluded.size, root = excluded.root,"
            " note = excluded.note, seen_at = excluded.seen_at",
            school,
            str(key),
            checkpoint.size,
            checkpoint.root,
            signed,
            self.clock(),
        )
        self.publish(
            school,
            SiteCheckpointCountersigned(size=checkpoint.size, note=signed, key=str(signer.key(COSIGNED))),
        )

    async def close_hour(self, waiting: Waiting) -> None:
        """Write the entry for an hour of footage that is over."""
        await self._alone(waiting.school)
        if lines := await self.hours.take(waiting):
            await self.append(waiting.school, [hour_leaf(waiting, lines, "registrar")])

    async def covered(self, query: HistoryQuery | CustodyQuery) -> Covered:
        """The entries that answer a question, and the checkpoints that cover them."""
        school = query.school
        await self.sign_if_grown(school)
        row = await self._conn.fetchrow(
            "SELECT size, note, key FROM custody_checkpoint WHERE school = $1 ORDER BY size DESC LIMIT 1",
            school,
        )
        if row is None:
            return Covered((), 0, "", "")
        entries = await self.history.find(query)
        return Covered(
            entries,
            row["size"],
            row["note"],
            row["key"],
            await self._countersigned(school),
            await self._stamped(school),
        )

    async def _countersigned(self, school: str) -> Earlier | None:
        row = await self._conn.fetchrow(
            "SELECT size, note, cosigner FROM custody_checkpoint WHERE school = $1 AND cosigner IS NOT NULL"
            " ORDER BY size DESC LIMIT 1",
            school,
        )
        return Earlier(row["size"], row["note"], cosigner=row["cosigner"]) if row else None

    async def _stamped(self, school: str) -> Earlier | None:
        row = await self._conn.fetchrow(
            "SELECT size, note, stamp FROM custody_stamp WHERE school = $1 ORDER BY size DESC LIMIT 1", school
        )
        return Earlier(row["size"], row["note"], stamp=row["stamp"]) if row else None
