"""Suggestions by the quarter of local time (R5.3): counted where they lie, not in a list that may be cut."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector.domain import Span, day_span
from reelwarden_report.district.inspector.shapes import FeedbackView, Shape

QUARTERS_SHOWN = 8
MOST_LISTED = 500
_COUNTED = """
SELECT count(*)::int AS received, count(answered_at)::int AS answered, count(rules_version)::int AS led
FROM feedback WHERE school = ANY($1) AND at >= $2 AND at < $3
"""
_LISTED = """
SELECT feedback, school, text, at, answered_at, answer, rules_version FROM feedback
WHERE school = ANY($1) AND (at >= $2 AND at < $3) = $4 AND ($4 OR answered_at IS NULL)
ORDER BY at DESC LIMIT $5
"""


class Quarter(Shape):
    """How many suggestions came in a quarter, and what became of them since."""

    name: str
    received: int
    answered: int
    led: int
    """To another version of the rules."""

    def said(self) -> Text:
        """In words."""
        words = N_("%(received)s received, %(answered)s answered, %(led)s led to a change of the rules.")
        return Text(words, received=self.received, answered=self.answered, led=self.led)


def quarters_back(now: datetime, zone: ZoneInfo) -> list[str]:
    """The last quarters, this one first."""
    today = now.astimezone(zone).date()
    number = today.year * 4 + (today.month - 1) // 3
    return [f"{one // 4}-Q{one % 4 + 1}" for one in range(number, number - QUARTERS_SHOWN, -1)]


def span_of(quarter: str, zone: ZoneInfo) -> Span:
    """From its first local midnight to the next quarter's.

    >>> [str(one) for one in span_of("2026-Q4", ZoneInfo("Asia/Shanghai"))]
    ['2026-09-30 16:00:00+00:00', '2026-12-31 16:00:00+00:00']
    """
    year, _, number = quarter.partition("-Q")
    first = int(year) * 12 + (int(number) - 1) * 3
    start, end = (date(month // 12, month % 12 + 1, 1) for month in (first, first + 3))
    return Span(day_span(start, zone).start, day_span(end, zone).start)


async def counted(pool: asyncpg.Pool, schools: Sequence[str], quarter: str, zone: ZoneInfo) -> Quarter:
    """All of a quarter."""
    [row] = await pool.fetch(_COUNTED, list(schools), *span_of(quarter, zone))
    return Quarter(name=quarter, **dict(row))


async def listed(
    pool: asyncpg.Pool, schools: Sequence[str], quarter: str, zone: ZoneInfo, *, others: bool = False
) -> list[FeedbackView]:
    """Those of a quarter, the newest first; `others`: what came in any other and is not answered yet."""
    rows = await pool.fetch(_LISTED, list(schools), *span_of(quarter, zone), not others, MOST_LISTED)
    return [FeedbackView.model_validate(dict(row)) for row in rows]
