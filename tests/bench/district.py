"""The index at a district's size: looking up, covering, and letting a day go, with many rows and with few.

Rows are made by the database itself; what is asked of them is asked with the index's own queries, functions
and role. Many minutes and 25 GB of disk; `BENCH_MILLIONS=5` makes it smaller.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from reelwarden_common.events.ingest import CoverageQuery, SegmentsQuery
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_ingest.district.index import queries
from reelwarden_ingest.district.index.footage import KnownDays
from reelwarden_ingest.district.index.store import IndexStore
from reelwarden_ingest.district.index.upkeep import Upkeep
from reelwarden_local.servers import Postgres
from tests.support.ingest import migrated

MILLIONS = int(os.environ.get("BENCH_MILLIONS", "50"))
SCHOOLS, CAMERAS = 10, 20
"""A day of them, a segment each ten seconds: 1.7 million rows."""
FILLING = ("max_wal_size = '16GB'", "checkpoint_timeout = '30min'", "synchronous_commit = off")
"""So that making the rows does not take longer than asking for them; what is measured only reads, or commits
once."""
LOOKUPS = 3000
TWENTY_MINUTES = timedelta(minutes=20)
LARGE_DAY, SMALL_DAY, HELD = 10_000_000, 1_000_000, 100
FILL = """
INSERT INTO ingest.segments (school, camera, start_at, end_at, digest, id, duration_ms, size, codec, width,
    height, time_source, uncertainty_ms, locator, file_time, said_at, status)
SELECT school, camera, start_at, start_at + $4, sha256(key), substr(sha256(key), 1, 16),
    extract(epoch FROM $4::interval) * 1000, 2500000, 'h264', 1920, 1080, 'name', 1000,
    'recordings/' || to_char(start_at, 'YYYY-MM-DD/HH24') || '/' || camera
        || to_char(start_at, '/MI.SS') || '.mp4',
    start_at + $4, start_at + $4, 'recorded'
FROM (SELECT 's' || lpad(s::text, 3, '0') AS school, 'c' || lpad(c::text, 4, '0') AS camera,
        $1::timestamptz + n * $4::interval AS start_at
    FROM generate_series(1, $2::integer) s, generate_series(1, $3::integer) c,
        generate_series(0, $5::integer - 1) n) places,
