"""Intake on a real hub and leaves: what lands, in which order, and what does not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from reelwarden_common.events.ingest import StorageMeasured
from reelwarden_ingest.district.intake.domain import SOURCE
from reelwarden_local.bus import EmbeddedBus
from tests.support.ingest import intake, message, recorded, say, stored, until, write_district

SCHOOLS = ("s001", "s002")


@pytest_asyncio.fixture(loop_scope="session")
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path / "bus", SCHOOLS) as running:
        yield running


async def test_takes_over_what_schools_say_in_order_and_once(bus: EmbeddedBus, tmp_path: Path) -> None:
    district = write_district(tmp_path, SCHOOLS)
    topology = await bus.connect("topology")
    scanners = {s: await bus.connect("scanner", s) for s in SCHOOLS}
    for school, client in scanners.items():
        await say(client, [recorded(school, n) for n in range(300)])
        await say(client, [message(school, StorageMeasured(total=1, free=n)) for n in range(5)])

    async def count() -> bool:
        js = topology.jetstream()
        footage = (await js.stream_info("FOOTAGE")).state.messages
        site = (await js.stream_info("SITE")).state.messages
        return (footage, site) == (600, 10)

    async with intake(bus, district):
        await until(count)
        await say(scanners["s001"], [recorded("s001", 300)])
        await until(lambda: _has(topology, 601))
    async with intake(bus, district):
        await say(scanners["s001"], [recorded("s001", 301)])
        await until(lambda: _has(topology, 602))

    footage = await stored(topology, "FOOTAGE")
    for school, total in (("s001", 302), ("s002", 300)):
        ids = [m.headers["ce-id"] for m in footage if m.subject.startswith(f"rw.{school}.")]
        assert ids == [f"{school}-{n:06d}" for n in range(total)]
    assert all(m.headers[SOURCE] == m.headers["Nats-Msg-Id"] for m in footage)
    for client in (topology, *scanners.values()):
        await client.close()


async def _has(client: object, messages: int) -> bool:
    info = await client.jetstream().stream_info("FOOTAGE")  # type: ignore[attr-defined]
    return bool(info.state.messages == messages)
