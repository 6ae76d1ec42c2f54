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
"""The longest are told, where there are more."""


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
        missing=(await covered(conn, *place, question.start, max(question.start, end))).gaps,
        away=tuple(_segment(r) for r in rows if r["status"] == "lost"),
    )


async def covered(
    conn: Connection, school: str, camera: str, start: datetime, end: datetime
) -> CameraCoverage:
    """Return how one camera's span is covered by segments on the disk."""
    longest = await conn.fetchval(_LONGEST, school, [camera]) or LONGEST
    return _coverage((await conn.fetch(_COVERAGE, school, [camera], start, end, start - longest))[0])


async def coverage(conn: Connection, question: CoverageQuery) -> CoverageAnswer:
    """Return how one camera, or each of a school, covers a span.

    Raises:
        Refused: the span ends before it starts, or no school is named.
    """
    _check(question.school, question.start, question.end)
    cameras = [question.camera] if question.camera else None
    longest = await conn.fetchval(_LONGEST, question.school, cameras) or LONGEST
    span = (question.start, question.end, question.start - longest)
    rows = await conn.fetch(_COVERAGE, question.school, cameras, *span)
    return CoverageAnswer(cameras=tuple(_coverage(r) for r in rows))


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
    )


_SEGMENTS = """
SELECT * FROM segments
WHERE school = $1 AND camera = $2 AND start_at >= $3 AND start_at < $5
  AND end_at > $4 AND status <> 'erased'
ORDER BY start_at, digest LIMIT $6"""
_CAMERA = """
SELECT complete_to, longest_ms * interval '1 millisecond' AS longest FROM cameras
WHERE school = $1 AND camera = $2"""
_LONGEST = """
SELECT max(longest_ms) * interval '1 millisecond' FROM cameras
WHERE school = $1 AND ($2::text[] IS NULL OR camera = ANY ($2))"""
# A gap counts where it is longer than both sides' uncertainty: covered spans are widened by it to see that,
# and the gap is told as it is.
_COVERAGE = f"""
WITH asked AS (
    SELECT camera FROM cameras WHERE school = $1 AND $2::text[] IS NULL
    UNION SELECT unnest($2::text[])
), held AS (
    SELECT camera, start_at, end_at,
        make_interval(secs => (uncertainty_ms + {JITTER_MS / 2}) / 1000.0) AS unsure
    FROM segments
    WHERE school = $1 AND ($2 IS NULL OR camera = ANY ($2))
      AND start_at >= $5 AND start_at < $4 AND end_at > $3
      AND status IN ('recorded', 'altered')
), cover AS (
    SELECT camera, count(*) AS segments, min(start_at) AS first, max(end_at) AS last,
        range_agg(tstzrange(start_at, end_at)) AS exact,
        range_agg(tstzrange(start_at - unsure, end_at + unsure)) AS wide
    FROM held GROUP BY camera
), spans AS (
    SELECT camera, coalesce(segments, 0) AS segments, first, last,
        tstzmultirange(tstzrange($3, $4)) AS span,
        coalesce(exact, '{{}}'::tstzmultirange) AS exact, coalesce(wide, '{{}}'::tstzmultirange) AS wide
    FROM asked FULL JOIN cover USING (camera)
)
SELECT camera, segments, first, last,
    (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r)) * 1000), 0)::bigint
     FROM unnest(exact * span) r) AS recorded_ms,
    (SELECT coalesce(array_agg(g ORDER BY g), '{{}}'::tstzrange[]) FROM unnest(span - exact) g
     WHERE NOT g <@ wide) AS gaps
FROM spans ORDER BY camera"""  # noqa: S608 - a constant of ours
