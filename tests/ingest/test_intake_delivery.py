"""Intake on a real hub and leaves: what lands, in which order, and what does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
import structlog
from nats.aio.client import Client

from reelwarden_common.events.ingest import StorageMeasured
from reelwarden_common.messaging.declare import declare_leaf
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


async def _has(client: Client, messages: int) -> bool:
    info = await client.jetstream().stream_info("FOOTAGE")
    return bool(info.state.messages == messages)


async def test_two_intakes_side_by_side_and_one_killed_do_no_harm(bus: EmbeddedBus, tmp_path: Path) -> None:
    district = write_district(tmp_path, SCHOOLS)
    topology = await bus.connect("topology")
    scanner = await bus.connect("scanner", "s001")
    async with intake(bus, district):
        async with intake(bus, district):
            await say(scanner, [recorded("s001", n) for n in range(200)])
            await until(lambda: _has(topology, 200))
        await say(scanner, [recorded("s001", n) for n in range(200, 400)])
        await until(lambda: _has(topology, 400))
        await asyncio.sleep(1)
    ids = [m.headers["ce-id"] for m in await stored(topology, "FOOTAGE")]
    assert ids == [f"s001-{n:06d}" for n in range(400)]
    await scanner.close()
    await topology.close()


async def test_finds_its_place_when_one_of_its_two_memories_is_gone(bus: EmbeddedBus, tmp_path: Path) -> None:
    """The hub's messages may age out, the saved position may be lost; either is enough."""
    district = write_district(tmp_path, SCHOOLS)
    topology = await bus.connect("topology")
    js = topology.jetstream()
    scanner = await bus.connect("scanner", "s001")
    taken = 0

    async def say_some() -> None:
        nonlocal taken
        await say(scanner, [recorded("s001", n) for n in range(taken, taken + 20)])
        taken += 20
        await until(lambda: _last(topology, f"s001-{taken - 1:06d}"))

    async with intake(bus, district):
        await say_some()
        await until(lambda: _saved(topology, 20))
    await js.purge_stream("FOOTAGE")
    async with intake(bus, district):
        await say_some()
    await js.purge_stream("INTAKE")
    async with intake(bus, district):
        await say_some()
    ids = [m.headers["ce-id"] for m in await stored(topology, "FOOTAGE")]
    assert ids == [f"s001-{n:06d}" for n in range(20, 60)]
    await scanner.close()
    await topology.close()


async def test_a_school_that_made_its_streams_anew_is_heard_from_the_start(
    bus: EmbeddedBus, tmp_path: Path
) -> None:
    district = write_district(tmp_path, SCHOOLS)
    topology, owner = await bus.connect("topology"), await bus.connect("topology", "s001")
    scanner = await bus.connect("scanner", "s001")
    async with intake(bus, district):
        await say(scanner, [recorded("s001", n) for n in range(20)])
        await until(lambda: _has(topology, 20))
        await owner.jetstream().delete_stream("FOOTAGE")
        await declare_leaf(owner.jetstream(), "s001")
        await say(scanner, [recorded("s001", n) for n in range(20, 25)])
        await until(lambda: _has(topology, 25))
    for client in (topology, owner, scanner):
        await client.close()


async def test_a_school_that_is_away_does_not_stop_another(bus: EmbeddedBus, tmp_path: Path) -> None:
    district = write_district(tmp_path, SCHOOLS)
    topology, scanner = await bus.connect("topology"), await bus.connect("scanner", "s001")
    await bus.leaves["s002"].kill()
    async with intake(bus, district) as address:
        await say(scanner, [recorded("s001", 0)])
        await until(lambda: _has(topology, 1))
        async with httpx.AsyncClient() as http:

            async def told(metric: str) -> bool:
                return metric in (await http.get(f"{address}/metrics")).text

            await until(lambda: told("reelwarden_intake_away 2.0"))
            await until(lambda: told('intake_messages_total{outcome="landed",stream="FOOTAGE"} 1.0'))
            assert (await http.get(f"{address}/readyz")).status_code == 200
    await topology.close()
    await scanner.close()


async def test_a_school_that_was_not_let_in_yet_holds_up_nobody(bus: EmbeddedBus, tmp_path: Path) -> None:
    topology, scanner = await bus.connect("topology"), await bus.connect("scanner", "s001")
    with structlog.testing.capture_logs() as logs:
        async with intake(bus, write_district(tmp_path, (*SCHOOLS, "s003"))):
            await say(scanner, [recorded("s001", 0)])
            await until(lambda: _has(topology, 1))
    assert [entry["schools"] for entry in logs if entry["event"] == "not_let_in"] == [["s003"]]
    await topology.close()
    await scanner.close()


async def _last(client: Client, ce_id: str) -> bool:
    found = await stored(client, "FOOTAGE")
    return bool(found and found[-1].headers["ce-id"] == ce_id)


async def _saved(client: Client, sequence: int) -> bool:
    found = await stored(client, "INTAKE", "intake.pos.s001.FOOTAGE")
    return bool(found and json.loads(found[-1].data)["sequence"] == sequence)
