"""The attacks of somebody who holds a school's credential and speaks the leaf protocol by hand (invariant 8).

A server of the school's own refuses much by itself; here nothing stands between the attacker and the hub.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client

from reelwarden_common.envelope import Message
from reelwarden_common.messaging.login import make_seed, public_key
from reelwarden_local.bus import EmbeddedBus
from tests.support.ingest import intake, recorded, say, stored, until, write_district
from tests.support.raw_leaf import RawLeaf, raw_leaf

VICTIM, BAD = "s001", "s002"
FORBIDDEN = (
    f"rw.{BAD}.keeper.plan.issued",
    f"rw.{VICTIM}.keeper.plan.issued",
    f"rw.{VICTIM}.scanner.segment.recorded",
    f"rw.{BAD}.scanner.segment.recorded",
    "rw.district.inspector.rules.published",
    "$JS.API.STREAM.PURGE.DISTRICT",
    "$JS.API.STREAM.DELETE.DISTRICT",
    "$JS.hub.API.STREAM.PURGE.DISTRICT",
    "JS.hub.API.STREAM.PURGE.DISTRICT",
    f"JS.hub.API.CONSUMER.RESET.DISTRICT.{VICTIM}",
    f"$JS.API.CONSUMER.RESET.DISTRICT.{VICTIM}",
    f"$JS.API.CONSUMER.DELETE.DISTRICT.{VICTIM}",
    f"$JS.FC.DISTRICT.{VICTIM}.x",
    f"deliver.{VICTIM}.DISTRICT",
    f"intake.pos.{VICTIM}.FOOTAGE",
    f"dlq.intake.{VICTIM}.FOOTAGE.1.1",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.HUB.CONNZ",
)
"""What the recipe grants to no school, at the hub."""
ALLOWED = (
    "_INBOX.intake.x",
    "_R_.x",
    f"JS.hub.API.CONSUMER.RESET.DISTRICT.{BAD}",
    f"$JS.FC.DISTRICT.{BAD}.x",
)
"""What a leaf must be able to say; as carriers of hostile headers and replies."""


@dataclass
class Scene:
    """A district whose second school is the attacker: its server is off, its credential is not."""

    bus: EmbeddedBus
    topology: Client
    index: Client
    numbers: Iterator[int]

    def attacker(self) -> AbstractAsyncContextManager[RawLeaf]:
        port = self.bus.links[BAD].target_port
        return raw_leaf(port, self.bus.seed("uplink", BAD), BAD)

    async def streams(self) -> dict[str, tuple[int, list[str]]]:
        """Of every stream of the hub: how much it holds, and what it is."""
        found = {}
        for name in ("FOOTAGE", "SITE", "DISTRICT", "OFFICE", "DLQ", "INTAKE"):
            info = await self.topology.jetstream().stream_info(name)
            found[name] = (info.state.messages, sorted(info.config.subjects or []))
        return found


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("raw")
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(EmbeddedBus(folder / "bus", (VICTIM, BAD)))
        await bus.leaves[BAD].stop()
        topology, index = await bus.connect("topology"), await bus.connect("index")
        for client in (topology, index):
            stack.push_async_callback(client.close)
        made = Scene(bus, topology, index, itertools.count(1))
        for school in (VICTIM, BAD):
            decision = Message(f"rw.{school}.index.day.differs", {"Nats-Msg-Id": school}, b"{}")
            await say(made.index, [decision])
        yield made


async def arrives(scene: Scene) -> None:
    """The victim's footage still goes up."""
    speaker = await scene.bus.connect("scanner", VICTIM)
    try:
        one = recorded(VICTIM, next(scene.numbers))
        await say(speaker, [one])

        async def landed() -> bool:
            found = await stored(scene.topology, "FOOTAGE")
            return any(m.headers["ce-id"] == one.headers["ce-id"] for m in found)

        await until(landed, seconds=30)
    finally:
        await speaker.close()


