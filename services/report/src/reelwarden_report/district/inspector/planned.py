"""Whether a finding lies in planned work (R5.1): windows, and the rule that compares a finding with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reelwarden_common.messaging.postgres import Connection
from reelwarden_report.district.inspector.domain import Kind

SLACK = timedelta(minutes=10)
"""A recorder that is switched off at ten wrote its last segment before, and needs a while to come back."""
PLANNABLE = (Kind.GAP, Kind.SILENT, Kind.CUT_OFF)
REMEMBERED = timedelta(days=60)
"""Windows that ended longer ago excuse nothing that is found now."""


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


async def windows_of(conn: Connection, school: str, since: datetime) -> list[Window]:
    """A school's windows that end after a moment."""
    rows = await conn.fetch(
        'SELECT maintenance, cameras, start, least("end", called_off_at) AS "end" FROM maintenance'
        ' WHERE school = $1 AND "end" > $2',
        school,
        since,
    )
    return [Window(r["maintenance"], frozenset(r["cameras"]), r["start"], r["end"]) for r in rows]
