"""Traps of pulling in batches (1 and 7): what is fetched is handled at once, all of it, in order."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import nats
import pytest
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import ConsumerConfig

from reelwarden_common import role
from reelwarden_common.messaging import broker as broker_module
from reelwarden_common.messaging.broker import make_broker
from reelwarden_common.messaging.login import Login
from tests.support.backends import Bus, unique
from tests.support.roles import until

MESSAGES = 80
CONSUMERS = 4
SHORT_FETCH = 0.03
"""Seconds; the shorter a fetch, the more often its end and the server's answer race."""
PATIENCE = 5.0
"""Seconds: many times what a batch may take, a small part of what a stranded message waits."""
LONG_PATIENCE = 20.0
"""On a machine that does other things; still less than a stranded message waits."""


@asynccontextmanager
async def stream(bus: Bus) -> AsyncIterator[tuple[Any, str]]:
    """A JetStream context, and a stream with a consumer of the same name."""
    client = await nats.connect(bus.url)
    js = client.jetstream()
    name = unique("trap")
    await js.add_stream(name=name, subjects=[f"{name}.>"])
    await js.add_consumer(name, ConsumerConfig(durable_name=name, ack_wait=30, max_ack_pending=1000))
    yield js, name
    await js.delete_stream(name)
    await client.close()


class Taker:
    """Stands where a role's delivery stands: confirms everything and remembers the order."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    async def deliver(self, messages: Any) -> None:
        for message in messages:
            await message.ack()
            self.taken.append(int(message.data))


async def taken_in_time(bus: Bus, patience: float) -> list[int]:
    """What our subscriber handled of a steady trickle, shortly after the last message was sent."""
    async with stream(bus) as (js, name):
        taker = Taker()
        broker = make_broker(name, Login(bus.url), lambda: None)
        role._subscribe(broker, name, name, f"{name}.>", taker)  # type: ignore[arg-type]
        await broker.start()
        for number in range(MESSAGES):
            await js.publish(f"{name}.x", str(number).encode())
            await asyncio.sleep(random.uniform(0.02, 0.04))
        with suppress(AssertionError):
            await until(lambda: len(taker.taken) == MESSAGES, within=patience)
        await broker.stop()
        return taker.taken


@pytest.fixture
def short_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role, "FETCH_SECONDS", SHORT_FETCH)


@pytest.mark.usefixtures("short_fetch")
async def test_trap_1_no_message_of_a_batch_is_stranded(nats_server: Bus) -> None:
    taken = await asyncio.gather(*(taken_in_time(nats_server, LONG_PATIENCE) for _ in range(CONSUMERS)))
    assert taken == [list(range(MESSAGES))] * CONSUMERS


@pytest.mark.usefixtures("short_fetch")
async def test_trap_1_without_the_patient_fetch_messages_are_stranded(
    nats_server: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when upstream is mended: then the wrapper may go."""
    monkeypatch.setattr(broker_module, "patient", lambda fetch: fetch)
    taken = await asyncio.gather(*(taken_in_time(nats_server, PATIENCE) for _ in range(CONSUMERS)))
    assert sum(map(len, taken)) < CONSUMERS * MESSAGES


async def test_trap_7_a_batch_is_handled_in_order_and_soon(nats_server: Bus) -> None:
    async with stream(nats_server) as (js, name):
        taker = Taker()
        broker = make_broker(name, Login(nats_server.url), lambda: None)
        for number in range(50):
            await js.publish(f"{name}.x", str(number).encode())
        role._subscribe(broker, name, name, f"{name}.>", taker)  # type: ignore[arg-type]
        await broker.start()
        await until(lambda: len(taker.taken) == 50)
        for number in range(50, 55):
            await js.publish(f"{name}.x", str(number).encode())
            await until(lambda expected=number: taker.taken[-1] == expected, within=4)  # type: ignore[misc]
        await broker.stop()
        assert taker.taken == list(range(55))


async def test_trap_7_without_batches_handlers_run_at_once_and_unordered(nats_server: Bus) -> None:
    async with stream(nats_server) as (js, name):
        taken: list[int] = []
        for number in range(50):
            await js.publish(f"{name}.x", str(number).encode())
        broker = NatsBroker(nats_server.url, logger=None)

        @broker.subscriber(
            f"{name}.>",
            durable=name,
            stream=JStream(name, declare=False),
            pull_sub=PullSub(batch_size=50),
            ack_policy=AckPolicy.ACK,
        )
        async def take(body: int) -> None:
            await asyncio.sleep((50 - body) / 500)
            taken.append(body)

        await broker.start()
        await until(lambda: len(taken) == 50)
        await broker.stop()
        assert taken != list(range(50))
