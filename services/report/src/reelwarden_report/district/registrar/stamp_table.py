"""Which checkpoints a time-stamp authority saw, and which are due."""

from datetime import datetime

from reelwarden_common.messaging.postgres import Connection


class StampTable:
    """The table `custody_stamp`."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def due(self, before: datetime) -> list[tuple[str, int, str]]:
        """School, size and note of the newest checkpoint where none was stamped since `before`.

        One that both sides signed, where there is one.
        """
        rows = await self._conn.fetch(
            "SELECT DISTINCT ON (c.school) c.school, c.size, c.note FROM custody_checkpoint c"
            " WHERE NOT EXISTS (SELECT FROM custody_stamp s WHERE s.school = c.school"
            "  AND (s.stamped_at > $1 OR s.size >= c.size))"
            " ORDER BY c.school, c.cosigner IS NULL, c.size DESC",
            before,
        )
        return [(row["school"], row["size"], row["note"]) for row in rows]

    async def keep(self, checkpoint: tuple[str, int, str], stamp: bytes, at: datetime) -> None:
        """Keep a time stamp with what was stamped."""
        school, size, note = checkpoint
        await self._conn.execute(
            "INSERT INTO custody_stamp (school, size, stamp, stamped_at, note) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING",
            school,
            size,
            stamp,
            at,
            note,
        )
