"""Answers from the index: which segments, and how a span is covered."""

from datetime import datetime

import asyncpg

from reelwarden_common.errors import Refused
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import (
    CameraCoverage,
    CoverageAnswer,
    CoverageQuery,
    Segment,
    SegmentsAnswer,
    SegmentsQuery,
    TimeSource,
)
from reelwarden_common.messaging.postgres import Connection
from reelwarden_ingest.district.index.domain import JITTER_MS, LONGEST

SEGMENTS_AN_ANSWER = 1500
"""What the bus takes as one answer, with room to spare."""
GAPS_A_CAMERA = 200
"""The longest are told, where there are more; the answer says how many are left out."""


async def segments(conn: Connection, question: SegmentsQuery) -> SegmentsAnswer:
    """Return the segments that overlap a span and should be on the disk, and what they leave uncovered.

    Where there are more than one answer holds, `complete_to` is where it breaks off: ask again from there.

    Raises:
        Refused: the span ends before it starts, or no school is named.
    """
    _check(question.school, question.start, question.end)
    place = (question.school, question.camera)
    camera = await conn.fetchrow(_CAMERA, *place)
    complete_to, longest = (camera["complete_to"], camera["longest"]) if camera else (None, LONGEST)
    span = (question.start - longest, question.start, question.end)
    await conn.execute(_PLANNED_ONCE)
    rows = await conn.fetch(_SEGMENTS, *place, *span, SEGMENTS_AN_ANSWER + 1)
    end = question.end
    if len(rows) > SEGMENTS_AN_ANSWER:
        end = rows[-1]["start_at"]
        complete_to = min(end, complete_to or end)
        rows = rows[:-1]
    found = [r for r in rows if r["status"] != "lost"]
    return SegmentsAnswer(
        segments=tuple(_segment(r) for r in found),
        complete_to=complete_to,
        missing=(await _covered(conn, *place, question.start, max(question.start, end))).gaps,
        away=tuple(_segment(r) for r in rows if r["status"] == "lost"),
    )


async def covered(
    conn: Connection, school: str, camera: str, start: datetime, end: datetime
) -> CameraCoverage:
    """Return how one camera's span is covered by segments on the disk."""
    await conn.execute(_PLANNED_ONCE)
    return await _covered(conn, school, camera, start, end)


async def _covered(
    conn: Connection, school: str, camera: str, start: datetime, end: datetime
) -> CameraCoverage:
    return _coverage((await conn.fetch(_COVERAGE_OF_ONE, school, start, end, camera))[0])


async def coverage(conn: Connection, question: CoverageQuery) -> CoverageAnswer:
    """Return how one camera, or each of a school, covers a span.

    Raises:
        Refused: the span ends before it starts, or no school is named.
    """
    _check(question.school, question.start, question.end)
    if question.camera:
        one = await covered(conn, question.school, question.camera, question.start, question.end)
        return CoverageAnswer(cameras=(one,))
    rows = await conn.fetch(_COVERAGE, question.school, question.start, question.end)
    return CoverageAnswer(cameras=tuple(_coverage(r) for r in rows))


async def keep_counted(conn: Connection, school: str, camera: str, hour: datetime) -> None:
    """Keep what a camera-hour comes to, until its segments change: `coverage` adds up such hours."""
    await conn.execute(_KEEP, school, camera, hour)


def _check(school: str, start: datetime, end: datetime) -> None:
    if not school:
        raise Refused("the question names no school")
    if end < start:
        raise Refused("the span ends before it starts")


def _segment(row: asyncpg.Record) -> Segment:
    return Segment.model_construct(
        id=row["id"].hex(),
        camera=row["camera"],
        start=row["start_at"],
        end=row["end_at"],
        duration_ms=row["duration_ms"],
        size=row["size"],
        digest=row["digest"].hex(),
        codec=row["codec"],
        width=row["width"],
        height=row["height"],
        time_source=TimeSource(row["time_source"]),
        uncertainty_ms=row["uncertainty_ms"],
        locator=row["locator"],
        file_time=row["file_time"],
    )


def _coverage(row: asyncpg.Record) -> CameraCoverage:
    spans = [CameraSpan(camera=row["camera"], start=g.lower, end=g.upper) for g in row["gaps"]]
    longest = sorted(spans, key=lambda s: s.duration, reverse=True)[:GAPS_A_CAMERA]
    return CameraCoverage(
        camera=row["camera"],
        recorded_ms=row["recorded_ms"],
        gaps=tuple(sorted(longest, key=lambda s: s.start)),
        first=row["first"],
        last=row["last"],
        segments=row["segments"],
        gaps_left_out=len(spans) - len(longest),
    )


