"""Maintenance windows: gaps and silence in planned work are shown as planned, and not counted (R5.1)."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from reelwarden_report.district.inspector.planned import PLANNABLE, REMEMBERED, planned_by, windows_of
from reelwarden_report.district.inspector.store import InspectorStore

LONGEST = timedelta(days=14)
"""Whoever plans for longer enters another window."""


async def mark_planned(store: InspectorStore, school: str) -> None:
    """Say of each open finding whether it is planned; a window that is over no longer excuses a silence.

    What is planned no longer is said again as opened: whoever was not told of planned work hears of it now.
    """
    now: datetime = store.clock()
    rows = await store.conn.fetch(
        "SELECT finding, kind, camera, severity, deadline, facts, planned FROM finding"
        " WHERE school = $1 AND closed_at IS NULL AND kind = ANY($2)",
        school,
        [kind.value for kind in PLANNABLE],
    )
    windows = await windows_of(store.conn, school, now - REMEMBERED) if rows else []
    for row in rows:
        planned = planned_by(row["kind"], row["camera"], json.loads(row["facts"]), windows, now)
        if planned != row["planned"]:
            await store.conn.execute(
                "UPDATE finding SET planned = $2 WHERE finding = $1", row["finding"], planned
            )
            if planned is None:
                store.say_opened(school, row, None)


async def plan(
    store: InspectorStore,
    school: str,
    cameras: Sequence[str],
    span: tuple[datetime, datetime],
    reason: str,
    person: str,
) -> None:
    """Enter a window."""
    await store.conn.execute(
        "INSERT INTO maintenance VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        uuid.uuid4().hex,
        school,
        list(cameras),
        *span,
        reason,
        person,
        store.clock(),
    )
    await mark_planned(store, school)
