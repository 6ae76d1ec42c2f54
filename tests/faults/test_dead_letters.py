"""Dead letters, on the real bus: listed, handled again exactly once, refused again, dismissed."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.client import Client

from reelwarden_common.envelope import Envelope
from reelwarden_common.errors import Early
from reelwarden_common.events.letters import (
    Act,
    Fault,
    Letter,
    LetterAnswer,
    LetterQuery,
    LettersAnswer,
    LetterSettled,
    LettersQuery,
    LetterTask,
    LetterTaskAnswer,
    Outcome,
)
from reelwarden_common.messaging import retry
from reelwarden_common.messaging.letters import DeadLetters
from reelwarden_common.messaging.questions import BadQuestion, NoAnswer, ask
from reelwarden_common.messaging.topology import LETTER, LETTERS, SETTLE_LETTER
from reelwarden_common.messaging.units import Store
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.ops import hub_of, operator
from tests.support.roles import SCHOOL, authorised, messages_in, probe, until

ROLE = "exporter"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path_factory.mktemp("letters") / "bus", [SCHOOL]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def desk(bus: EmbeddedBus) -> AsyncIterator[Client]:
    """The district's voice; what was said before this test is forgotten at both ends."""
    for school in (None, SCHOOL):
        topology = await bus.connect("topology", school)
        for stream in ("DISTRICT", "DLQ", "SITE"):
            await topology.jetstream(timeout=10).purge_stream(stream)
        await topology.close()
    client = await bus.connect("desk")
    yield client
    await client.close()


@pytest_asyncio.fixture(loop_scope="session")
async def ops(bus: EmbeddedBus) -> AsyncIterator[Client]:
    async with operator(hub_of(bus.state_dir.parent)) as client:
        yield client


async def decide(desk: Client, *numbers: int, body: bytes = b"") -> None:
    """Publish decisions, each as one that the bus never heard before; with another body, bad ones."""
    for number in numbers:
        message = authorised(number)
        headers = {**message.headers, "Nats-Msg-Id": uuid.uuid4().hex}
        await desk.jetstream().publish(message.subject, body or message.body, headers=headers)


async def letters(ops: Client, **query: Any) -> LettersAnswer:
    return await ask(ops, LETTERS, SCHOOL, LettersQuery(**query), LettersAnswer, role=ROLE)


async def waiting(ops: Client, count: int) -> tuple[Letter, ...]:
    async def enough() -> bool:
        return (await letters(ops)).total >= count

    await until(enough)
    found = (await letters(ops)).letters
    assert len(found) == count
    return found


async def settle(ops: Client, letter: str, act: Act, note: str = "") -> LetterTaskAnswer:
    task = LetterTask(letter=letter, act=act, by="ops-li", note=note)
    return await ask(ops, SETTLE_LETTER, SCHOOL, task, LetterTaskAnswer, 30, role=ROLE)


async def settled(bus: EmbeddedBus) -> list[LetterSettled]:
    """What the school said about its letters."""
    topology = await bus.connect("topology", SCHOOL)
    said = [m for m in await messages_in(topology, "SITE") if m.subject.endswith("letter.settled")]
    await topology.close()
    return [LetterSettled.model_validate_json(m.data) for m in said]


class Steps:
    """A handler that takes numbered steps in their order only, and remembers them in its database."""

    async def __call__(self, event: Any, _envelope: Envelope, store: Store) -> None:
        conn = store.conn  # type: ignore[attr-defined]
        conn.execute("CREATE TABLE IF NOT EXISTS step (number INT)")
        number = int(event.application.removeprefix("a-"))
        done = conn.execute("SELECT coalesce(max(number), 0) FROM step").fetchone()[0]
        if number > done + 1:
            raise Early(f"step {number} came before step {done + 1}")
        if number == done + 1:
            conn.execute("INSERT INTO step VALUES (?)", (number,))


def steps(bus_role: Any) -> list[int]:
    rows = bus_role._conn.execute("SELECT number FROM step ORDER BY rowid").fetchall()
    return [row["number"] for row in rows]


async def test_what_came_too_early_is_replayed_once_the_missing_one_is_there(
    bus: EmbeddedBus, tmp_path: Path, desk: Client, ops: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "EARLY_ATTEMPTS", 1)
    async with probe(bus, ROLE, tmp_path, Steps()) as exporter:
        await decide(desk, 2, 3)
        third, second = await waiting(ops, 2)
        assert [second.event, third.event] == ["e-2", "e-3"]
        assert second.fault is Fault.EARLY
        assert second.detail == "step 2 came before step 1"
        assert (second.school, second.event_type) == (SCHOOL, "reelwarden.desk.retrieval.authorised.v1")

        failed = await settle(ops, second.letter, Act.REPLAY)
        assert failed == LetterTaskAnswer(outcome=Outcome.FAILED, detail="step 2 came before step 1")
        assert len((await letters(ops)).letters) == 2

        await decide(desk, 1)
        await until(lambda: "e-1" in exporter.ids)
        assert (await settle(ops, third.letter, Act.REPLAY)).outcome is Outcome.FAILED
        for letter in (second, third):
            assert (await settle(ops, letter.letter, Act.REPLAY)).outcome is Outcome.REPLAYED
            assert (await settle(ops, letter.letter, Act.REPLAY)).outcome is Outcome.UNKNOWN
        assert steps(exporter.role.units) == [1, 2, 3]
        assert (await letters(ops)).letters == ()
    assert [(s.event, s.outcome, s.by) for s in await settled(bus)] == [
        ("e-2", "replayed", "ops-li"),
        ("e-3", "replayed", "ops-li"),
    ]


