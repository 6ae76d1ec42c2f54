"""How many days each camera really holds (R3.1): counted per school when its coverage changes."""

from datetime import datetime

from reelwarden_report.district.inspector.domain import falls_short
from reelwarden_report.district.inspector.store import InspectorStore

_HELD = """
SELECT * FROM (
  SELECT r.camera, r.position, r.keep_days, s.first_start,
    least(r.keep_days, (SELECT count(*) FROM camera_day d WHERE d.school = r.school AND d.camera = r.camera
      AND d.day >= $2::date - r.keep_days AND d.recorded_ms > 0)) AS held
  FROM camera_register r LEFT JOIN camera_state s USING (school, camera) WHERE r.school = $1) AS counted
ORDER BY held - keep_days, position
"""
_KEEP = """
INSERT INTO held_days VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (school) DO UPDATE
SET day = excluded.day, counted_at = excluded.counted_at, camera = excluded.camera, least = excluded.least,
    keep_days = excluded.keep_days, short = excluded.short
"""


async def recount(store: InspectorStore, school: str) -> None:
    """Count a school's days anew; the camera that lacks most of its days speaks for the school."""
    now: datetime = store.clock()
    today = now.astimezone(store.zone).date()
    rows = await store.conn.fetch(_HELD, school, today)
    short = sum(
        falls_short(row["held"], row["keep_days"], now - row["first_start"])
        for row in rows
        if row["first_start"] is not None
    )
    worst = rows[0] if rows else {"camera": None, "held": None, "keep_days": None}
    await store.conn.execute(
        _KEEP, school, today, now, worst["camera"], worst["held"], worst["keep_days"], short
    )


async def uncounted(store: InspectorStore, schools: list[str]) -> list[str]:
    """Schools that were not counted since midnight: a day more is due, a day less is held."""
    today = store.clock().astimezone(store.zone).date()
    counted = await store.conn.fetch("SELECT school FROM held_days WHERE day = $1", today)
    known = {row["school"] for row in counted}
    return [school for school in schools if school not in known]
