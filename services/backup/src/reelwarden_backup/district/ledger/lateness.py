"""Which copies were not read back within the set times; forgetting what is long gone. Part of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_backup.district.ledger.domain import SetTimes
from reelwarden_backup.district.ledger.rows import SCHOOLS
from reelwarden_common.messaging.postgres import Connection

_LATE = f"""
WITH RECURSIVE {SCHOOLS}, late AS (
    SELECT school, state, check_after AS since FROM objects WHERE state = 'unverified' AND check_after < $1
    UNION ALL
    SELECT school, state, checked_at FROM objects WHERE state = 'verified' AND checked_at < $2)
SELECT school, count(*) FILTER (WHERE state = 'unverified') AS unread,
    count(*) FILTER (WHERE state = 'verified') AS overdue, min(since) AS oldest
FROM schools LEFT JOIN late USING (school) WHERE school IS NOT NULL GROUP BY school
"""  # noqa: S608 - a constant of ours
_FORGET = (
    """
    DELETE FROM objects WHERE ctid = ANY(ARRAY(SELECT ctid FROM objects
        WHERE state = 'erased' AND coalesce(erased_at, check_after) < $1 LIMIT $2))
    """,
    """
    DELETE FROM verifications WHERE ctid = ANY(ARRAY(SELECT ctid FROM verifications
        WHERE outcome = 'verified' AND checked_at < $1 LIMIT $2))
    """,
)


@dataclass(frozen=True)
class Late:
    """One school's copies that were not read back in time."""

    school: str
    unread: int
    """New, or found bad once, and waiting to be read."""
    overdue: int
    """Read back once, and not again in time."""
    oldest: datetime | None
    """Since when the one that waits longest waits, or was read last."""


class Lateness:
    """Questions to the table `objects`, within one transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def late(self, times: SetTimes, now: datetime) -> Sequence[Late]:
        """Every school that has copies, also those where all is well."""
        rows = await self._conn.fetch(_LATE, now - times.first, now - times.again)
        return [Late(row["school"], row["unread"], row["overdue"], row["oldest"]) for row in rows]

    async def forget(self, before: datetime, limit: int) -> int:
        """Forget copies that were erased before then, and readings of that time that found nothing wrong.

        Returns the most that one table lost: at `limit` there may be more.
        """
        done = [await self._conn.execute(statement, before, limit) for statement in _FORGET]
        return max(int(text.rpartition(" ")[2]) for text in done)
