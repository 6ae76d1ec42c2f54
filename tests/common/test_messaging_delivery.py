"""How a message is handled: once, again, or given up with its reason; the stream always moves on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.client import Client

from reelwarden_common.envelope import MAX_BODY, Envelope, encode
from reelwarden_common.errors import Early, Refused, Transient
from reelwarden_common.events.access import RetrievalAuthorised
from reelwarden_common.events.report import MessageRefused
from reelwarden_common.messaging import delivery, retry
from reelwarden_common.messaging.units import Store
from reelwarden_local.bus import EmbeddedBus
from tests.support.roles import NOW, SCHOOL, authorised, messages_in, probe, say, until

ATTEMPTS = 5


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(retry, "LONGEST_DELAY", 0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(bus: EmbeddedBus) -> AsyncIterator[Client]:
    client = await bus.connect("desk")
    yield client
    await client.close()


@pytest_asyncio.fixture(loop_scope="session")
async def leaf(bus: EmbeddedBus) -> AsyncIterator[Client]:
    client = await bus.connect("topology", SCHOOL)
    yield client
    await client.close()


class Failing:
    """A handler that fails for some events as it is told to, and counts."""

    def __init__(self, error: Callable[[Envelope, int], Exception | None]) -> None:
        self.error = error
        self.calls: dict[str, int] = {}

    async def __call__(self, _event: Any, envelope: Envelope, _store: Store) -> None:
        self.calls[envelope.id] = self.calls.get(envelope.id, 0) + 1
        if error := self.error(envelope, self.calls[envelope.id]):
            raise error


def failing_first(error: Exception, times: int | None = None) -> Failing:
    """Fails for e-1, always or the first `times`."""
    return Failing(lambda e, n: error if e.id == "e-1" and (times is None or n <= times) else None)


BAD: dict[str, tuple[bytes, dict[str, str], str]] = {
    "malformed": (b'{"application": ', {}, "is invalid at body"),
    "no-json": (b"\xff\xfe\x00", {}, "is invalid at body"),
    "wrong-field": (b'{"application": 7}', {}, "is invalid at application"),
    "unknown-type": (b"{}", {"ce-type": "reelwarden.desk.retrieval.forgotten.v1"}, "unknown event type"),
    "unknown-version": (b"{}", {"ce-type": "reelwarden.desk.retrieval.authorised.v9"}, "unknown event type"),
    "other-type": (b"{}", {"ce-type": "reelwarden.keeper.plan.issued.v1"}, "does not belong there"),
    "no-type": (b"{}", {"ce-type": ""}, "unknown event type"),
    "bad-time": (authorised(9).body, {"ce-time": "yesterday"}, "not readable"),
    "beyond-the-calendar": (
        authorised(9).body.replace(b"2026-03-02T08:00:00.000000Z", b"9999-12-31T23:59:59-10:00"),
        {},
        "outside the years 1 to 9999",
    ),
    "no-zone": (authorised(9).body, {"ce-time": "2026-03-02T08:00:00"}, "ce-time a zone"),
    "bad-id": (authorised(9).body, {"ce-id": "e 9"}, "printable ASCII"),
    "long-id": (authorised(9).body, {"ce-id": "e" * 129}, "1 to 128"),
    "oversized": (b'"' + b"x" * MAX_BODY + b'"', {}, "at most 245760 are read"),
    "as-large-as-the-bus-takes": (b'"' + b"x" * 261_000 + b'"', {}, "at most 245760 are read"),
    "foreign-text": (b"{}", {"ce-type": "事件", "ce-source": "/学校"}, "unknown event type"),
}


async def test_bad_messages_are_kept_with_their_reason_and_hold_up_nobody(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    async with probe(bus, "exporter", tmp_path) as exporter:
        for name, (body, headers, _) in BAD.items():
            sent = {**authorised(1).headers, "Nats-Msg-Id": name, **headers}
            await desk.jetstream().publish(authorised(1).subject, body, headers=sent)
        await say(desk.jetstream(), authorised(2))
        await until(lambda: exporter.ids == ["e-2"])
        metrics = (await exporter.get("/metrics")).text
    letters = await messages_in(leaf, "DLQ")
    assert len(letters) == len(BAD)
    for letter, (body, _, reason) in zip(letters, BAD.values(), strict=True):
        assert letter.headers["rw-reason"] == "Malformed"
        assert reason in letter.headers["rw-detail"]
        assert letter.data == body[:MAX_BODY]
        assert letter.headers.get("rw-cut-from") == (str(len(body)) if len(body) > MAX_BODY else None)
    told = [m for m in await messages_in(leaf, "SITE") if m.subject == "rw.s001.exporter.message.refused"]
    assert len(told) == len(BAD)
    assert f'outcome="Malformed",type="dead-letter"}} {len(BAD)}.0' in metrics
    assert "forgotten" not in metrics


async def test_doubles_are_handled_once(bus: EmbeddedBus, desk: Client, tmp_path: Path) -> None:
    async with probe(bus, "exporter", tmp_path) as exporter:
        for n in range(3):
            await say(desk.jetstream(), authorised(1), **{"Nats-Msg-Id": f"another-{n}"})
        await say(desk.jetstream(), authorised(2))
        await until(lambda: "e-2" in exporter.ids)
    async with probe(bus, "exporter", tmp_path) as again:
        await say(desk.jetstream(), authorised(1), **{"Nats-Msg-Id": "much later"})
        await say(desk.jetstream(), authorised(3))
        await until(lambda: again.ids == ["e-3"])
    assert exporter.ids == ["e-1", "e-2"]


async def test_an_unforeseen_fault_is_tried_five_times_and_then_given_up(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    handler = failing_first(KeyError("surprise"))
    async with probe(bus, "exporter", tmp_path, handler) as exporter:
        await say(desk.jetstream(), authorised(1), authorised(2))
        await until(lambda: dead_letters(leaf))
        await until(lambda: bool(exporter.ids))
    assert handler.calls == {"e-1": ATTEMPTS, "e-2": 1}
    assert exporter.ids == ["e-2"]
    (letter,) = await messages_in(leaf, "DLQ")
    assert (letter.headers["rw-reason"], letter.headers["ce-id"]) == ("KeyError", "e-1")
    assert letter.data == authorised(1).body


async def dead_letters(leaf: Client) -> int:
    return (await leaf.jetstream().stream_info("DLQ")).state.messages or 0


async def test_a_refused_message_is_given_up_at_once(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    handler = failing_first(Refused("二号摄像机不存在 · there is no camera 2\r\nNats-Msg-Id: forged"))
    async with probe(bus, "exporter", tmp_path, handler):
        await say(desk.jetstream(), authorised(1))
        await until(lambda: dead_letters(leaf))
    (letter,) = await messages_in(leaf, "DLQ")
    assert handler.calls == {"e-1": 1}
    assert letter.headers["rw-detail"] == "二号摄像机不存在 · there is no camera 2 Nats-Msg-Id: forged"
    assert letter.headers["Nats-Msg-Id"].startswith("dlq.exporter.DISTRICT.")


async def test_what_comes_early_waits_for_what_must_come_first(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    seen: set[str] = set()

    async def in_order(_event: Any, envelope: Envelope, _store: Store) -> None:
        if envelope.id == "e-2" and "e-1" not in seen:
            raise Early("e-1 must come first")
        seen.add(envelope.id)

    async with probe(bus, "exporter", tmp_path, in_order) as exporter:
        await say(desk.jetstream(), authorised(2), authorised(3))
        await until(lambda: exporter.ids == ["e-3"])
        await asyncio.sleep(0.3)
        await say(desk.jetstream(), authorised(1))
        await until(lambda: exporter.ids == ["e-3", "e-1", "e-2"])
    assert not await dead_letters(leaf)


async def test_what_stays_early_is_given_up_in_the_end(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "EARLY_ATTEMPTS", 3)
    handler = failing_first(Early("never comes"))
    async with probe(bus, "exporter", tmp_path, handler):
        await say(desk.jetstream(), authorised(1))
        await until(lambda: dead_letters(leaf))
    assert handler.calls == {"e-1": 3}


async def test_a_passing_fault_is_tried_for_as_long_as_it_lasts(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    handler = failing_first(Transient("the database is away"), times=12)
    async with probe(bus, "exporter", tmp_path, handler) as exporter:
        await say(desk.jetstream(), authorised(1))
        await until(lambda: exporter.ids == ["e-1"])
    assert handler.calls == {"e-1": 13}
    assert not await dead_letters(leaf)


async def test_a_long_outage_does_not_use_up_the_attempts(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    """Ten times the database is away, then four times something else: still not given up."""

    def fails(_envelope: Envelope, call: int) -> Exception | None:
        if call <= 10:
            return Transient("the database is away")
        return KeyError("surprise") if call <= 10 + ATTEMPTS - 1 else None

    async with probe(bus, "exporter", tmp_path, Failing(fails)) as exporter:
        await say(desk.jetstream(), authorised(1))
        await until(lambda: exporter.ids == ["e-1"])
    assert not await dead_letters(leaf)


async def test_a_dead_letter_about_a_dead_letter_ends_there(bus: EmbeddedBus, tmp_path: Path) -> None:
    """Otherwise a role that cannot hear of refusals would fill the bus with them."""
    hub = await bus.connect("topology")
    event = MessageRefused(subject_of="x", event="x", reason="x", detail="x")
    first = encode(event, school=SCHOOL, role="keeper", event_id="r-1", time=NOW)
    handler = Failing(lambda _e, _n: Refused("cannot read that"))
    async with probe(bus, "inspector", tmp_path, handler):
        await say(hub.jetstream(), first)
        await until(lambda: dead_letters(hub))
        await asyncio.sleep(0.5)
    assert await dead_letters(hub) == 1
    assert [m.headers["ce-id"] for m in await messages_in(hub, "OFFICE")] == ["r-1"]
    await hub.close()


async def test_a_bad_one_in_a_batch_goes_alone(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    done: list[str] = []

    async def together(heard: Sequence[tuple[Any, Envelope]], _store: Store) -> None:
        ids = [envelope.id for _, envelope in heard]
        if "e-3" in ids:
            raise Refused("e-3 is bad")
        done.extend(ids)

    await say(desk.jetstream(), *(authorised(n) for n in range(6)))
    async with probe(bus, "exporter", tmp_path, batches={RetrievalAuthorised: together}):
        await until(lambda: dead_letters(leaf))
        await until(lambda: sorted(done) == [f"e-{n}" for n in (0, 1, 2, 4, 5)])
    (letter,) = await messages_in(leaf, "DLQ")
    assert letter.headers["ce-id"] == "e-3"


async def test_what_cannot_be_prepared_goes_alone(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    done: list[str] = []

    def prepared(event: RetrievalAuthorised, envelope: Envelope, now: datetime) -> str:
        assert now.tzinfo is UTC
        if envelope.id == "e-3":
            raise Refused("e-3 is bad")
        return event.application

    async def together(heard: Sequence[tuple[str, Envelope]], _store: Store) -> None:
        done.extend(application for application, _ in heard)

    await say(desk.jetstream(), *(authorised(n) for n in range(6)))
    ways: dict[str, Any] = {
        "batches": {RetrievalAuthorised: together},
        "prepare": {RetrievalAuthorised: prepared},
    }
    async with probe(bus, "exporter", tmp_path, **ways):
        await until(lambda: dead_letters(leaf))
        await until(lambda: sorted(done) == [f"a-{n}" for n in (0, 1, 2, 4, 5)])
    (letter,) = await messages_in(leaf, "DLQ")
    assert letter.headers["ce-id"] == "e-3"


async def test_the_next_batch_is_read_while_one_is_handled_and_waits_for_its_turn(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    go_on = asyncio.Event()
    read: list[str] = []
    told: list[str] = []

    def prepared(_event: RetrievalAuthorised, envelope: Envelope, _now: datetime) -> str:
        read.append(envelope.id)
        return envelope.id

    async def together(heard: Sequence[tuple[str, Envelope]], _store: Store) -> None:
        told.extend(f"began {one}" for one, _ in heard)
        await go_on.wait()
        told.extend(f"ended {one}" for one, _ in heard)

    ways: dict[str, Any] = {
        "batches": {RetrievalAuthorised: together},
        "prepare": {RetrievalAuthorised: prepared},
    }
    async with probe(bus, "exporter", tmp_path, **ways):
        for n in range(3):
            await say(desk.jetstream(), authorised(n))
            await until(lambda: len(read) == min(n + 1, 2))  # noqa: B023 - asked now
        assert told == ["began e-0"]
        go_on.set()
        await until(lambda: len(told) == 6)
    assert told == [f"{what} e-{n}" for n in range(3) for what in ("began", "ended")]
    assert not await dead_letters(leaf)


async def test_what_is_broken_off_by_a_stop_comes_again(
    quick_redelivery: None, bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    del quick_redelivery
    begun = asyncio.Event()
    done: list[str] = []

    async def never_ends(_heard: Any, _store: Store) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def together(heard: Sequence[tuple[Any, Envelope]], _store: Store) -> None:
        done.extend(envelope.id for _, envelope in heard)

    await say(desk.jetstream(), *(authorised(n) for n in range(3)))
    async with probe(bus, "exporter", tmp_path, batches={RetrievalAuthorised: never_ends}):
        await asyncio.wait_for(begun.wait(), 60)
    async with probe(bus, "exporter", tmp_path, batches={RetrievalAuthorised: together}):
        await until(lambda: sorted(set(done)) == ["e-0", "e-1", "e-2"])
    assert not await dead_letters(leaf)


async def test_a_passing_fault_does_not_take_a_batch_apart(
    bus: EmbeddedBus, desk: Client, leaf: Client, tmp_path: Path
) -> None:
    sizes: list[int] = []

    async def together(heard: Sequence[tuple[Any, Envelope]], _store: Store) -> None:
        sizes.append(len(heard))
        if len(sizes) <= 2:
            raise Transient("the database is away")

    await say(desk.jetstream(), *(authorised(n) for n in range(50)))
    await until(lambda: _arrived(leaf, 50))
    async with probe(bus, "exporter", tmp_path, batches={RetrievalAuthorised: together}):
        await until(lambda: len(sizes) > 2 and sum(sizes[2:]) >= 50)
    assert sizes[0] == 50
    assert len(sizes) < 12
    assert not await dead_letters(leaf)


async def _arrived(leaf: Client, count: int) -> bool:
    return bool((await leaf.jetstream().stream_info("DISTRICT")).state.messages == count)


async def test_a_batch_that_takes_long_is_not_given_to_another(
    quick_redelivery: None,
    bus: EmbeddedBus,
    desk: Client,
    leaf: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The consumer waits two seconds for an answer, and the work takes four."""
    del quick_redelivery
    monkeypatch.setattr(delivery, "KEEP_SECONDS", 0.5)

    async def slowly(_event: Any, _envelope: Envelope, _store: Store) -> None:
        await asyncio.sleep(0.8)

    await say(desk.jetstream(), *(authorised(n) for n in range(5)))
    await until(lambda: _arrived(leaf, 5))
    async with probe(bus, "exporter", tmp_path, slowly) as exporter:
        await until(lambda: len(exporter.ids) == 5)
        await until(lambda: _settled(leaf))
        metrics = (await exporter.get("/metrics")).text
    assert (await leaf.jetstream().consumer_info("DISTRICT", "exporter")).num_redelivered == 0
    assert 'outcome="seen"' not in metrics


async def _settled(leaf: Client) -> bool:
    info = await leaf.jetstream().consumer_info("DISTRICT", "exporter")
    return bool((info.num_pending, info.num_ack_pending) == (0, 0))
