"""From a file that its recorder closed to the row at the district that anyone can find.

All of the way is real: a recorder in MediaMTX's layout, which opens the next file as it closes one, so that
the closing rule (a successor exists) itself waits for nothing; the scanner; the school's leaf; intake; the
index. `ours` is the 99th percentile in seconds, `reference` the most that we allow.
"""

import asyncio
import json
import statistics
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.recorder import Recorder
from reelwarden_local.servers import Postgres
from tests.bench.processes import process
from tests.support.ingest import migrated, until

SCHOOL, CAMERAS, SEGMENT_SECONDS = "s001", 8, 2
SECONDS = 30
"""About 110 files."""
WARM_UP = 3
ALLOWED = 3.0
POLL = 0.02


def run() -> dict[str, Any]:
    """The 99th percentile and the median of what was recorded after the warm-up."""
    seconds = asyncio.run(_run())
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    return {
        "name": "latency",
        "ours": round(p99, 3),
        "reference": ALLOWED,
        "ratio": round(p99 / ALLOWED, 3),
        "target": 1.0,
        "ok": p99 < ALLOWED,
        "p50": round(statistics.median(seconds), 3),
        "files": len(seconds),
    }


async def _run() -> list[float]:
    cameras = [
        RecordedCamera(
            f"c{n}", f"摄像机 {n}", Layout.MEDIAMTX, "mediamtx", f"cam{n}", segment_seconds=SEGMENT_SECONDS
        )
        for n in range(CAMERAS)
    ]
    with TemporaryDirectory() as folder:
        root = Path(folder)
        recorder = Recorder(root / "storage", cameras, root / "manifest.jsonl")
        (root / "storage").mkdir()
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(Postgres(root / "postgres"))
            bus = await stack.enter_async_context(EmbeddedBus(root / "bus", [SCHOOL]))
            url = await migrated(database.admin_url())
            for module, environment in _roles(root, bus, url, cameras):
                await stack.enter_async_context(process(module, environment))
            seen: dict[str, float] = {}
            watching = asyncio.create_task(_watch(database.admin_url(), seen))
            live = [asyncio.create_task(recorder.run(camera.id)) for camera in cameras]
            await until(lambda: _any(seen), seconds=60)
            await asyncio.sleep(WARM_UP)
            began = time.time()
            await asyncio.sleep(SECONDS)
            last = time.time()
            await asyncio.sleep(2 * SEGMENT_SECONDS + ALLOWED)
            for task in (*live, watching):
                task.cancel()
            for task in (*live, watching):
                with suppress(asyncio.CancelledError):
                    await task
        closed = {w.sha256: w.closed_at.timestamp() for w in recorder.manifest}
    counted = {digest: at for digest, at in closed.items() if began < at < last}
    if missing := counted.keys() - seen.keys():
        raise RuntimeError(f"{len(missing)} of {len(counted)} files were never seen at the district")
    return [seen[digest] - at for digest, at in counted.items()]


async def _watch(url: str, seen: dict[str, float]) -> None:
    """Note when each row became visible."""
    conn = await asyncpg.connect(url)
    while True:
        rows = await conn.fetch(
            "SELECT digest FROM ingest.segments WHERE NOT digest = ANY ($1)", _known(seen)
        )
        for row in rows:
            seen[row["digest"].hex()] = time.time()
        await asyncio.sleep(POLL)


async def _any(seen: dict[str, float]) -> bool:
    return bool(seen)


def _known(seen: dict[str, float]) -> list[bytes]:
    return [bytes.fromhex(digest) for digest in seen]


def _roles(
    root: Path, bus: EmbeddedBus, database_url: str, cameras: list[RecordedCamera]
) -> list[tuple[str, dict[str, str]]]:
    district = root / "district.toml"
    district.write_text(_toml(cameras), encoding="utf-8")

    def at_hub(role: str, **more: str) -> dict[str, str]:
        return {
            "RW_NATS_URL": bus.url(),
            "RW_NATS_SEED": bus.seed(role),
            "RW_DISTRICT_TOML": str(district),
            **more,
        }

    scanner = {
        "RW_NATS_URL": bus.url(SCHOOL),
        "RW_NATS_SEED": bus.seed("scanner", SCHOOL),
        "RW_DISTRICT_TOML": str(district),
        "RW_SCHOOL": SCHOOL,
        "RW_STATE_DIR": str(root),
    }
    return [
        ("reelwarden_ingest.district.index.app", at_hub("index", RW_DATABASE_URL=database_url)),
        (
            "reelwarden_ingest.district.intake.app",
            at_hub("intake", RW_INTAKE_SEEDS=json.dumps(bus.intake_seeds())),
        ),
        ("reelwarden_ingest.site.scanner.app", scanner),
    ]


def _toml(cameras: list[RecordedCamera]) -> str:
    head = f'[district]\nname = "d"\n[[schools]]\nid = "{SCHOOL}"\nname = "s"\nstorage = "storage"\n'
    return head + "".join(
        f'[[schools.cameras]]\nid = "{c.id}"\nname = "{c.name}"\nplace = "门口"\nplace_kind = "entrance"\n'
        f'[schools.cameras.recorder]\nlayout = "mediamtx"\nfolder = "{c.folder}"\nsource = "{c.source}"\n'
        f"segment_seconds = {c.segment_seconds}\n"
        for c in cameras
    )
