"""What a school, or a role, may not say: tried as whoever holds its server, or its password."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from nats.aio.client import Client

from reelwarden_common.envelope import MAX_BODY, Message
from reelwarden_common.events.ingest import SegmentsRecorded
from reelwarden_common.events.letters import (
    Act,
    LettersAnswer,
    LettersQuery,
    LetterTask,
    LetterTaskAnswer,
    Outcome,
)
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import LETTERS, SETTLE_LETTER
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.ops import hub_of, operator
from tests.support.ingest import (
    DAY,
    intake,
    message,
    recorded,
    refused,
    say,
    segments,
    stored,
    until,
    write_district,
)

SCHOOLS = ("s001", "s002")


class Place:
    """A bus with intake running, and clients that close with it."""

    def __init__(self, bus: EmbeddedBus, stack: AsyncExitStack) -> None:
        self.bus = bus
        self._stack = stack

    async def connect(self, user: str, school: str | None = None) -> Client:
        client = await self.bus.connect(user, school)
        self._stack.push_async_callback(client.close)
        return client


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("borders")
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(EmbeddedBus(folder / "bus", SCHOOLS))
        await stack.enter_async_context(
            intake(bus, write_district(folder, SCHOOLS), intake_refusals_per_second=1000)
        )
        yield Place(bus, stack)


async def landed(topology: Client, ce_id: str) -> bool:
    return any((m.headers or {}).get("ce-id") == ce_id for m in await stored(topology, "FOOTAGE"))


async def letters(topology: Client, school: str, count: int) -> list[dict[str, str]]:
    """Wait until the DLQ has so many letters of a school's footage; return their headers."""

    async def enough() -> list[dict[str, str]] | None:
        found = await stored(topology, "DLQ", f"dlq.intake.{school}.FOOTAGE.*")
        return [m.headers for m in found] if len(found) >= count else None

    result: list[dict[str, str]] = await until(enough)
    return result


async def dismiss_all_but_replay_none(bus: EmbeddedBus, school: str) -> None:
    """What the border refused is there to be explained: nobody brings it in after all."""
    async with operator(hub_of(bus.state_dir.parent)) as ops:
        found = await ask(ops, LETTERS, "district", LettersQuery(), LettersAnswer, role="intake")
        assert {letter.school for letter in found.letters} == {school}
        for letter in found.letters:
            for act, outcome in ((Act.REPLAY, Outcome.FAILED), (Act.DISMISS, Outcome.DISMISSED)):
                task = LetterTask(letter=letter.letter, act=act, by="ops", note="a test")
                done = await ask(ops, SETTLE_LETTER, "district", task, LetterTaskAnswer, role="intake")
                assert done.outcome is outcome
        assert not (await ask(ops, LETTERS, "district", LettersQuery(), LettersAnswer, role="intake")).letters


async def test_a_school_that_owns_its_server_speaks_for_nobody_else(place: Place) -> None:
    """Its stream may hold what it likes; what does not bear its name lands in the DLQ, with a reason."""
    owner, topology = await place.connect("topology", "s001"), await place.connect("topology")
    js = owner.jetstream()
    config = (await js.stream_info("FOOTAGE")).config
    await js.update_stream(config, subjects=["rw.*.scanner.segment.>", "rw.s001.keeper.>", "rw.s001.evil"])
    big = SegmentsRecorded(segments=tuple(segments("s001", "gate", DAY, 1)))
    forged = [
        recorded("s002", 1),
        Message("rw.s001.keeper.plan.issued", {"Nats-Msg-Id": "a"}, b"{}"),
        Message("rw.s001.evil", {"Nats-Msg-Id": "b"}, b"{}"),
        Message("rw.s001.scanner.segment.recorded", {"Nats-Msg-Id": "c"}, b"x" * (MAX_BODY + 1)),
        Message(
            "rw.s001.scanner.segment.recorded",
            {**message("s001", big).headers, "Nats-Msg-Id": "d", "ce-id": "x" * 600},
            b"{}",
        ),
    ]
    await say(owner, forged)
    honest = recorded("s001", 7)
    hostile = {
        "rw-source": "s001.FOOTAGE.1.999999",
        "Status": "409",
        "Nats-Subject": "rw.s002.x",
        "Evil": "1",
    }
    await say(owner, [Message(honest.subject, {**hostile, **honest.headers}, honest.body)])
    found = await letters(topology, "s001", len(forged))
    assert [h["rw-subject"] for h in found] == [m.subject for m in forged]
    assert "speaks for 's002'" in found[0]["rw-detail"]
    await until(lambda: landed(topology, "s001-000007"))
    footage = await stored(topology, "FOOTAGE")
    assert {m.subject for m in footage} == {"rw.s001.scanner.segment.recorded"}
    (headers,) = (m.headers for m in footage if m.headers["ce-id"] == "s001-000007")
    assert headers["rw-source"] == headers["Nats-Msg-Id"] != hostile["rw-source"]
    assert not headers.keys() & (hostile.keys() - {"rw-source"})
    await dismiss_all_but_replay_none(place.bus, "s001")
    told = [m.subject for m in await stored(topology, "OFFICE")]
    assert told.count("rw.s001.intake.message.refused") == len(forged)