@pytest.mark.parametrize("subject", FORBIDDEN)
async def test_what_the_recipe_does_not_grant_never_reaches_the_hub(scene: Scene, subject: str) -> None:
    before = await scene.streams()
    for headers in (None, {"Nats-Msg-Id": subject, "Nats-Rollup": "all"}):
        async with scene.attacker() as leaf:
            leaf.say(subject, b"{}", headers, reply="_INBOX.intake.x")
            await asyncio.wait_for(leaf.ended.wait(), 10)  # the hub cuts whoever tries
            assert "Permissions Violation" in str(leaf.errors)
    assert await scene.streams() == before


@pytest.mark.parametrize(
    "wanted",
    [">", "*.>", "rw.>", f"rw.{VICTIM}.>", "deliver.>", "$SYS.>", "$JS.>", "_INBOX.>", "_R_.>", "dlq.>"],
)
async def test_a_subscription_to_everything_brings_only_its_own_decisions(scene: Scene, wanted: str) -> None:
    async with scene.attacker() as leaf:
        leaf.subscribe(wanted)
        leaf.subscribe(f"deliver.{BAD}.DISTRICT")
        leaf.say(f"JS.hub.API.CONSUMER.RESET.DISTRICT.{BAD}", b"", reply="$JSC.R.x")
        await leaf.flush()
        number = next(scene.numbers)
        for school in (VICTIM, BAD):
            decision = Message(
                f"rw.{school}.index.day.differs", {"Nats-Msg-Id": f"{school}-{number}"}, school.encode()
            )
            await say(scene.index, [decision])

        async def own() -> bool:
            return leaf.ended.is_set() or any(one.payload == BAD.encode() for one in leaf.heard)

        await until(own)
        assert {one.subject for one in leaf.heard} <= {f"deliver.{BAD}.DISTRICT", "$JSC.R.x"}
        assert not [one for one in leaf.heard if one.payload == VICTIM.encode()]


@pytest.mark.parametrize("wanted", [f"deliver.{VICTIM}.DISTRICT", f"rw.{VICTIM}.scanner.query.segments"])
async def test_a_subscription_to_what_is_anothers_ends_the_connection(scene: Scene, wanted: str) -> None:
    async with scene.attacker() as leaf:
        leaf.subscribe(wanted)
        await asyncio.wait_for(leaf.ended.wait(), 5)
        assert "Permissions Violation" in str(leaf.errors)
        assert not leaf.heard


@pytest.mark.parametrize("carrier", ALLOWED)
@pytest.mark.parametrize(
    "name", ["Nats-Consumer-Stalled", "Nats-Trace-Dest", "Nats-Subject", "Nats-Response-Type", "Reply-To"]
)
async def test_a_header_or_a_reply_makes_the_hub_say_nothing_for_it(
    scene: Scene, carrier: str, name: str
) -> None:
    """A heartbeat that named a subject once made a sourcing hub publish there, inside its own account."""
    before = await scene.streams()
    async with scene.attacker() as leaf:
        for subject in FORBIDDEN:
            heartbeat = {"Status": "100 Idle Heartbeat", name: subject, "Nats-Trace-Only": "true"}
            leaf.say(carrier, b"", heartbeat)
            leaf.say(carrier, b"{}", {name: subject}, reply=subject)
            leaf.say(carrier, b"{}", reply=subject)
        await leaf.flush()
        assert not leaf.ended.is_set()
    assert await scene.streams() == before


def played(target: str) -> dict[str, list[tuple[Mapping[str, str], bytes]]]:
    """A stream that is none: a believable beginning, then heartbeats that name a subject of the hub."""
    created = "2026-03-02T08:00:00Z"
    info = {
        "type": "io.nats.jetstream.api.v1.stream_info_response",
        "config": {"name": "FOOTAGE", "subjects": [f"rw.{BAD}.scanner.segment.>"]},
        "created": created,
        "state": {"messages": 9, "bytes": 9, "first_seq": 1, "last_seq": 9, "consumer_count": 1},
    }
    consumer = {
        "type": "io.nats.jetstream.api.v1.consumer_create_response",
        "stream_name": "FOOTAGE",
        "name": "x",
        "created": created,
        "config": {"deliver_policy": "all", "ack_policy": "none"},
        "delivered": {"consumer_seq": 0, "stream_seq": 0},
        "ack_floor": {"consumer_seq": 0, "stream_seq": 0},
        "num_ack_pending": 0,
        "num_redelivered": 0,
        "num_waiting": 0,
        "num_pending": 9,
    }
    stalled = {"Status": "100 Idle Heartbeat", "Nats-Consumer-Stalled": target, "Nats-Last-Consumer": "0"}
    return {
        f"$JS.{BAD}.API.STREAM.INFO.": [({}, json.dumps(info).encode())],
        f"$JS.{BAD}.API.CONSUMER.CREATE.": [({}, json.dumps(consumer).encode())],
        f"$JS.{BAD}.API.CONSUMER.MSG.NEXT.": [
            (stalled, b""),
            ({"Status": "100 FlowControl Request"}, b""),
            ({"Nats-Consumer-Stalled": target}, b"{}"),
        ],
    }


