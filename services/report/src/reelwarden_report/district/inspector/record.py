"""What one inspection saw, as it is kept and printed (巡检记录, R5.1)."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict

from reelwarden_report.district.inspector.domain import DayCoverage
from reelwarden_report.district.inspector.judging import recent_gaps
from reelwarden_report.district.inspector.monthly import Monthly
from reelwarden_report.district.inspector.shapes import CameraRecord, CustodyView, FindingView, SchoolView

MOST_ROWS = 200
"""Of each table; a report that is longer is read by nobody, and says that there is more."""


class Record(BaseModel):
    """All that a report shows; kept as JSON with the inspection."""

    model_config = ConfigDict(frozen=True)

    school: SchoolView
    kind: str
    by: str
    """Who asked for it; empty: the schedule."""
    at: datetime
    since: datetime
    asked: bool
    """False: the index did not answer, so coverage is as last known."""
    cameras: tuple[CameraRecord, ...]
    findings: tuple[FindingView, ...]
    custody: CustodyView
    rejected: tuple[dict[str, Any], ...] = ()
    lost: tuple[dict[str, Any], ...] = ()
    altered: tuple[dict[str, Any], ...] = ()
    corrupt: tuple[dict[str, Any], ...] = ()
    refusals: tuple[dict[str, Any], ...] = ()
    plan_refusals: tuple[dict[str, Any], ...] = ()
    sweeps: tuple[dict[str, Any], ...] = ()
    applications: tuple[dict[str, Any], ...] = ()
    holds: tuple[dict[str, Any], ...] = ()
    erased: tuple[dict[str, Any], ...] = ()
    backups: tuple[dict[str, Any], ...] = ()
    drills: tuple[dict[str, Any], ...] = ()
    cut: tuple[str, ...] = ()
    """Tables of which only the newest rows are shown."""
    month: Monthly | None = None
    """What a monthly report adds."""


_TABLES = {
    "rejected": "SELECT * FROM rejected_file WHERE school = $1 AND heard_at >= $2 ORDER BY heard_at DESC",
    "lost": "SELECT * FROM lost_segment WHERE school = $1 AND (noticed_at >= $2 OR restored_at IS NULL)"
    " ORDER BY noticed_at DESC",
    "altered": "SELECT * FROM altered_segment WHERE school = $1 AND heard_at >= $2 ORDER BY heard_at DESC",
    "corrupt": "SELECT * FROM corrupt_object WHERE school = $1 AND (at >= $2 OR verified_at IS NULL)"
    " ORDER BY at DESC",
    "refusals": "SELECT * FROM refusal WHERE school = $1 AND at >= $2 ORDER BY at DESC",
    "plan_refusals": "SELECT * FROM plan_refusal WHERE school = $1 AND at >= $2 ORDER BY at DESC",
    "sweeps": "SELECT * FROM sweep_stop WHERE school = $1 AND (at >= $2 OR confirmed_at IS NULL)"
    " ORDER BY at DESC",
    "applications": "SELECT a.*, (SELECT count(*) FROM application_step s WHERE s.school = a.school"
    " AND s.application = a.application) AS steps,"
    " (SELECT array_agg(step ORDER BY at, event) FROM application_step s WHERE s.school = a.school"
    " AND s.application = a.application) AS way"
    " FROM application a WHERE a.school = $1 AND (changed_at >= $2 OR status NOT IN"
    " ('rejected', 'withdrawn', 'lapsed', 'closed')) ORDER BY changed_at DESC",
    "holds": "SELECT * FROM hold WHERE school = $1 AND (ended_at IS NULL OR ended_at >= $2)"
    " ORDER BY asked_at DESC NULLS LAST",
    "erased": "SELECT day, sum(segments) AS count, sum(bytes)::bigint AS bytes, count(DISTINCT camera) AS"
    " cameras, min(erased_from) AS erased_from, max(erased_to) AS erased_to FROM erased_day"
    " WHERE school = $1 AND erased_to >= $2 GROUP BY day ORDER BY day DESC",
    "backups": "SELECT * FROM backup_run WHERE school = $1 AND ended_at >= $2 ORDER BY ended_at DESC",
    "drills": "SELECT * FROM drill WHERE school = $1 AND at >= $2 ORDER BY at DESC",
}
_JSON = ("gone", "spans", "exceptions")


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: json.loads(value) if key in _JSON and isinstance(value, str) else value
        for key, value in row.items()
    }


async def tables(pool: asyncpg.Pool, school: str, since: datetime) -> dict[str, Any]:
    """The incident tables of a record: what happened since, and what is still open."""
    found: dict[str, Any] = {}
    cut = []
    for name, query in _TABLES.items():
        rows = await pool.fetch(f"{query} LIMIT {MOST_ROWS + 1}", school, since)
        found[name] = tuple(_plain(dict(row)) for row in rows[:MOST_ROWS])
        if len(rows) > MOST_ROWS:
            cut.append(name)
    return found | {"cut": tuple(cut)}


def camera_records(
    school: SchoolView,
    days: Mapping[str, Sequence[DayCoverage]],
    keep_days: Mapping[str, int],
    since: datetime,
    shortest_gap: float,
) -> tuple[CameraRecord, ...]:
    """What the coverage says of each camera.

    Args:
        school: With its cameras.
        days: Per camera its days, oldest first.
        keep_days: Per camera what it must hold.
        since: Gaps that ended before are not this inspection's; nor is what was due and erased a gap.
        shortest_gap: Seconds.
    """
    found = []
    for camera in school.cameras:
        known = days.get(camera.camera, ())
        keep = keep_days[camera.camera]
        firsts = [day.first for day in known if day.first]
        lasts = [day.last for day in known if day.last]
        found.append(
            CameraRecord(
                camera=camera.camera,
                name=camera.name,
                place=camera.place,
                keep_days=keep,
                days_held=min(keep, sum(1 for day in known if day.recorded_ms > 0)),
                oldest=min(firsts, default=None),
                newest=max([*lasts, *([camera.last_recorded] if camera.last_recorded else [])], default=None),
                gaps=tuple((gap.start, gap.end) for gap in recent_gaps(known, keep, since, shortest_gap)),
                clock_offset_ms=camera.clock_offset_ms,
                silent_since=camera.silent_since,
                days_ahead=camera.days_ahead,
            )
        )
    return tuple(found)
