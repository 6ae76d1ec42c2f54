"""The index on a real bus and database: from the stream to the row, alone and beside another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest_asyncio

from reelwarden_common.events.ingest import (
    CoverageAnswer,
    CoverageQuery,
    SegmentsAnswer,
    SegmentsQuery,
    SegmentsRecorded,
)
from reelwarden_common.messaging import questions
from reelwarden_common.messaging.topology import INDEX_COVERAGE, INDEX_SEGMENTS
from reelwarden_local.bus import EmbeddedBus
from tests.support.ingest import (
    DAY,
    TEN,
    index,
    message,
    migrated,
    say,
    segments,
    stored,
    until,
    write_district,
)


@pytest_asyncio.fixture(loop_scope="session")
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path / "bus", ["s001"]) as running:
        yield running


async def test_indexes_what_arrives_and_answers(
    bus: EmbeddedBus, tmp_path: Path, fresh_database: str
) -> None:
    district = write_district(tmp_path, ["s001"], ["gate", "yard"])
    url = await migrated(fresh_database)
    speaker = await bus.connect("intake")
    before = segments("s001", "gate", DAY, 30)
    behind = segments("s001", "gate", DAY + 40 * TEN, 20)
    await say(speaker, [message("s001", SegmentsRecorded(segments=tuple(s))) for s in (before, behind)])
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(index(bus, district, url))
        admin = await asyncpg.connect(fresh_database)
        stack.push_async_callback(admin.close)
        await until(lambda: admin.fetchval("SELECT count(*) = 50 FROM ingest.segments"))

        asker = await bus.connect("desk")
        stack.push_async_callback(asker.close)
        span = (DAY + timedelta(seconds=5), DAY + 60 * TEN)
        found = await questions.ask(
            asker,
            INDEX_SEGMENTS,
            "district",
            SegmentsQuery(school="s001", camera="gate", start=span[0], end=span[1]),
            SegmentsAnswer,
        )
        assert list(found.segments) == before + behind
        (gap,) = found.missing
        assert (gap.start, gap.end) == (DAY + 30 * TEN, DAY + 40 * TEN)

        covered = await questions.ask(
            asker,
            INDEX_COVERAGE,
            "district",
            CoverageQuery(school="s001", start=DAY, end=DAY + 60 * TEN),
            CoverageAnswer,
        )
        gate, yard = covered.cameras
        assert (gate.segments, gate.recorded_ms, len(gate.gaps)) == (50, 500_000, 1)
        assert (yard.segments, yard.recorded_ms, len(yard.gaps)) == (0, 0, 1)

        topology = await bus.connect("topology")
        stack.push_async_callback(topology.close)
        registered = await until(lambda: stored(topology, "DISTRICT"))
        assert {m.subject for m in registered} == {"rw.s001.index.camera.registered"}
    await speaker.close()


async def test_two_replicas_share_the_work_without_double_effects(
    bus: EmbeddedBus, tmp_path: Path, fresh_database: str
) -> None:
    district = write_district(tmp_path, ["s001"], ["gate", "yard", "hall"])
    url = await migrated(fresh_database)
    speaker, topology = await bus.connect("intake"), await bus.connect("topology")
    twice = [
        message("s001", SegmentsRecorded(segments=tuple(segments("s001", camera, DAY + n * 5 * TEN, 10))))
        for camera in ("gate", "yard", "hall")
        for n in range(200)
    ]
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(index(bus, district, url))
        admin = await asyncpg.connect(fresh_database)
        stack.push_async_callback(admin.close)
        await say(speaker, twice)
        await until(lambda: admin.fetchval("SELECT count(*) = 3015 FROM ingest.segments"))

        async def settled() -> bool:
            infos = await topology.jetstream().consumer_info("FOOTAGE", "index")
            return (infos.num_pending, infos.num_ack_pending) == (0, 0)

        await until(settled)
        await asyncio.sleep(0.5)
        assert await admin.fetchval("SELECT count(*) FROM ingest.segments") == 3015
        registered = [m.subject for m in await stored(topology, "DISTRICT")]
        assert registered == ["rw.s001.index.camera.registered"] * 3
    await speaker.close()
    await topology.close()