@pytest.mark.parametrize("target", [f"rw.{VICTIM}.keeper.plan.issued", "$JS.API.STREAM.PURGE.DISTRICT"])
async def test_a_forged_stream_that_stalls_makes_intake_say_nothing(
    scene: Scene, target: str, tmp_path: Path
) -> None:
    before = await scene.streams()
    async with scene.attacker() as leaf:
        leaf.answers = played(target)
        for call in ("STREAM.INFO", "CONSUMER.CREATE", "CONSUMER.MSG.NEXT"):
            for stream in ("FOOTAGE", "SITE"):
                leaf.subscribe(f"$JS.{BAD}.API.{call}.{stream}" + ("" if call == "STREAM.INFO" else ".*"))
        await leaf.flush()
        async with intake(scene.bus, write_district(tmp_path, (VICTIM, BAD))):

            async def pulled() -> bool:
                return sum("CONSUMER.MSG.NEXT" in one.subject for one in leaf.heard) > 1

            await until(pulled, seconds=30)
            await arrives(scene)
        assert not leaf.ended.is_set()
    after = await scene.streams()
    for stream in ("DISTRICT", "DLQ", "OFFICE"):
        assert after[stream] == before[stream]
    assert [m.subject for m in await stored(scene.topology, "FOOTAGE") if f".{BAD}." in m.subject] == []


async def test_its_credentials_open_no_other_door(scene: Scene) -> None:
    uplink, puller = scene.bus.seed("uplink", BAD), scene.bus.seed("intake", BAD)
    leaves, people = scene.bus.links[BAD].target_port, scene.bus.hub.port
    victim = public_key(scene.bus.seed("uplink", VICTIM))
    for port, seed, claimed in (
        (people, uplink, None),
        (leaves, puller, None),
        (leaves, uplink, victim),
        (leaves, make_seed(), None),
        (leaves, scene.bus.seed("reaper", BAD), None),
    ):
        async with raw_leaf(port, seed, BAD, claimed=claimed) as leaf:
            await asyncio.wait_for(leaf.ended.wait(), 5)
            assert "Authorization Violation" in str(leaf.errors)


async def test_a_second_leaf_is_refused_and_the_first_stays(scene: Scene) -> None:
    async with scene.attacker() as first, scene.attacker() as second:
        await asyncio.wait_for(second.ended.wait(), 10)
        first.subscribe(f"deliver.{BAD}.DISTRICT")
        await first.flush()
        assert not first.ended.is_set()


async def test_an_oversized_payload_ends_only_its_own_connection(scene: Scene, tmp_path: Path) -> None:
    async with scene.attacker() as leaf:
        leaf.say("_INBOX.intake.x", b"x" * (2 * 1024 * 1024))
        await asyncio.wait_for(leaf.ended.wait(), 10)
    async with intake(scene.bus, write_district(tmp_path, (VICTIM, BAD))):
        await arrives(scene)


async def test_a_flood_does_not_hold_up_another_school(scene: Scene, tmp_path: Path) -> None:
    junk = b"LMSG _INBOX.intake.x 2\r\n{}\r\n" * 2000
    async with intake(scene.bus, write_district(tmp_path, (VICTIM, BAD))), scene.attacker() as leaf:

        async def flood() -> None:
            while not leaf.ended.is_set():
                leaf.writer.write(junk)
                await leaf.writer.drain()
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        try:
            for _ in range(3):
                await arrives(scene)
        finally:
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