async def test_a_replay_that_was_not_seen_to_end_has_its_effect_once(
    bus: EmbeddedBus, tmp_path: Path, desk: Client, ops: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "EARLY_ATTEMPTS", 1)
    async with probe(bus, ROLE, tmp_path, Steps()) as exporter:
        await decide(desk, 2)
        (letter,) = await waiting(ops, 1)
        await decide(desk, 1)
        await until(lambda: "e-1" in exporter.ids)

        async def dies(*_: Any) -> None:
            raise ConnectionResetError("killed before it was said")

        with monkeypatch.context() as broken:
            broken.setattr(DeadLetters, "_settled", dies)
            with pytest.raises(BadQuestion, match="could not be answered"):
                await settle(ops, letter.letter, Act.REPLAY)
        assert steps(exporter.role.units) == [1, 2]
        assert (await letters(ops)).letters == (letter,)
        assert (await settle(ops, letter.letter, Act.REPLAY)).outcome is Outcome.REPLAYED
        assert steps(exporter.role.units) == [1, 2]


async def test_what_is_malformed_is_explained_refused_again_and_dismissed(
    bus: EmbeddedBus, tmp_path: Path, desk: Client, ops: Client
) -> None:
    async with probe(bus, ROLE, tmp_path) as exporter:
        await decide(desk, 7, body="{“坏”".encode())
        (letter,) = await waiting(ops, 1)
        assert letter.fault is Fault.MALFORMED
        assert "reelwarden.desk.retrieval.authorised.v1 is invalid" in letter.detail
        shown = await ask(ops, LETTER, SCHOOL, LetterQuery(letter=letter.letter), LetterAnswer, role=ROLE)
        assert shown == LetterAnswer(letter=letter, body="{“坏”")

        refused = await settle(ops, letter.letter, Act.REPLAY)
        assert refused.outcome is Outcome.FAILED
        assert "is invalid" in refused.detail
        with pytest.raises(BadQuestion, match="say in a note why it is dismissed"):
            await settle(ops, letter.letter, Act.DISMISS, " ")
        assert await settled(bus) == []
        assert (await settle(ops, letter.letter, Act.DISMISS, "a test")).outcome is Outcome.DISMISSED
        assert (await letters(ops)).letters == ()
        gone = await ask(ops, LETTER, SCHOOL, LetterQuery(letter=letter.letter), LetterAnswer, role=ROLE)
        assert gone.letter is None
        assert exporter.heard == []
    assert [(s.letter, s.outcome, s.note) for s in await settled(bus)] == [
        (letter.letter, "dismissed", "a test")
    ]


async def test_nothing_of_a_settled_letter_is_left(
    bus: EmbeddedBus, tmp_path: Path, desk: Client, ops: Client
) -> None:
    topology = await bus.connect("topology", SCHOOL)
    async with probe(bus, ROLE, tmp_path):
        await decide(desk, 8, 8, body=b"{")
        first, other = await waiting(ops, 2)
        await settle(ops, first.letter, Act.DISMISS, "a test")

        async def one_left() -> bool:
            return (await topology.jetstream(timeout=10).stream_info("DLQ")).state.messages == 1

        await until(one_left)
        (left,) = await messages_in(topology, "DLQ")
        assert left.subject == f"dlq.{ROLE}.{other.letter}"
    await topology.close()


async def test_many_letters_come_page_by_page(
    bus: EmbeddedBus, tmp_path: Path, desk: Client, ops: Client
) -> None:
    async with probe(bus, ROLE, tmp_path):
        await decide(desk, *range(12), body=b"{")
        await waiting(ops, 12)
        seen: list[str] = []
        page = await letters(ops, limit=5)
        while True:
            seen += [letter.event for letter in page.letters]
            if not page.more:
                break
            page = await letters(ops, limit=5, before=page.letters[-1].letter)
    assert seen == [f"e-{number}" for number in range(11, -1, -1)]


async def test_a_role_that_does_not_run_is_not_answered_for(ops: Client, desk: Client) -> None:
    del desk
    with pytest.raises(NoAnswer):
        await ask(ops, LETTERS, SCHOOL, LettersQuery(), LettersAnswer, 2, role=ROLE)
