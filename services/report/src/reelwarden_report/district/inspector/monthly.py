"""What a monthly report tells besides the record of every inspection (R5.1): gathered from our own tables."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_report.district.inspector.cards import register_of
from reelwarden_report.district.inspector.domain import DayCoverage, Kind, Span
from reelwarden_report.district.inspector.monthly_rules import (
    EXPLAINING,
    Cause,
    Fault,
    Incident,
    Leg,
    Stood,
    by_cause,
    incident_of,
    legs,
    open_at,
    share,
    stood,
)
from reelwarden_report.district.inspector.quarters import Quarter, counted, quarters_back
from reelwarden_report.district.inspector.shapes import CameraRecord, Shape

DAYS = 31
MOST = 200
"""Rows of a table."""


class HeatRow(Shape):
    """One camera's days: how much of each is recorded, from 0 to 1; None: nothing is known of it."""

    camera: str
    shares: tuple[float | None, ...]
    first: date | None = None
    """Its first day in service; before there was nothing to record. None: not known."""


class Way(Shape):
    """One application, and how long its steps took."""

    number: str
    legs: tuple[Leg, ...]


class Release(Shape):
    """A copy that left (R4.4): for which purpose, as a category; the reason stays at the desk."""

    number: str
    at: datetime
    recipient: str
    purpose: str
    outsider: str | None
    """For whom, where it was not for the school itself."""
    use_by: datetime | None
    declared: str | None


class Erasure(Shape):
    """What was certified erased under one plan."""

    plan: str
    epoch: int | None
    version: int | None
    keep_days: str | None
    certificates: int
    cameras: int
    first_day: date
    last_day: date


class Offence(Shape):
    """One violation, without who (R5.2)."""

    kind: str
    grade: str
    rule: str
    at: datetime
    state: str
    outcome: str | None
    reported: bool


class Training(Shape):
    """How many know the rules in force (R6, R7)."""

    version: int
    people: int
    acknowledged: int
    at: datetime


class Word(Shape):
    """A suggestion and what became of it (R5.3)."""

    at: datetime
    text: str
    answer: str | None
    rules_version: int | None


class Filing(Shape):
    """A filing with the police, and what has changed since (条例 art. 14)."""

    number: str
    camera: str
    """Added, gone, or otherwise than was filed."""
    on: date


class Monthly(Shape):
    """All that a month's report adds."""

    days: tuple[date, ...]
    heat: tuple[HeatRow, ...]
    open: tuple[int, ...]
    """Findings that stood at the end of each day."""
    causes: tuple[Cause, ...]
    stood: tuple[Stood, ...]
    ways: tuple[Way, ...]
    filed: int
    approved: int
    refused: int
    releases: tuple[Release, ...]
    violations: tuple[Offence, ...]
    erasures: tuple[Erasure, ...]
    lapsed: int
    """Holds that ended."""
    training: Training | None
    words: tuple[Word, ...]
    quarter: Quarter | None = None
    """Suggestions of the quarter that the month ends in; None: written before they were counted."""
    filings: tuple[Filing, ...] | None = None
    """None: nobody has registered any."""


_FINDINGS = """
SELECT kind, camera, opened_at, closed_at, facts FROM finding
WHERE school = $1 AND (closed_at IS NULL OR closed_at >= $2) AND opened_at <= $3
"""
_LOST = 'SELECT camera, start, "end" FROM lost_segment WHERE school = $1 AND "end" >= $2 AND start <= $3'
_REJECTED = "SELECT camera, file_time FROM rejected_file WHERE school = $1 AND file_time BETWEEN $2 AND $3"
_STEPS = """
SELECT s.application, a.number, a.outsider, a.use_by, a.use_declared, s.step, s.at, s.facts
FROM application_step s JOIN application a USING (school, application)
WHERE s.school = $1 AND a.changed_at >= $2 AND s.at <= $3 ORDER BY s.at, s.event
"""
_VIOLATIONS = """
SELECT kind, grade, rule, at, state, outcome, reported FROM violation
WHERE school = $1 AND (at >= $2 OR closed_at IS NULL OR closed_at >= $2) AND at <= $3
ORDER BY at DESC LIMIT 200
"""
_ERASURES = """
SELECT e.plan, p.epoch, p.version, sum(e.segments)::int AS certificates,
    count(DISTINCT e.camera)::int AS cameras,
    min(e.day) AS first_day, max(e.day) AS last_day,
    string_agg(DISTINCT p.keep_days->>e.camera, ', ') AS keep_days
FROM erased_day e LEFT JOIN plan p ON (p.school, p.digest) = (e.school, e.plan)
WHERE e.school = $1 AND e.erased_to >= $2 AND e.erased_from <= $3 GROUP BY e.plan, p.epoch, p.version
ORDER BY max(e.erased_to) DESC LIMIT 200
"""
_WORDS = """
SELECT at, text, answer, rules_version FROM feedback
WHERE school = $1 AND (at >= $2 OR answered_at >= $2) AND at <= $3 ORDER BY at DESC LIMIT 200
"""
_MAINTENANCE = """
SELECT cameras, start, "end" FROM maintenance
WHERE school = $1 AND "end" >= $2 AND start <= $3 AND called_off_at IS NULL
"""
_LAPSED = "SELECT count(*) FROM hold WHERE school = $1 AND ended_at BETWEEN $2 AND $3"
_REFUSED = "SELECT count(*) FROM refusal WHERE school = $1 AND at BETWEEN $2 AND $3"


