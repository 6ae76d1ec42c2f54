"""Traffic both ways while lines and servers fail: nothing lost, none twice, order kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client

from reelwarden_common.envelope import Message
from reelwarden_common.events.ingest import DayDiffers
from reelwarden_local.bus import EmbeddedBus
from tests.support.ingest import intake, message, recorded, say, stored, until, write_district

SCHOOLS = ("s001", "s002")
UP, DOWN = 300, 60
"""Messages a school, and to a school, in all; a third each before, in and after the outage."""


@pytest_asyncio.fixture(loop_scope="session")
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path / "bus", SCHOOLS) as running:
        yield running


def decision(school: str, number: int) -> Message:
    event = DayDiffers(camera="gate", day="2026-03-02")
    return message(school, event, f"{school}-down-{number:06d}", "index")


async def cut(bus: EmbeddedBus) -> Callable[[], Awaitable[object]]:
    await bus.links["s001"].cut()
    return bus.links["s001"].restore


async def black_hole(bus: EmbeddedBus) -> Callable[[], Awaitable[object]]:
    await bus.links["s001"].black_hole()
    return bus.links["s001"].restore


async def kill_hub(bus: EmbeddedBus) -> Callable[[], Awaitable[object]]:
    await bus.hub.kill()
    return bus.hub.start


async def kill_leaf(bus: EmbeddedBus) -> Callable[[], Awaitable[object]]:
    await bus.leaves["s001"].kill()
    return bus.leaves["s001"].start


async def ids(client: Client, stream: str, school: str) -> list[str]:
    found = [m for m in await stored(client, stream) if m.subject.startswith(f"rw.{school}.")]
    return [m.headers["ce-id"] for m in found]


@pytest.mark.parametrize("fail", [cut, black_hole, kill_hub, kill_leaf])
async def test_traffic_survives(
    bus: EmbeddedBus,
    tmp_path: Path,
    fail: Callable[[EmbeddedBus], Awaitable[Callable[[], Awaitable[object]]]],
) -> None:
    speakers = {s: await bus.connect("scanner", s) for s in SCHOOLS}
    index, topology = await bus.connect("index"), await bus.connect("topology")
    owners = {s: await bus.connect("topology", s) for s in SCHOOLS}

    async def talk(part: int) -> None:
        ups = range(part * UP // 3, (part + 1) * UP // 3)
        downs = range(part * DOWN // 3, (part + 1) * DOWN // 3)
        await asyncio.gather(
            *(say(speakers[s], [recorded(s, n) for n in ups]) for s in SCHOOLS),
            *(say(index, [decision(s, n) for n in downs]) for s in SCHOOLS),
        )

    async def all_there() -> bool:
        for school in SCHOOLS:
            up = await topology.jetstream().stream_info("FOOTAGE", subjects_filter=f"rw.{school}.>")
            down = await owners[school].jetstream().stream_info("DISTRICT")
            if sum((up.state.subjects or {}).values()) < UP or down.state.messages < DOWN:
                return False
        return True

    async with intake(bus, write_district(tmp_path, SCHOOLS)):
        await talk(0)
        restore = await fail(bus)
        during = asyncio.create_task(talk(1))
        await asyncio.sleep(4)
        await restore()
        await during
        await talk(2)
        await until(all_there, every=0.3)
        await asyncio.sleep(0.5)
    for school in SCHOOLS:
        assert await ids(topology, "FOOTAGE", school) == [f"{school}-{n:06d}" for n in range(UP)]
        assert await ids(owners[school], "DISTRICT", school) == [
            f"{school}-down-{n:06d}" for n in range(DOWN)
        ]
    for client in (*speakers.values(), *owners.values(), index, topology):
        await client.close()
