"""Traps of bad messages (5 and 8): none is lost in silence, none stops the stream."""

from pathlib import Path
from typing import Any

import nats
import nats.js.errors
import pytest
from faststream import Context
from faststream.nats import JStream, NatsBroker, PullSub

from reelwarden_common.events import by_type
from reelwarden_common.messaging import broker as broker_module
from reelwarden_local.bus import EmbeddedBus
from tests.support.backends import Bus, unique
from tests.support.roles import SCHOOL, authorised, messages_in, probe, say, until

MESSAGE = Context("message")


async def test_trap_5_an_invalid_message_is_dead_lettered_and_told(bus: EmbeddedBus, tmp_path: Path) -> None:
    desk, leaf = await bus.connect("desk"), await bus.connect("topology", SCHOOL)
    good, bad = authorised(1), authorised(2)
    async with probe(bus, "exporter", tmp_path) as exporter:
        await desk.jetstream().publish(bad.subject, b'{"manner": "steal"}', headers=bad.headers)
        await say(desk.jetstream(), good)
        await until(lambda: exporter.ids == ["e-1"])
        (letter,) = await messages_in(leaf, "DLQ")
        (told,) = [m for m in await messages_in(leaf, "SITE") if m.subject.endswith("message.refused")]
    assert letter.subject == f"dlq.exporter.DISTRICT.{letter.headers['rw-sequence']}"
    assert letter.data == b'{"manner": "steal"}'
    assert letter.headers["rw-reason"] == "Malformed"
    assert letter.headers["rw-subject"] == bad.subject
    assert "is invalid at" in letter.headers["rw-detail"]
    kind = by_type(told.headers["ce-type"])
    assert kind
    refused: Any = kind.model_validate_json(told.data)
    assert (refused.event, refused.subject_of, refused.reason) == ("e-2", bad.subject, "malformed")
    await desk.close()
    await leaf.close()


async def test_trap_5_by_default_an_invalid_message_is_gone_for_good(nats_server: Bus) -> None:
    client = await nats.connect(nats_server.url)
    js, name = client.jetstream(), unique("trap")
    await js.add_stream(name=name, subjects=[name])
    broker = NatsBroker(nats_server.url, logger=None)

    @broker.subscriber(name, durable=name, stream=JStream(name, declare=False), pull_sub=PullSub(timeout=0.1))
    async def take(body: dict[str, int]) -> None:
        pytest.fail(f"an invalid message was handled: {body}")

    await broker.start()
    await js.publish(name, b"not what was asked for")

    async def settled() -> bool:
        info = await js.consumer_info(name, name)
        return bool(info.ack_floor.stream_seq == 1 and info.num_ack_pending == 0 and info.num_pending == 0)

    await until(settled)
    await broker.stop()
    await client.close()


async def test_trap_8_a_dead_letter_forgets_which_stream_was_expected(
    bus: EmbeddedBus, tmp_path: Path
) -> None:
    desk, leaf = await bus.connect("desk"), await bus.connect("topology", SCHOOL)
    bad = authorised(1)
    stamped = {**bad.headers, "Nats-Expected-Stream": "DISTRICT", "x-hostile": "y" * 1000}
    async with probe(bus, "exporter", tmp_path) as exporter:
        await desk.jetstream().publish(bad.subject, b"{", headers=stamped)
        await say(desk.jetstream(), authorised(2))
        await until(lambda: exporter.ids == ["e-2"])
        (letter,) = await messages_in(leaf, "DLQ")
    assert letter.headers["ce-id"] == "e-1"
    assert "x-hostile" not in letter.headers
    await desk.close()
    await leaf.close()


async def test_trap_8_copied_headers_have_the_dead_letter_refused(nats_server: Bus) -> None:
    client = await nats.connect(nats_server.url)
    js, name = client.jetstream(), unique("trap")
    await js.add_stream(name=name, subjects=[name])
    await js.add_stream(name=f"{name}dlq", subjects=[f"{name}.dlq"])
    seen: list[dict[str, str]] = []
    broker = NatsBroker(nats_server.url, logger=None)

    @broker.subscriber(name, durable=name, stream=JStream(name, declare=False), pull_sub=PullSub(timeout=0.1))
    async def take(_body: str, message: Any = MESSAGE) -> None:
        seen.append(dict(message.raw_message.headers))

    await broker.start()
    await broker.publish("hello", name, stream=name, timeout=2)
    await until(lambda: bool(seen))
    with pytest.raises(nats.js.errors.BadRequestError):
        await js.publish(f"{name}.dlq", b"hello", headers=seen[0])
    await broker.stop()
    await client.close()


async def test_a_forged_status_does_not_poison_the_fetch(bus: EmbeddedBus, tmp_path: Path) -> None:
    desk = await bus.connect("desk")
    async with probe(bus, "exporter", tmp_path) as exporter:
        await say(desk.jetstream(), authorised(1), Status="503", Description="go away")
        await say(desk.jetstream(), authorised(2))
        await until(lambda: exporter.ids == ["e-1", "e-2"])
    await desk.close()


async def test_without_distrust_a_forged_status_is_never_handled(
    bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "_distrust_status", id)
    desk = await bus.connect("desk")
    async with probe(bus, "exporter", tmp_path) as exporter:
        await say(desk.jetstream(), authorised(1), Status="503", Description="go away")
        await say(desk.jetstream(), authorised(2))
        with pytest.raises(AssertionError, match="not within"):
            await until(lambda: "e-1" in exporter.ids, within=3)
    await desk.close()
