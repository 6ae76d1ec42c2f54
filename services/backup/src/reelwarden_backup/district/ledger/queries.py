"""Answers from the ledger: which copies there are, and when they were last read back (R3.2, R4.1)."""

from datetime import timedelta

import asyncpg

from reelwarden_common.errors import Refused
from reelwarden_common.events.backup import CopiesAnswer, CopiesQuery, Copy
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import LEDGER_COPIES

LONGEST = timedelta(hours=24)
"""No segment is longer: one that reaches into a span began at most so long before."""
_WHICH = "FROM objects WHERE school = $1 AND camera = $2 AND start_at >= $3 AND start_at < $5 AND end_at > $4"
_COPIES = f"SELECT * {_WHICH} ORDER BY start_at, stored_at LIMIT $6"
_TOTALS = f"""
SELECT count(*) AS total, count(*) FILTER (WHERE state = 'verified') AS verified,
    count(*) FILTER (WHERE state = 'unverified') AS unverified,
    count(*) FILTER (WHERE state = 'corrupt') AS corrupt, count(*) FILTER (WHERE state = 'erased') AS erased,
    max(stored_at) AS last_stored_at, max(checked_at) AS last_read_back_at,
    min(checked_at) FILTER (WHERE state = 'verified') AS oldest_read_back_at {_WHICH}
"""


def answers(pool: asyncpg.Pool) -> tuple[Answer, ...]:
    """The questions that the ledger answers."""

    async def copies(question: CopiesQuery) -> CopiesAnswer:
        return await copies_of(pool, question)

    return (Answer(LEDGER_COPIES, CopiesQuery, copies),)


async def copies_of(pool: asyncpg.Pool, question: CopiesQuery) -> CopiesAnswer:
    """What is known of the copies of a span.

    Raises:
        Refused: the span ends before it starts.
    """
    if question.end <= question.start:
        raise Refused("the span must end after it starts")
    span = (question.start - LONGEST, question.start, question.end)
    place = (question.school, question.camera)
    rows = await pool.fetch(_COPIES, *place, *span, question.limit)
    totals = await pool.fetchrow(_TOTALS, *place, *span)
    return CopiesAnswer(copies=tuple(_copy(row) for row in rows), **dict(totals or {}))


def _copy(row: asyncpg.Record) -> Copy:
    return Copy(
        segment=row["segment"],
        start=row["start_at"],
        end=row["end_at"],
        size=row["size"],
        bucket=row["bucket"],
        key=row["key"],
        stored_at=row["stored_at"],
        state=row["state"],
        read_back_at=row["checked_at"],
        locked_until=row["locked_until"],
        erased_at=row["erased_at"],
    )
