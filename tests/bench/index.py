"""From the stream to the committed row: the whole index against the barest loop that could do it.

Ours is the real role: its own user, FastStream, CloudEvents validation, metrics, traces, states, day
partitions, dead letters. The reference is nats-py, `json.loads` and COPY into one plain table with the same
columns and key; it has no answer to a message that comes twice, or a bad one. Both run in a process of their
own, one after the other, on the same servers and the same messages of 50 segments.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import nats
import nats.errors
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from reelwarden_common.events.ingest import SegmentsRecorded
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.servers import Postgres
from tests.bench.processes import process
from tests.support.ingest import TEN, message, migrated, segments, write_district

ROUNDS = 4
EVENTS, PER_EVENT, CAMERAS = 1000, 50, 20
"""A round: 50,000 segments. Many rounds: the best of each says what it can do, whoever else is at work."""
TARGET = 0.8
BATCH = 200
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TABLE = """
CREATE TABLE bare (LIKE ingest.segments INCLUDING DEFAULTS,
    PRIMARY KEY (school, camera, start_at, digest))"""
DEADLINE = 120


def run() -> dict[str, Any]:
    """Segments a second, ours and the reference's, the better of some rounds each."""
    return asyncio.run(_run())


async def _run() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        schools = [f"s{n:03}" for n in range(ROUNDS)]
        district = write_district(root, schools)
        async with Postgres(root / "postgres") as database, EmbeddedBus(root / "bus", schools) as bus:
            url = await migrated(database.admin_url())
            topology = await bus.connect("topology")
            await topology.jetstream().add_consumer("FOOTAGE", _CONSUMER)
            admin = await database.admin()
            await admin.execute(TABLE)
            await admin.close()
            bare = {
                "BENCH_NATS": bus.url(),
                "BENCH_SEED": bus.seed("topology"),
                "BENCH_DATABASE": database.admin_url(),
            }
            ours = {
                "RW_NATS_URL": bus.url(),
                "RW_NATS_SEED": bus.seed("index"),
                "RW_DATABASE_URL": url,
                "RW_DISTRICT_TOML": str(district),
            }
            best = {"bare": 0.0, "index": 0.0}
            for school in schools:
                await _publish(bus, school)
                for name, module, environment in (
                    ("bare", "tests.bench.index", bare),
                    ("index", "reelwarden_ingest.district.index.app", ours),
                ):
                    async with process(module, environment) as child:
                        best[name] = max(best[name], await _rate(topology, name, child))
            await _check(database)
            await topology.close()
    ratio = best["index"] / best["bare"]
    return {
        "name": "index",
        "ours": round(best["index"]),
        "reference": round(best["bare"]),
        "ratio": round(ratio, 3),
        "target": TARGET,
        "ok": ratio >= TARGET,
    }


async def _publish(bus: EmbeddedBus, school: str) -> None:
    """Put a round's messages into the stream: each camera's segments, one behind the other, in turn."""
    start = (datetime.now(UTC) - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    speaker = await bus.connect("intake")
    js = speaker.jetstream(publish_async_max_pending=500)
    futures = []
    for number in range(EVENTS):
        camera, place = f"c{number % CAMERAS:02}", number // CAMERAS
        event = SegmentsRecorded(
            segments=tuple(segments(school, camera, start + place * PER_EVENT * TEN, PER_EVENT))
        )
        one = message(school, event)
        headers = {**one.headers, "traceparent": TRACE}
        futures.append(await js.publish_async(one.subject, one.body, headers=headers))
    await asyncio.wait_for(asyncio.gather(*futures), DEADLINE)
    await speaker.close()


async def _rate(topology: Client, consumer: str, child: asyncio.subprocess.Process) -> float:
    """Watch a consumer confirm its messages, which it does once their rows are committed."""
    js = topology.jetstream()
    first: tuple[int, float] | None = None
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and child.returncode is None:
        info = await js.consumer_info("FOOTAGE", consumer)
        now, left = time.perf_counter(), (info.num_pending or 0) + (info.num_ack_pending or 0)
        if first is None and left < EVENTS:
            first = (left, now)
        if first and left == 0:
            return first[0] * PER_EVENT / (now - first[1])
        await asyncio.sleep(0.02)
    raise RuntimeError(f"{consumer} did not finish within {DEADLINE} s, or ended ({child.returncode})")


async def _check(database: Postgres) -> None:
    """Raises where one of them cheated."""
    admin = await database.admin()
    expected = ROUNDS * EVENTS * PER_EVENT
    for table in ("bare", "ingest.segments"):
        found = await admin.fetchval(f"SELECT count(*) FROM {table}")
        if found != expected:
            raise RuntimeError(f"{table} has {found} rows, {expected} were published")
    await admin.close()


async def bare_loop(url: str, seed: str, database: str) -> None:
    """The reference: fetch, parse, COPY, confirm."""
    client = await nats.connect(url, nkeys_seed_str=seed)
    conn = await asyncpg.connect(database)
    pull = await client.jetstream().pull_subscribe_bind(consumer="bare", stream="FOOTAGE")
    while True:
        try:
            messages = await pull.fetch(BATCH, timeout=0.15)
        except (nats.errors.TimeoutError, TimeoutError):
            continue
        rows = []
        for one in messages:
            school = one.subject.split(".")[1]
            said_at = datetime.fromisoformat((one.headers or {})["ce-time"])
            rows += [_row(school, segment, said_at) for segment in json.loads(one.data)["segments"]]
        await conn.copy_records_to_table("bare", records=rows, columns=COLUMNS)
        for one in messages:
            await one.ack()


def _row(school: str, segment: Mapping[str, Any], said_at: datetime) -> tuple[object, ...]:
    return (
        school,
        segment["camera"],
        datetime.fromisoformat(segment["start"]),
        datetime.fromisoformat(segment["end"]),
        bytes.fromhex(segment["digest"]),
        bytes.fromhex(segment["id"]),
        segment["duration_ms"],
        segment["size"],
        segment["codec"],
        segment["width"],
        segment["height"],
        segment["time_source"],
        segment["uncertainty_ms"],
        segment["locator"],
        datetime.fromisoformat(segment["file_time"]),
        said_at,
    )


COLUMNS = (
    "school",
    "camera",
    "start_at",
    "end_at",
    "digest",
    "id",
    "duration_ms",
    "size",
    "codec",
    "width",
    "height",
    "time_source",
    "uncertainty_ms",
    "locator",
    "file_time",
    "said_at",
)
_CONSUMER = ConsumerConfig(
    durable_name="bare", ack_policy=AckPolicy.EXPLICIT, max_ack_pending=2000, ack_wait=30
)

if __name__ == "__main__":
    asyncio.run(bare_loop(*(os.environ[f"BENCH_{name}"] for name in ("NATS", "SEED", "DATABASE"))))
