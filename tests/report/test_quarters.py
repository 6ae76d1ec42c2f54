"""Suggestions are counted by the quarter of local time, all of them, however many are listed (R5.3)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_report.district.inspector.quarters import MOST_LISTED, counted, listed, quarters_back, span_of

ZONE = ZoneInfo("Asia/Shanghai")


def test_quarters_begin_at_local_midnight() -> None:
    assert span_of("2026-Q1", ZONE).start == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert span_of("2026-Q4", ZONE).end == span_of("2027-Q1", ZONE).start
    assert quarters_back(datetime(2025, 12, 31, 17, tzinfo=UTC), ZONE)[:2] == ["2026-Q1", "2025-Q4"]


async def test_more_than_are_listed_are_counted(report_pool: asyncpg.Pool) -> None:
    await report_pool.execute(
        "INSERT INTO feedback (feedback, school, text, at, answered_at, answer, rules_version)"
        " SELECT 'q' || n, CASE WHEN n % 7 = 0 THEN 's002' ELSE 's001' END, 'x',"
        " $1::timestamptz + make_interval(mins => n),"
        " CASE WHEN n % 2 = 0 THEN $1::timestamptz END, CASE WHEN n % 2 = 0 THEN 'y' END,"
        " CASE WHEN n % 10 = 0 THEN 1 END FROM generate_series(-1000, 2999) n",
        datetime(2026, 6, 30, 16, tzinfo=UTC),
    )
    found = await counted(report_pool, ["s001", "s002"], "2026-Q3", ZONE)
    assert (found.received, found.answered, found.led) == (3000, 1500, 300)
    earlier = await counted(report_pool, ["s001", "s002"], "2026-Q2", ZONE)
    assert (earlier.received, earlier.answered, earlier.led) == (1000, 500, 100)
    assert (await counted(report_pool, ["s002"], "2026-Q3", ZONE)).received == 429
    shown = await listed(report_pool, ["s001"], "2026-Q3", ZONE)
    waiting = await listed(report_pool, ["s001"], "2026-Q3", ZONE, others=True)
    assert len(shown) == MOST_LISTED
    assert {one.school for one in shown} == {"s001"}
    start = span_of("2026-Q3", ZONE).start
    assert min(one.at for one in shown) >= start > max(one.at for one in waiting)
    assert all(one.answered_at is None for one in waiting)
