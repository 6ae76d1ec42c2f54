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
            "SELECT l.school, c.size, c.note FROM custody_log l"
            " LEFT JOIN LATERAL (SELECT size, stamped_at FROM custody_stamp WHERE school = l.school"
            "  ORDER BY size DESC LIMIT 1) s ON true"
            " JOIN LATERAL (SELECT size, note FROM custody_checkpoint WHERE school = l.school"
            "  AND size > coalesce(s.size, 0) ORDER BY cosigner IS NULL, size DESC LIMIT 1) c ON true"
            " WHERE s.stamped_at IS NULL OR s.stamped_at <= $1 ORDER BY l.school",
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
