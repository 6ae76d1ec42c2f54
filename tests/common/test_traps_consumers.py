"""Traps of streams and consumers (3 and 4): a role notices what is gone, and leaves settings alone."""

import asyncio
from pathlib import Path
from unittest.mock import AsyncMock

import nats
import nats.errors
import pytest
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import ConsumerConfig

from reelwarden_common import role
from reelwarden_common.messaging.broker import make_broker
from reelwarden_common.messaging.login import Login
from reelwarden_local.bus import EmbeddedBus
from tests.support.backends import Bus, unique
from tests.support.roles import SCHOOL, authorised, probe, say, until

DAY = 24 * 3600.0


@pytest.fixture(autouse=True)
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role, "WATCH_SECONDS", 0.2)


async def test_trap_3_a_deleted_consumer_ends_the_role(bus: EmbeddedBus, tmp_path: Path) -> None:
    topology = await bus.connect("topology", SCHOOL)
    async with probe(bus, "exporter", tmp_path) as exporter:
        assert (await exporter.get("/readyz")).status_code == 200
        await topology.jetstream().delete_consumer("DISTRICT", "exporter")
        await asyncio.wait_for(exporter.role.bus.closed.wait(), 60)
        ready = await exporter.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["problem"] == "consumer exporter on DISTRICT does not exist"
        assert (await exporter.get("/livez")).status_code == 200
    await topology.close()


async def test_trap_3_a_deleted_stream_ends_the_role(bus: EmbeddedBus, tmp_path: Path) -> None:
    topology = await bus.connect("topology")
    async with probe(bus, "ledger", tmp_path) as ledger:
        await topology.jetstream().delete_stream("SITE")
        await asyncio.wait_for(ledger.role.bus.closed.wait(), 60)
        assert "SITE" in (await ledger.get("/readyz")).json()["problem"]
    await topology.close()


async def test_trap_3_without_the_watchdog_a_deleted_consumer_is_a_silent_zombie(nats_server: Bus) -> None:
    client = await nats.connect(nats_server.url)
    js, name = client.jetstream(), unique("trap")
    await js.add_stream(name=name, subjects=[name])
    taken = []
    told: list[Exception] = []

    async def remember(error: Exception) -> None:
        told.append(error)

    broker = NatsBroker(nats_server.url, logger=None, error_cb=remember)

    @broker.subscriber(
        name,
        durable=name,
        stream=JStream(name, declare=False),
        pull_sub=PullSub(batch_size=10, timeout=0.1, batch=True),
        ack_policy=AckPolicy.ACK,
    )
    async def take(body: list[str]) -> None:
        taken.extend(body)

    await broker.start()
    await js.publish(name, b"before")
    await until(lambda: taken == ["before"])
    await js.delete_consumer(name, name)
    await js.publish(name, b"after")
    await asyncio.sleep(2)
    assert (taken, told) == (["before"], [])
    assert await broker.ping(timeout=10)
    await broker.stop()
    await client.close()


async def test_trap_4_starting_leaves_a_streams_settings_alone(nats_server: Bus) -> None:
    client = await nats.connect(nats_server.url)
    js, name = client.jetstream(), unique("trap")
    await js.add_stream(name=name, subjects=[name], max_age=DAY, max_bytes=10_000_000)
    await js.add_consumer(name, ConsumerConfig(durable_name=name))
    broker = make_broker(name, Login(nats_server.url), lambda: None)
    role._subscribe(broker, name, name, name, AsyncMock())
    await broker.start()
    config = (await js.stream_info(name)).config
    assert (config.max_age, config.max_bytes) == (DAY, 10_000_000)
    await broker.stop()
    await client.close()


async def test_trap_4_without_that_the_broker_overwrites_them(nats_server: Bus) -> None:
    client = await nats.connect(nats_server.url)
    js, name = client.jetstream(), unique("trap")
    await js.add_stream(name=name, subjects=[name], max_age=DAY, max_bytes=10_000_000)
    broker = NatsBroker(nats_server.url, logger=None)
    broker.subscriber(name, durable=name, stream=JStream(name), pull_sub=True)(asyncio.sleep)
    await broker.start()
    config = (await js.stream_info(name)).config
    assert (config.max_age, config.max_bytes) == (0, -1)
    await broker.stop()
    await client.close()


@pytest.mark.parametrize(("user", "school"), [("exporter", SCHOOL), ("keeper", None)])
async def test_trap_4_no_role_may_change_a_stream(bus: EmbeddedBus, user: str, school: str | None) -> None:
    client = await bus.connect(user, school)
    js = client.jetstream(timeout=0.5)
    for change in (js.delete_stream("DISTRICT"), js.purge_stream("DISTRICT"), js.add_stream(name="X")):
        with pytest.raises(nats.errors.TimeoutError):
            await change
    await client.close()


async def test_a_role_is_heard_again_once_its_consumer_is_back(bus: EmbeddedBus, tmp_path: Path) -> None:
    """What a supervisor does with a role that ended: declare anew, start anew."""
    desk = await bus.connect("desk")
    topology = await bus.connect("topology", SCHOOL)
    js = topology.jetstream()
    async with probe(bus, "exporter", tmp_path) as exporter:
        await say(desk.jetstream(), authorised(1))
        await until(lambda: exporter.ids == ["e-1"])
        config = (await js.consumer_info("DISTRICT", "exporter")).config
        await js.delete_consumer("DISTRICT", "exporter")
        await asyncio.wait_for(exporter.role.bus.closed.wait(), 60)
    await say(desk.jetstream(), authorised(2))
    await js.add_consumer("DISTRICT", config)
    async with probe(bus, "exporter", tmp_path) as exporter:
        await until(lambda: exporter.ids == ["e-2"])
    await desk.close()
    await topology.close()
