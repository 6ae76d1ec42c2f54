"""Which checkpoints lie under object lock, and which are due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.postgres import Connection
from reelwarden_report.custody.notes import Checkpoint, split


@dataclass(frozen=True)
class Deposit:
    """What both sides signed of a school's two logs last."""

    school: str
    size: int
    notes: tuple[str, ...]

    def objects(self) -> Sequence[tuple[str, bytes]]:
        """Key and content of each: `<school>/<writer>/<entries>.note`."""
        found = []
        for note in self.notes:
            checkpoint = Checkpoint.parse(split(note)[0])
            writer = checkpoint.origin.rpartition("/")[2]
            found.append((f"{self.school}/{writer}/{checkpoint.size:012d}.note", note.encode()))
        return found


class DepositTable:
    """What lies in the store, by `custody_checkpoint.stored_at`."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def due(self, before: datetime) -> list[Deposit]:
        """The newest countersigned checkpoints of schools of which none was stored since `before`.

        Nobody countersigns the log of what concerns no school: there its own signature is enough.
        """
        rows = await self._conn.fetch(
            "SELECT l.school, c.size, c.note, p.note AS site FROM custody_log l"
            " JOIN LATERAL (SELECT size, note, stored_at FROM custody_checkpoint WHERE school = l.school"
            "  AND (cosigner IS NOT NULL OR l.school = $2) ORDER BY size DESC LIMIT 1) c ON true"
            " LEFT JOIN LATERAL (SELECT stored_at FROM custody_checkpoint WHERE school = l.school"
            "  AND stored_at IS NOT NULL ORDER BY size DESC LIMIT 1) s ON true"
            " LEFT JOIN custody_peer p ON p.school = l.school"
            " WHERE c.stored_at IS NULL AND (s.stored_at IS NULL OR s.stored_at <= $1) ORDER BY l.school",
            before,
            DISTRICT_SCHOOL,
        )
        return [
            Deposit(row["school"], row["size"], tuple(note for note in (row["note"], row["site"]) if note))
            for row in rows
        ]

    async def stored(self, deposit: Deposit, at: datetime) -> None:
        """It lies there."""
        await self._conn.execute(
            "UPDATE custody_checkpoint SET stored_at = $3 WHERE school = $1 AND size = $2",
            deposit.school,
            deposit.size,
            at,
        )
