"""A hundred schools, each with a NATS server of its own, on one hub: all are heard, told, and come back."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from nats.aio.client import Client

from reelwarden_common.envelope import Message
from reelwarden_common.events.ingest import DayDiffers
from reelwarden_local.bus import EmbeddedBus
from tests.support.ingest import intake, message, recorded, say, until, write_district

SCHOOLS = tuple(f"s{n:03}" for n in range(1, 101))
FACTS = 10
BACK_SECONDS = 60

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]


async def test_all_are_heard_and_told_before_and_after_the_hub_died(tmp_path: Path) -> None:
    async with EmbeddedBus(tmp_path / "bus", SCHOOLS) as bus:
        topology, index = await bus.connect("topology"), await bus.connect("index")
        async with intake(bus, write_district(tmp_path, SCHOOLS)):
            await _speak(bus, index, 0)
            await until(lambda: _whole(bus, topology, 1), seconds=BACK_SECONDS)
            await bus.hub.kill()
            cut_off = asyncio.create_task(_say_facts(bus, 1))  # a school speaks to its own disk
            await asyncio.sleep(3)
            began = time.monotonic()
            await bus.hub.start()
            await cut_off
            await say(index, [_decision(school, 1) for school in SCHOOLS])
            await until(lambda: _whole(bus, topology, 2), seconds=BACK_SECONDS)
            sys.stderr.write(
                f"100 schools: all heard and told {time.monotonic() - began:.1f} s after the hub\n"
            )
        await topology.close()
        await index.close()


async def _speak(bus: EmbeddedBus, index: Client, turn: int) -> None:
    await asyncio.gather(_say_facts(bus, turn), say(index, [_decision(s, turn) for s in SCHOOLS]))


async def _say_facts(bus: EmbeddedBus, turn: int) -> None:
    async def one(school: str) -> None:
        scanner = await bus.connect("scanner", school)
        await say(scanner, [recorded(school, turn * FACTS + n) for n in range(FACTS)])
        await scanner.close()

    for some in range(0, len(SCHOOLS), 10):
        await asyncio.gather(*(one(school) for school in SCHOOLS[some : some + 10]))


def _decision(school: str, turn: int) -> Message:
    asked = DayDiffers(camera="gate", day=f"2026-03-{turn + 1:02}")
    return message(school, asked, f"{school}-d{turn}", role="index")


async def _whole(bus: EmbeddedBus, topology: Client, turns: int) -> bool:
    """Whether the hub has every fact once, and each school its own decisions."""
    footage = (await topology.jetstream(timeout=10).stream_info("FOOTAGE")).state.messages
    if footage != turns * FACTS * len(SCHOOLS):
        return False
    for school in SCHOOLS:
        client = await bus.connect("topology", school)
        told = (await client.jetstream(timeout=10).stream_info("DISTRICT")).state.messages
        await client.close()
        if told != turns:
            return False
    return True