LATERAL (SELECT convert_to(school || camera || start_at, 'UTF8') AS key) keys
"""

_HOURS = """
WITH known AS (
    UPDATE ingest.cameras SET complete_to = $2 WHERE school = 's001' AND camera <= 'c0200'
    RETURNING school, camera
)
INSERT INTO ingest.hours (school, camera, hour)
SELECT school, camera, h
FROM known, generate_series($1::timestamptz, $2 - interval '1 hour', interval '1 hour') h"""


def run() -> list[dict[str, Any]]:
    """Lookup, coverage and expiry."""
    return asyncio.run(_run())


async def _run() -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        async with Postgres(Path(folder)) as server:
            pool = await open_pool(await migrated(server.admin_url()), "ingest")
            admin = await server.admin()
            for setting in FILLING:
                await admin.execute(f"ALTER SYSTEM SET {setting}")
            await admin.execute("SELECT pg_reload_conf()")
            try:
                return [
                    await _lookup(server, admin, pool),
                    await _coverage(admin, pool),
                    await _expiry(admin, pool),
                ]
            finally:
                await admin.close()
                await pool.close()


def _day(back: int) -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)


async def _fill(
    admin: asyncpg.Connection, start: datetime, schools: int, cameras: int, step: timedelta, count: int
) -> None:
    sys.stderr.write(f"{schools * cameras * count} rows of {start:%Y-%m-%d} …\n")
    await admin.execute("SET search_path TO ingest")
    await admin.execute(
        "INSERT INTO cameras (school, camera, longest_ms) SELECT 's' || lpad(s::text, 3, '0'),"
        " 'c' || lpad(c::text, 4, '0'), extract(epoch FROM $3::interval) * 1000"
        " FROM generate_series(1, $1::integer) s, generate_series(1, $2::integer) c ON CONFLICT DO NOTHING",
        schools,
        cameras,
        step,
    )
    await admin.execute("SELECT make_day($1)", start.date())
    await admin.execute(FILL, start, schools, cameras, step, count)
    await admin.execute(f"ANALYZE ingest.segments_{start:%Y%m%d}")


async def _lookup(server: Postgres, admin: asyncpg.Connection, pool: asyncpg.Pool) -> dict[str, Any]:
    """The 99th of a hundred lookups, in ms, among all days and among one, which is in a database of its own.

    A lookup here and a lookup there in turn: what else the machine does weighs on both.
    """
    days = max(2, round(MILLIONS * 1e6 / (SCHOOLS * CAMERAS * 8640)))
    await admin.execute("CREATE DATABASE few")
    small, small_pool = (
        await server.admin("few"),
        await open_pool(await migrated(server.admin_url("few")), "ingest"),
    )
    try:
        await _fill(small, _day(3), SCHOOLS, CAMERAS, timedelta(seconds=10), 8640)
        for back in range(3, 3 + days):
            await _fill(admin, _day(back), SCHOOLS, CAMERAS, timedelta(seconds=10), 8640)
        await admin.execute("CHECKPOINT")
        await _lookups((small_pool, pool), (1, days), LOOKUPS // 3)
        few, many = await _lookups((small_pool, pool), (1, days), LOOKUPS)
    finally:
        await small.close()
        await small_pool.close()
    return {
        "name": "lookup",
        "ours": round(many, 2),
        "reference": round(few, 2),
        "ratio": round(many / few, 3),
        "rows": days * SCHOOLS * CAMERAS * 8640,
        "target": 1.5,
        "ok": many / few <= 1.5 and many < 10,
    }


async def _lookups(pools: Sequence[asyncpg.Pool], days: Sequence[int], count: int) -> list[float]:
    chance = random.Random(7)
    took: list[list[float]] = [[] for _ in pools]
    for _ in range(count):
        for pool, filled, times in zip(pools, days, took, strict=True):
            async with pool.acquire() as conn:
                times.append(await _look(conn, filled, chance))
    return [quantiles(times, n=100)[98] for times in took]


async def _look(conn: Any, days: int, chance: random.Random) -> float:
    start = _day(3 + chance.randrange(days)) + timedelta(seconds=chance.randrange(84_000))
    question = SegmentsQuery(
        school=f"s{chance.randint(1, SCHOOLS):03}",
        camera=f"c{chance.randint(1, CAMERAS):04}",
        start=start,
        end=start + TWENTY_MINUTES,
    )
    began = time.perf_counter()
    async with conn.transaction():
        answer = await queries.segments(conn, question)
    took = 1000 * (time.perf_counter() - began)
    if len(answer.segments) < 120:
        raise RuntimeError(f"{question} found {len(answer.segments)} segments")
    return took


async def _coverage(admin: asyncpg.Connection, pool: asyncpg.Pool) -> dict[str, Any]:
    """A school-day of 200 cameras and 288,000 segments, in ms, against counting its rows.

    `uncounted_ms` is the same before the index had counted the day's hours (it does once they are complete).
    """
    start, end = _day(2), _day(1)
    await _fill(admin, start, 1, 200, timedelta(minutes=1), 1440)
    await admin.execute("DELETE FROM hours")
    await admin.execute(_HOURS, start, end)
    await admin.execute("ANALYZE hours")
    units = PgUnits(pool, "index", lambda conn: IndexStore(conn, KnownDays(), timedelta(0)))
    async with pool.acquire() as conn:
        question = CoverageQuery(school="s001", start=start, end=end)
        uncounted = [await _timed(lambda: queries.coverage(conn, question)) for _ in range(7)]
        await Upkeep(units, timedelta(minutes=1)).count_coverage()
        await admin.execute("VACUUM ANALYZE hours")
        took = [await _timed(lambda: queries.coverage(conn, question)) for _ in range(7)]
        query = "SELECT count(*) FROM segments WHERE school = 's001' AND start_at >= $1 AND start_at < $2"
        bare = [await _timed(lambda: conn.fetchval(query, start, end)) for _ in range(7)]
    ours, reference = 1000 * median(took), 1000 * median(bare)
    return {
        "name": "coverage",
        "ours": round(ours, 1),
        "reference": round(reference, 1),
        "ratio": round(reference / ours, 3),
        "target": 200.0,
        "ok": ours < 200,
        "uncounted_ms": round(1000 * median(uncounted), 1),
    }


async def _expiry(admin: asyncpg.Connection, pool: asyncpg.Pool) -> dict[str, Any]:
    """The longest lookup elsewhere, in ms, while a large day leaves and while a small one does."""
    worst, whole = [], []
    for back, rows in ((40, SMALL_DAY), (41, LARGE_DAY)):
        day = _day(back)
        cameras = rows // 10_000
        await _fill(admin, day, 1, cameras, timedelta(seconds=8), 10_000)
        partition = f"ingest.segments_{day:%Y%m%d}"
        await admin.execute(f"UPDATE {partition} SET status = 'erased'")
        await admin.execute(f"VACUUM ANALYZE {partition}")
        held = f"SELECT ctid FROM {partition} LIMIT {HELD}"
        await admin.execute(f"UPDATE {partition} SET status = 'recorded' WHERE ctid IN ({held})")
        async with _looking(pool) as waits:
            began = time.perf_counter()
            left = await _leave(pool, day.date())
            whole.append(time.perf_counter() - began)
        if left != cameras * 10_000 - HELD:
            raise RuntimeError(f"{left} of {rows} rows left")
        worst.append(1000 * max(waits))
    small, large = worst
    return {
        "name": "expiry",
        "ours": round(large, 1),
        "reference": round(small, 1),
        "ratio": round(large / small, 3),
        "seconds_in_all": [round(seconds, 2) for seconds in whole],
        "target": 2.0,
        "ok": large / small <= 2 and large < 1000,
    }


async def _leave(pool: asyncpg.Pool, day: date) -> int | None:
    async with pool.acquire() as conn, conn.transaction():
        gone: int | None = await conn.fetchval("SELECT shrink_day($1)", day)
        return gone


@asynccontextmanager
async def _looking(pool: asyncpg.Pool) -> AsyncIterator[list[float]]:
    """Lookups go on and are timed, in seconds."""
    waits: list[float] = []
    start = _day(3)
    question = SegmentsQuery(school="s001", camera="c0001", start=start, end=start + TWENTY_MINUTES)

    async def look() -> None:
        async with pool.acquire() as conn:
            while True:
                waits.append(await _timed(lambda: _within(conn, question)))

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.5)
    waits.clear()
    try:
        yield waits
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _within(conn: Any, question: SegmentsQuery) -> None:
    async with conn.transaction():
        await queries.segments(conn, question)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began