async def test_a_school_cannot_write_into_the_districts_decisions(place: Place) -> None:
    owner, topology = await place.connect("topology", "s001"), await place.connect("topology")
    index = await place.connect("index")
    await say(index, [Message("rw.s001.index.day.differs", {"Nats-Msg-Id": "one"}, b"{}")])
    for subject in (
        "rw.s001.keeper.plan.issued",
        "rw.s002.keeper.plan.issued",
        "$JS.hub.API.STREAM.PURGE.DISTRICT",
        "$JS.hub.API.STREAM.DELETE.DISTRICT",
        "JS.hub.API.STREAM.PURGE.DISTRICT",
        "JS.hub.API.CONSUMER.RESET.DISTRICT.s002",
        "$JS.hub.API.STREAM.MSG.GET.DISTRICT",
        "deliver.s002.DISTRICT",
        "intake.pos.s001.FOOTAGE",
        "dlq.intake.s002.FOOTAGE.1.1",
    ):
        await owner.publish(subject, b"{}", reply="_INBOX.intake.x")
    await owner.flush()
    await asyncio.sleep(0.5)
    subjects = [m.subject for m in await stored(topology, "DISTRICT")]
    assert subjects.count("rw.s001.index.day.differs") == 1
    assert not [s for s in subjects if "keeper" in s]


@pytest.mark.parametrize(
    ("user", "school", "subject"),
    [
        ("scanner", "s001", "rw.s002.scanner.segment.recorded"),
        ("scanner", "s001", "rw.s001.reaper.segment.erased"),
        ("scanner", "s001", "dlq.reaper.x"),
        ("reaper", "s001", "rw.s001.keeper.plan.issued"),
        ("desk", None, "rw.s001.keeper.plan.issued"),
        ("desk", None, "dlq.keeper.x"),
        ("keeper", None, "rw.s001.scanner.segment.recorded"),
        ("index", None, "intake.pos.s001.FOOTAGE"),
        ("intake", None, "rw.s001.keeper.plan.issued"),
    ],
)
async def test_a_roles_user_cannot_say_what_is_not_its_own(
    place: Place, user: str, school: str | None, subject: str
) -> None:
    client, topology = await place.connect(user, school), await place.connect("topology", school)
    streams = ("FOOTAGE", "SITE", "DISTRICT", "DLQ") + (() if school else ("OFFICE", "INTAKE"))
    before = [await stored(topology, stream, subject) for stream in streams]
    assert await refused(client, subject)
    assert [await stored(topology, stream, subject) for stream in streams] == before


async def test_a_roles_user_cannot_touch_streams_or_others_consumers(place: Place) -> None:
    topology = await place.connect("topology")
    before = len(await stored(topology, "DISTRICT"))
    for user in ("desk", "index", "intake"):
        client = await place.connect(user)
        for call in (
            "STREAM.PURGE.DISTRICT",
            "STREAM.DELETE.DISTRICT",
            "STREAM.CREATE.X",
            "CONSUMER.DELETE.SITE.keeper",
            "CONSUMER.MSG.NEXT.SITE.keeper",
            "CONSUMER.DURABLE.CREATE.SITE.x",
        ):
            await client.publish(f"$JS.API.{call}", b"{}", reply=f"_INBOX.{user}.x")
        await client.flush()
    await asyncio.sleep(0.3)
    assert len(await stored(topology, "DISTRICT")) == before
    assert (await topology.jetstream().consumer_info("SITE", "keeper")).num_ack_pending == 0
