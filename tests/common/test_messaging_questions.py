"""Questions by request and reply: across the leaf, without an answer, with a bad one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from reelwarden_common.errors import Transient
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import SegmentsAnswer, SegmentsQuery
from reelwarden_common.messaging.questions import Answer, BadQuestion, NoAnswer, ask
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS
from reelwarden_local.bus import EmbeddedBus
from tests.support.roles import NOW, SCHOOL, bus_of, probe

Reply = Callable[[SegmentsQuery], Awaitable[SegmentsAnswer]]
QUESTION = SegmentsQuery(camera="gate", start=NOW, end=NOW + timedelta(hours=1))
MISSING = CameraSpan(camera="gate", start=NOW, end=NOW)


@asynccontextmanager
async def scanner(bus: EmbeddedBus, folder: Path, reply: Reply) -> AsyncIterator[None]:
    async with probe(bus, "scanner", folder, answers=[Answer(SCANNER_SEGMENTS, SegmentsQuery, reply)]):
        yield


async def test_the_answer_comes_to_another_role_of_the_school(bus: EmbeddedBus, tmp_path: Path) -> None:
    async def reply(question: SegmentsQuery) -> SegmentsAnswer:
        return SegmentsAnswer(segments=(), complete_to=question.end)

    async with scanner(bus, tmp_path, reply), probe(bus, "exporter", tmp_path) as exporter:
        answer = await exporter.role.bus.ask(SCANNER_SEGMENTS, SCHOOL, QUESTION, SegmentsAnswer)
    assert answer == SegmentsAnswer(segments=(), complete_to=QUESTION.end)


async def test_the_answer_comes_through_the_leaf_to_the_district(bus: EmbeddedBus, tmp_path: Path) -> None:
    async def reply(_question: SegmentsQuery) -> SegmentsAnswer:
        return SegmentsAnswer(segments=(), complete_to=None)

    hub = await bus.connect("topology")
    async with scanner(bus, tmp_path, reply):
        assert await ask(hub, SCANNER_SEGMENTS, SCHOOL, QUESTION, SegmentsAnswer)
    await hub.close()


async def test_nobody_there_is_told_in_time(bus: EmbeddedBus, tmp_path: Path) -> None:
    async with probe(bus, "exporter", tmp_path) as exporter:
        with pytest.raises(NoAnswer, match=r"rw\.s001\.scanner\.query\.segments: no answer within 0\.5 s"):
            await exporter.role.bus.ask(SCANNER_SEGMENTS, SCHOOL, QUESTION, SegmentsAnswer, 0.5)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Transient("the catalogue is being rebuilt"), "the catalogue is being rebuilt"),
        (KeyError("gate"), "could not be answered: KeyError"),
    ],
)
async def test_a_failure_is_an_answer(bus: EmbeddedBus, tmp_path: Path, error: Exception, told: str) -> None:
    async def reply(_question: SegmentsQuery) -> SegmentsAnswer:
        raise error

    async with scanner(bus, tmp_path, reply), probe(bus, "exporter", tmp_path) as exporter:
        with pytest.raises(BadQuestion, match=told):
            await exporter.role.bus.ask(SCANNER_SEGMENTS, SCHOOL, QUESTION, SegmentsAnswer)


async def test_an_answer_larger_than_the_bus_takes_says_so(bus: EmbeddedBus, tmp_path: Path) -> None:
    async def reply(_question: SegmentsQuery) -> SegmentsAnswer:
        return SegmentsAnswer(segments=(), complete_to=None, missing=(MISSING,) * 4000)

    async with scanner(bus, tmp_path, reply), probe(bus, "exporter", tmp_path) as exporter:
        with pytest.raises(BadQuestion, match="more than the bus takes: ask about less"):
            await exporter.role.bus.ask(SCANNER_SEGMENTS, SCHOOL, QUESTION, SegmentsAnswer)


async def test_a_malformed_question_is_answered(bus: EmbeddedBus, tmp_path: Path) -> None:
    async def reply(_question: SegmentsQuery) -> SegmentsAnswer:
        return SegmentsAnswer(segments=(), complete_to=None)

    asker = bus_of(bus, "exporter", tmp_path)
    await asker.broker.connect()
    async with scanner(bus, tmp_path, reply):
        client = asker.broker.connection
        message = await client.request("rw.s001.scanner.query.segments", b'{"camera": 1}', timeout=5)
    assert b"bad question" in message.data
    await asker.broker.stop()
