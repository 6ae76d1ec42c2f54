"""Maintenance windows: gaps and silence in planned work are shown as planned, and not counted (R5.1)."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reelwarden_report.district.inspector.domain import Kind
from reelwarden_report.district.inspector.store import InspectorStore

LONGEST = timedelta(days=14)
"""Whoever plans for longer enters another window."""
SLACK = timedelta(minutes=10)
"""A recorder that is switched off at ten wrote its last segment before, and needs a while to come back."""
PLANNABLE = (Kind.GAP, Kind.SILENT, Kind.CUT_OFF)


@dataclass(frozen=True)
class Window:
    """Planned work."""

    maintenance: str
    cameras: frozenset[str]
    """Empty: all of the school."""
    start: datetime
    end: datetime

    def covers(self, camera: str | None, start: datetime, end: datetime) -> bool:
        """Whether a camera's break (or, without one, the school's) lies in it."""
        concerned = not self.cameras or camera in self.cameras
        return concerned and self.start - SLACK <= start and end <= self.end + SLACK


def planned_by(
    kind: str, camera: str | None, facts: Mapping[str, Any], windows: Iterable[Window], now: datetime
) -> str | None:
    """The window that a finding lies in, with all that it tells; a silence that outlasts it does not."""
    if kind not in PLANNABLE:
        return None
    if kind == Kind.GAP:
        start, end = facts.get("first", facts.get("start")), facts.get("last", facts.get("end"))
        if facts.get("count", 1) > 1 and "first" not in facts:
            return None
    else:
        start, end = facts.get("since"), now.isoformat()
    if not isinstance(start, str) or not isinstance(end, str):
        return None
    span = datetime.fromisoformat(start), datetime.fromisoformat(end)
    return next((one.maintenance for one in windows if one.covers(camera, *span)), None)


async def windows_of(store: InspectorStore, school: str, since: datetime) -> list[Window]:
    """A school's windows that end after a moment."""
    rows = await store.conn.fetch(
        'SELECT maintenance, cameras, start, least("end", called_off_at) AS "end" FROM maintenance'
        ' WHERE school = $1 AND "end" > $2',
        school,
        since,
    )
    return [Window(r["maintenance"], frozenset(r["cameras"]), r["start"], r["end"]) for r in rows]


async def mark_planned(store: InspectorStore, school: str) -> None:
    """Say of each open finding whether it is planned; a window that is over no longer excuses a silence."""
    now: datetime = store.clock()
    rows = await store.conn.fetch(
        "SELECT finding, kind, camera, facts, planned FROM finding WHERE school = $1 AND closed_at IS NULL"
        " AND kind = ANY($2)",
        school,
        [kind.value for kind in PLANNABLE],
    )
    windows = await windows_of(store, school, now - timedelta(days=60)) if rows else []
    for row in rows:
        planned = planned_by(row["kind"], row["camera"], json.loads(row["facts"]), windows, now)
        if planned != row["planned"]:
            await store.conn.execute(
                "UPDATE finding SET planned = $2 WHERE finding = $1", row["finding"], planned
            )


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
