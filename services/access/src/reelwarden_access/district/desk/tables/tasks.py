"""How far applications have got, and what was told of their tasks."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from reelwarden_access.district.desk.application import OPEN, Capacity
from reelwarden_access.district.desk.tables.applications import application_of
from reelwarden_access.district.desk.tasks import Progress, Task
from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class Told:
    """What was said of a task."""

    application: str
    school: str
    task: str


class TasksTable:
    """Read and written by whichever replica looks at deadlines; each thing is said once."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def progress(self) -> list[Progress]:
        """Of all applications that are not over, or of which something waits for a review."""
        rows = await self._conn.fetch(_PROGRESS, [str(status) for status in OPEN])
        return [_progress(row) for row in rows]

    async def told(self) -> list[Told]:
        """What was said of tasks that are not done."""
        rows = await self._conn.fetch(
            "SELECT t.application, a.school, t.task FROM told_tasks t"
            " JOIN applications a ON a.id = t.application WHERE done_at IS NULL"
        )
        return [Told(**row) for row in rows]

    async def tell_due(self, application: str, task: Task, at: datetime) -> bool:
        """It is due; False if that was said. A task that comes again begins anew."""
        return bool(
            await self._conn.fetchval(
                "INSERT INTO told_tasks (application, task, deadline, due_told_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (application, task) DO UPDATE SET deadline = excluded.deadline,"
                " due_told_at = excluded.due_told_at, overdue_told_at = NULL, done_at = NULL"
                " WHERE told_tasks.done_at IS NOT NULL RETURNING true",
                application,
                task.kind,
                task.deadline,
                at,
            )
        )

    async def tell_overdue(self, application: str, task: Task, at: datetime) -> bool:
        """It is overdue; False if that was said."""
        return bool(
            await self._conn.fetchval(
                "UPDATE told_tasks SET overdue_told_at = $3 WHERE application = $1 AND task = $2"
                " AND overdue_told_at IS NULL AND done_at IS NULL RETURNING true",
                application,
                task.kind,
                at,
            )
        )

    async def done(self, application: str, task: str, at: datetime) -> bool:
        """It is done; False if that was said."""
        return bool(
            await self._conn.fetchval(
                "UPDATE told_tasks SET done_at = $3 WHERE application = $1 AND task = $2"
                " AND done_at IS NULL RETURNING true",
                application,
                task,
                at,
            )
        )


_PROGRESS = """
SELECT a.*, r.filled_at, coalesce(r.complete_at, p.reviewed_at) AS complete_at, c.since AS unreviewed_since,
    CASE WHEN p.reviewed_at IS NULL THEN p.entered_at END AS paper_since,
    CASE WHEN a.manner = 'copy' THEN l.handed_over_at ELSE v.ended END AS retrieved_at,
    coalesce(s.capacities, '{}') AS capacities
FROM applications a
LEFT JOIN records r ON r.application = a.id
LEFT JOIN paper_forms p ON p.application = a.id
LEFT JOIN releases l ON l.application = a.id
LEFT JOIN LATERAL (
    SELECT max(stopped_at) AS ended FROM viewings WHERE application = a.id
    HAVING bool_and(stopped_at IS NOT NULL)
) v ON true
LEFT JOIN LATERAL (
    SELECT min(at) AS since FROM combined_parts WHERE application = a.id AND reviewed_at IS NULL
) c ON true
LEFT JOIN LATERAL (
    SELECT array_agg(capacity) AS capacities FROM signatures WHERE application = a.id AND form = 'record'
) s ON true
WHERE a.status = ANY($1) OR c.since IS NOT NULL
ORDER BY a.id
"""


def _progress(row: asyncpg.Record) -> Progress:
    return Progress(
        application_of(row, ()),
        row["retrieved_at"],
        row["filled_at"],
        frozenset(Capacity(one) for one in row["capacities"]),
        row["complete_at"],
        row["unreviewed_since"],
        row["paper_since"],
    )