_SEGMENTS = """
SELECT * FROM segments
WHERE school = $1 AND camera = $2 AND start_at >= $3 AND start_at < $5
  AND end_at > $4 AND status <> 'erased'
ORDER BY start_at, digest LIMIT $6"""
_CAMERA = """
SELECT complete_to, longest_ms * interval '1 millisecond' AS longest FROM cameras
WHERE school = $1 AND camera = $2"""


def _coverage_of(cameras: str, unknown: str, hours: str) -> str:
    """How cameras of a school ($1) cover a span ($2 to $3).

    Whole hours that were counted, and what of the span is left over from its segments. Pieces know what they
    cover and, widened by uncertainty, which gaps do not count; a gap is told as it is. What reaches into the
    span is looked for camera by camera (OFFSET 0): joined as a whole, PostgreSQL reads all days before it.
    """
    return f"""
WITH asked AS (
    SELECT camera, longest_ms * interval '1 millisecond' AS longest FROM cameras
    WHERE school = $1{cameras}{unknown}
), counted AS (
    SELECT * FROM hours
    WHERE school = $1{hours} AND cover IS NOT NULL
      AND hour >= $2 AND hour <= $3::timestamptz - interval '1 hour'
), known AS (
    SELECT camera, range_agg(tstzrange(hour, hour + interval '1 hour')) AS hours FROM counted GROUP BY camera
), pieces AS (
    SELECT camera, segments, first, last, recorded, cover, wide FROM counted
    UNION ALL
    SELECT camera, c.* FROM asked LEFT JOIN known USING (camera),
        unnest(tstzmultirange(tstzrange($2, $3)) - coalesce(hours, '{{}}')) span,
        cover_of($1, camera, lower(span), upper(span), longest, {JITTER_MS}) c
    UNION ALL
    SELECT a.camera, 1, start_at, end_at, '0', '{{}}', '{{}}' FROM asked a, LATERAL (
        SELECT start_at, end_at FROM segments s WHERE s.school = $1 AND s.camera = a.camera
            AND start_at >= $2::timestamptz - interval '{LONGEST}' AND start_at >= $2 - a.longest
            AND start_at < $2 AND end_at > $2 AND status IN ('recorded', 'altered')
        OFFSET 0) reaching
    WHERE $2 < $3
), summed AS MATERIALIZED (
    SELECT camera, sum(segments)::bigint AS segments, min(first) AS first, max(last) AS last,
        sum(recorded) AS recorded, range_agg(cover) AS cover, range_agg(wide) AS wide
    FROM pieces GROUP BY camera
)
SELECT camera, coalesce(segments, 0) AS segments, first, last,
    (extract(epoch FROM coalesce(recorded, '0')) * 1000)::bigint AS recorded_ms,
    (SELECT coalesce(array_agg(g ORDER BY g), '{{}}'::tstzrange[])
     FROM unnest(tstzmultirange(tstzrange($2, $3)) - coalesce(cover, '{{}}')) g
     WHERE NOT g <@ coalesce(wide, '{{}}')) AS gaps
FROM asked LEFT JOIN summed USING (camera) ORDER BY camera"""  # noqa: S608 - ours


_COVERAGE = _coverage_of("", "", "")
_COVERAGE_OF_ONE = _coverage_of(
    " AND camera = $4",
    f"""
    UNION ALL
    SELECT $4::text, interval '{LONGEST}'
    WHERE NOT EXISTS (SELECT 1 FROM cameras WHERE school = $1 AND camera = $4)""",  # noqa: S608 - ours
    " AND camera = $4",
)
# A day is a partition: to plan what looks into one of thirty takes five times as long as to look.
_PLANNED_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan"
_KEEP = f"""
UPDATE hours h SET segments = c.segments, first = c.first, last = c.last, recorded = c.recorded,
    cover = c.cover, wide = c.wide
FROM cameras k, cover_of($1, $2, $3::timestamptz, $3::timestamptz + interval '1 hour',
    k.longest_ms * interval '1 millisecond', {JITTER_MS}) c
WHERE k.school = $1 AND k.camera = $2 AND h.school = $1 AND h.camera = $2 AND h.hour = $3"""  # noqa: S608 - ours
