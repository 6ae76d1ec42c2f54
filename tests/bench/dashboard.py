"""The dashboard of a whole district: 100 schools with 200 cameras each and 30 days of coverage.

The real role on a real database, asked over HTTP by one who sees everything: the district, each school, a
camera of each. Meanwhile another watches the first page, so that it is read anew every second as well.
"""

import asyncio
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx

from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import settle_memory
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.servers import Postgres
from reelwarden_report.district.inspector.held import recount
from reelwarden_report.district.inspector.store import InspectorStore
from tests.report.district import HASH, inspector, migrated, signed_in

SCHOOLS, CAMERAS, DAYS = 100, 200, 30
TARGET_MS = 200
ASKED = 100
"""Times that each kind of page is asked for."""
ZONE = ZoneInfo("Asia/Shanghai")

_COVERAGE = """
INSERT INTO camera_day SELECT school, camera, day, recorded, 8640,
  CASE WHEN recorded < 86400000 THEN jsonb_build_array(jsonb_build_array(noon, noon + interval '2 hours'))
    ELSE '[]' END, midnight, midnight + interval '24 hours', false, now()
FROM (SELECT school, camera, day::date AS day, day::timestamp AT TIME ZONE 'Asia/Shanghai' AS midnight,
    (day::timestamp + interval '12 hours') AT TIME ZONE 'Asia/Shanghai' AS noon,
    CASE WHEN hashtext(school || camera || day::text) % 20 = 0 THEN 79200000 ELSE 86400000 END AS recorded
  FROM camera_register, generate_series($1::date - $2::int, $1::date, interval '1 day') AS day) AS days
"""
_CAMERAS = """
INSERT INTO camera_state SELECT school, camera, now() - interval '60 days', now(),
  CASE WHEN hashtext(school || camera) % 50 = 0 THEN now() - interval '1 hour' END, 0 FROM camera_register
"""
_FORECASTS = "INSERT INTO camera_forecast SELECT school, camera, 30, 31, 30, 20000000000 FROM camera_register"
_FINDINGS = """
INSERT INTO finding (finding, school, kind, cause, camera, severity, facts, opened_at, deadline, seen_at)
SELECT school || camera, school, 'camera-silent', camera, camera, 'serious',
  jsonb_build_object('since', silent_since), now(), now() + interval '1 day', now()
FROM camera_state WHERE silent_since IS NOT NULL
"""
_SCHOOLS = """
INSERT INTO school_state (school, first_heard, alive_at, disk_total, disk_free, forecast_days, stored,
  read_back, read_back_at, forecast_at)
SELECT DISTINCT school, now(), now() + interval '1 day', 400000000000000, 9000000000000, 40, 100000,
  2000, now(), now()
FROM camera_register
ON CONFLICT (school) DO UPDATE SET alive_at = excluded.alive_at, disk_total = excluded.disk_total,
  disk_free = excluded.disk_free, stored = excluded.stored
"""


def run() -> list[dict[str, Any]]:
    """Milliseconds of each kind of page, at the 95th percentile."""
    return asyncio.run(_run())


async def _run() -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        toml = a_large_district(root)
        async with Postgres(root / "postgres") as database, EmbeddedBus(root / "bus", ["s000"]) as bus:
            url = await migrated(database.admin_url())
            async with inspector(bus, url, toml, cut_off_seconds=3600, look_seconds=10) as address:
                await fill(url)
                client = await signed_in(address, "officer")
                settle_memory()  # as the process of a role does
                watcher = asyncio.create_task(_watch(await signed_in(address, "officer")))
                try:
                    return [
                        await _measure(client, name, paths)
                        for name, paths in (
                            ("the district", ["/"] * ASKED),
                            ("a school", [f"/schools/s{n % SCHOOLS:03}" for n in range(ASKED)]),
                            ("a school, 90 days", [f"/schools/s{n:03}?days=90" for n in range(ASKED)]),
                            ("a camera", [f"/schools/s{n:03}/cameras/c{n:03}" for n in range(ASKED)]),
                        )
                    ]
                finally:
                    watcher.cancel()
                    await client.aclose()


def a_large_district(folder: Path, schools: int = SCHOOLS, cameras: int = CAMERAS) -> Path:
    """Write its file."""
    lines = ["[district]", 'name = "示范区教育局"', 'time_zone = "Asia/Shanghai"']
    for number in range(schools):
        lines += ["[[schools]]", f'id = "s{number:03}"', f'name = "第 {number + 1} 小学"']
        lines += [f'storage = "recordings/s{number:03}"']
        for camera in range(cameras):
            lines += ["[[schools.cameras]]", f'id = "c{camera:03}"', f'name = "{camera + 1} 号摄像机"']
            lines += [
                f'place = "{camera // 40 + 1} 号楼 {camera % 40 // 10 + 1} 层"',
                'place_kind = "corridor"',
            ]
            lines += ["[schools.cameras.recorder]", 'layout = "frigate"', f'source = "c{camera:03}"']
    lines += ["[[people]]", 'id = "officer"', 'name = "区检查员"', f"password_hash = '{HASH}'"]
    lines += ['roles = ["district:district_officer"]']
    path = folder / "district.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def fill(url: str) -> None:
    """Put the district's state beside its register, which the inspector has made."""
    today = datetime.now(ZONE).date()
    pool = await open_pool(url, "report")
    async with pool.acquire() as conn:
        for statement in (_CAMERAS, _FORECASTS, _FINDINGS, _SCHOOLS):
            await conn.execute(statement, timeout=300)
        await conn.execute(_COVERAGE, today, DAYS, timeout=300)
        await conn.execute("ANALYZE", timeout=300)
        schools = [row["school"] for row in await conn.fetch("SELECT school FROM school_state")]
    await _count(pool, schools)
    await pool.close()


async def _count(pool: asyncpg.Pool, schools: list[str]) -> None:
    units = PgUnits(pool, "inspector", lambda conn: InspectorStore(conn, ZONE, lambda: datetime.now(UTC)))
    for school in schools:
        async with units.begin() as store:
            await recount(store, school)


async def _watch(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/api/live", timeout=None) as stream:
        async for _ in stream.aiter_lines():
            pass


async def _measure(client: httpx.AsyncClient, name: str, paths: list[str]) -> dict[str, Any]:
    taken, worked, size = [], [], 0
    for path in paths:
        begun, work = time.perf_counter(), time.process_time()
        page = await client.get(path)
        taken.append((time.perf_counter() - begun) * 1000)
        worked.append((time.process_time() - work) * 1000)
        page.raise_for_status()
        size = max(size, len(page.content))
    p95 = statistics.quantiles(taken, n=20)[-1]
    return {
        "name": f"dashboard: {name}",
        "p95_ms": round(p95, 1),
        "p50_ms": round(statistics.median(taken), 1),
        "cpu_p50_ms": round(statistics.median(worked), 1),
        "cameras": SCHOOLS * CAMERAS,
        "kilobytes": round(size / 1000),
        "target": TARGET_MS,
        "ok": p95 <= TARGET_MS,
    }
