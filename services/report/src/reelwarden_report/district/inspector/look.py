"""What the clock alone brings about: pulses that stay away, holds not reached, copies not declared."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reelwarden_common.messaging.units import Units
from reelwarden_report.district.inspector.detecting import detect
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.store import InspectorStore


async def look(units: Units[InspectorStore], schools: Sequence[str], settings: Settings) -> None:
    """One look at all schools; replicas may look at the same time."""
    for school in schools:
        async with units.begin() as store:
            now = store.clock()
            await _pulse(store, school, now - timedelta(seconds=settings.cut_off_seconds))
            await _clock(store, school, now - timedelta(seconds=settings.clock_doubt_seconds))
            await _holds(store, school, now - timedelta(seconds=settings.hold_reach_seconds))
            await _reviews(store, school, now, timedelta(days=settings.review_days))
            await _use_by(store, school, now)
            await detect(store, school)
            await store.escalate(school)


async def _pulse(store: InspectorStore, school: str, late: datetime) -> None:
    """Cut off: nothing is known, so nothing is good."""
    row = await store.conn.fetchrow(
        "SELECT alive_at, first_heard FROM school_state WHERE school = $1", school
    )
    if row is None:
        await store.know(school)
        return
    since = row["alive_at"] or row["first_heard"]
    if since < late:
        if not await store.open_causes(school, Kind.CUT_OFF):
            await store.open(school, Cause(Kind.CUT_OFF, facts={"since": since.isoformat()}))
    else:
        await store.over(school, Kind.CUT_OFF)


async def _clock(store: InspectorStore, school: str, late: datetime) -> None:
    """Without a clock that it believes, a school erases nothing, not what is due either (R3.1)."""
    row = await store.conn.fetchrow(
        "SELECT clock_doubt, clock_doubted_at AS since FROM school_state"
        " WHERE school = $1 AND clock_doubted_at IS NOT NULL",
        school,
    )
    if row is None:
        await store.over(school, Kind.SITE_CLOCK)
    elif row["since"] < late and not await store.open_causes(school, Kind.SITE_CLOCK):
        facts = {"since": row["since"].isoformat(), "reason": row["clock_doubt"] or "clock-unconfirmed"}
        await store.open(school, Cause(Kind.SITE_CLOCK, facts=facts))


async def _holds(store: InspectorStore, school: str, late: datetime) -> None:
    """A hold must be in force soon after it was asked for, if its footage is over (R3.1)."""
    rows = await store.conn.fetch(
        'SELECT hold, camera, asked_at FROM hold WHERE school = $1 AND asked_at < $2 AND "end" < $2'
        " AND in_force_at IS NULL AND status IN ('asked', 'decided')",
        school,
        late,
    )
    known = await store.open_causes(school, Kind.HOLD) if rows else {}
    for row in rows:
        if row["hold"] in known:
            continue
        facts = {"since": row["asked_at"].isoformat(), "hold": row["hold"]}
        await store.open(school, Cause(Kind.HOLD, str(row["hold"]), str(row["camera"]), facts))


async def _reviews(store: InspectorStore, school: str, now: datetime, ahead: timedelta) -> None:
    """Extensions and cases that end soon: somebody must look whether their purpose still stands (R3.1)."""
    rows = await store.conn.fetch(
        "SELECT h.cause, min(h.until) AS until, min(x.number) AS number FROM hold h"
        " LEFT JOIN extension x ON (x.school, x.extension) = (h.school, h.cause)"
        " WHERE h.school = $1 AND h.source IN ('extension', 'case') AND h.ended_at IS NULL"
        " AND h.until > $2 AND h.until <= $3 AND h.status <> 'asked' GROUP BY h.cause",
        school,
        now,
        now + ahead,
    )
    due = {row["cause"]: row for row in rows}
    known = await store.open_causes(school, Kind.REVIEW)
    await store.over(school, Kind.REVIEW, [cause for cause in known if cause not in due])
    for cause, row in due.items():
        if cause not in known:
            facts = {"number": row["number"] or cause, "until": row["until"].isoformat()}
            await store.open(school, Cause(Kind.REVIEW, cause, facts=facts))


async def _use_by(store: InspectorStore, school: str, now: datetime) -> None:
    """A copy whose use-by date passed without a declaration is a violation (R4.4, R5.2)."""
    rows = await store.conn.fetch(
        "SELECT application FROM application WHERE school = $1 AND use_by < $2 AND use_declared IS NULL",
        school,
        now,
    )
    for row in rows:
        application = row["application"]
        await store.violate(school, "use-overdue", application, "R4.4", application=application)