async def gather(
    pool: asyncpg.Pool,
    school: str,
    cameras: Sequence[CameraRecord],
    covered: Mapping[str, Sequence[DayCoverage]],
    period: tuple[datetime, datetime, ZoneInfo],
) -> Monthly:
    """The month that ends at a moment.

    Args:
        pool: Of our own schema.
        school: Whose.
        cameras: As this inspection found them, with their gaps.
        covered: Their days, as the index counted them.
        period: Since when, until when, and the district's zone.
    """
    since, now, zone = period
    spot = (school, since, now)
    rows = [{**r, "facts": json.loads(r["facts"])} for r in await pool.fetch(_FINDINGS, *spot)]
    faults = [Fault(r["kind"], r["opened_at"], r["closed_at"]) for r in rows if r["kind"] != Kind.DENIED]
    incidents = [incident_of(r, now) for r in rows if r["kind"] in EXPLAINING]
    incidents += [
        Incident(Kind.LOST, r["camera"], Span(r["start"], r["end"])) for r in await pool.fetch(_LOST, *spot)
    ]
    incidents += [
        Incident(Kind.REJECTED, r["camera"], Span(r["file_time"], r["file_time"]))
        for r in await pool.fetch(_REJECTED, *spot)
    ]
    incidents += [
        Incident("maintenance", camera, Span(r["start"], r["end"]))
        for r in await pool.fetch(_MAINTENANCE, *spot)
        for camera in r["cameras"] or [None]
    ]
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    known = {camera: {one.day: one for one in some} for camera, some in covered.items()}
    steps = await pool.fetch(_STEPS, *spot)
    gaps = {one.camera: [Span(*gap) for gap in one.gaps] for one in cameras}
    firsts = await _firsts(pool, school)
    return Monthly(
        days=tuple(days),
        heat=tuple(
            _heat_row(one.camera, known.get(one.camera, {}), firsts.get(one.camera), days, now, zone)
            for one in cameras
        ),
        open=tuple(open_at(faults, _end_of(day, now, zone)) for day in days),
        causes=by_cause(gaps, incidents),
        stood=stood(faults, now),
        ways=_ways(steps),
        filed=_count(steps, "filed", since),
        approved=_count(steps, "approved", since),
        refused=await pool.fetchval(_REFUSED, *spot),
        releases=_releases(steps, since),
        violations=tuple(Offence.model_validate(dict(r)) for r in await pool.fetch(_VIOLATIONS, *spot)),
        erasures=tuple(Erasure.model_validate(dict(r)) for r in await pool.fetch(_ERASURES, *spot)),
        lapsed=await pool.fetchval(_LAPSED, *spot),
        training=await _training(pool, school),
        filings=await _filings(pool, cameras, school),
        quarter=await counted(pool, [school], quarters_back(now, zone)[0], zone),
        words=tuple(Word.model_validate(dict(r)) for r in await pool.fetch(_WORDS, *spot)),
    )


async def _firsts(pool: asyncpg.Pool, school: str) -> dict[str, datetime]:
    """The first footage of each camera, whatever was erased since."""
    rows = await pool.fetch("SELECT camera, first_start FROM camera_state WHERE school = $1", school)
    return {row["camera"]: row["first_start"] for row in rows if row["first_start"]}


def _heat_row(
    camera: str,
    covered: Mapping[date, DayCoverage],
    first: datetime | None,
    days: Sequence[date],
    now: datetime,
    zone: ZoneInfo,
) -> HeatRow:
    since = first.astimezone(zone).date() if first else None
    shares = (
        None if since is None or day < since else share(covered.get(day), day, now, zone, first)
        for day in days
    )
    return HeatRow(camera=camera, shares=tuple(shares), first=since)


def _end_of(day: date, now: datetime, zone: ZoneInfo) -> datetime:
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    return min(now, midnight)


def _count(steps: Sequence[asyncpg.Record], step: str, since: datetime) -> int:
    return sum(r["step"] == step and r["at"] >= since for r in steps)


def _ways(steps: Sequence[asyncpg.Record]) -> tuple[Way, ...]:
    found: dict[str, list[asyncpg.Record]] = {}
    for row in steps:
        found.setdefault(row["application"], []).append(row)
    ways = [
        Way(number=some[0]["number"] or name[:12], legs=legs([(r["step"], r["at"]) for r in some]))
        for name, some in found.items()
    ]
    return tuple(ways[:MOST])


def _releases(steps: Sequence[asyncpg.Record], since: datetime) -> tuple[Release, ...]:
    purposes = {
        r["application"]: json.loads(r["facts"]).get("purpose") or "" for r in steps if r["step"] == "filed"
    }
    found = [
        Release(
            number=r["number"] or r["application"][:12],
            at=r["at"],
            recipient=str(json.loads(r["facts"]).get("recipient") or ""),
            purpose=purposes.get(r["application"], ""),
            outsider=r["outsider"],
            use_by=r["use_by"],
            declared=r["use_declared"],
        )
        for r in steps
        if r["step"] == "copy-released" and r["at"] >= since
    ]
    return tuple(found[:MOST])


async def _filings(
    pool: asyncpg.Pool, cameras: Sequence[CameraRecord], school: str
) -> tuple[Filing, ...] | None:
    """What is stale of the newest filing, camera by camera; None: there is none."""
    _, filings = await register_of(pool, [school])
    newest = filings.get(school)
    if newest is None:
        return None
    names = {one.camera: one.name for one in cameras}
    return tuple(
        Filing(number=newest.number, camera=names.get(one, one), on=newest.filed_on) for one in newest.changes
    )


async def _training(pool: asyncpg.Pool, school: str) -> Training | None:
    row: Any = await pool.fetchrow("SELECT * FROM training_count WHERE school = $1", school)
    if row is None:
        return None
    return Training(
        version=row["rules_version"],
        people=row["people"],
        acknowledged=row["acknowledged"],
        at=row["counted_at"],
    )
