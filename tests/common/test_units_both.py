"""What a unit of work promises, on both databases: once, together, in order (invariant 5)."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import nats
import pytest
import pytest_asyncio

from reelwarden_common.envelope import Envelope, Message
from reelwarden_common.events.ingest import DayDiffers, StorageMeasured
from reelwarden_common.messaging.postgres import MESSAGING_SQL, Connection, PgUnits, open_pool
from reelwarden_common.messaging.publisher import NotTaken, publish_all
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.units import Store, Units
from tests.support.backends import Bus, unique
from tests.support.roles import NOW, traced

TABLE = "CREATE TABLE effects (id text)"
EVENT = DayDiffers(camera="gate", day="2026-03-02")


class EffectStore(Store):
    """A store with one table, whichever the database."""

    def __init__(self, conn: Connection | sqlite3.Connection) -> None:
        super().__init__("index")
        self.conn = conn

    async def add(self, id_: str) -> None:
        if isinstance(self.conn, sqlite3.Connection):
            self.conn.execute("INSERT INTO effects VALUES (?)", (id_,))
        else:
            await self.conn.execute("INSERT INTO effects VALUES ($1)", id_)


@dataclass
class Kit:
    """Units, and a way to look past them."""

    units: Units[EffectStore]
    look: Callable[[str], Awaitable[list[str]]]

    async def effects(self) -> list[str]:
        return await self.look("SELECT id FROM effects ORDER BY id")


@asynccontextmanager
async def on_postgres(url: str) -> AsyncIterator[Kit]:
    admin = await asyncpg.connect(url)
    await admin.execute(f"CREATE SCHEMA t; SET search_path TO t; {MESSAGING_SQL}; {TABLE}")
    pool = await open_pool(url, "t")

    async def look(query: str) -> list[str]:
        return [row[0] for row in await admin.fetch(query)]

    yield Kit(PgUnits(pool, "index", EffectStore), look)
    await pool.close()
    await admin.close()


@asynccontextmanager
async def on_sqlite(path: Path) -> AsyncIterator[Kit]:
    conn = open_database(path, [TABLE])

    async def look(query: str) -> list[str]:
        return [row[0] for row in conn.execute(query)]

    yield Kit(SqliteUnits(conn, path, EffectStore), look)
    conn.close()


@pytest_asyncio.fixture(params=["postgres", "sqlite"], loop_scope="session")
async def kit(request: pytest.FixtureRequest, tmp_path: Path, fresh_database: str) -> AsyncIterator[Kit]:
    made = on_sqlite(tmp_path / "role.db") if request.param == "sqlite" else on_postgres(fresh_database)
    async with made as kit:
        yield kit


def envelope(id_: str) -> Envelope:
    return Envelope(id_, "reelwarden.x.y.z.v1", "s001", "x", NOW)


def work(*ids: str, fail: bool = False) -> Callable[[EffectStore], Awaitable[None]]:
    async def do(store: EffectStore) -> None:
        for id_ in ids:
            await store.add(id_)
            store.publish("s001", EVENT, event_id=f"said-{id_}")
        if fail:
            raise LookupError("a fault of the handler")

    return do


class Sender:
    """Stands where the bus stands."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.away = False

    async def __call__(self, messages: Sequence[Message]) -> None:
        self.sent += [m.id for m in messages]
        if self.away:
            raise NotTaken("no answer")


async def test_an_event_takes_effect_once(kit: Kit) -> None:
    assert await kit.units.once(envelope("a"), work("1"))
    assert not await kit.units.once(envelope("a"), work("1"))
    assert await kit.units.once(envelope("b"), work("2"))
    assert await kit.effects() == ["1", "2"]
    assert await kit.units.outbox_size() == 2


async def test_what_fails_leaves_nothing_behind(kit: Kit) -> None:
    with pytest.raises(LookupError):
        await kit.units.once(envelope("a"), work("1", fail=True))
    with pytest.raises(LookupError):
        async with kit.units.begin() as store:
            await work("2", fail=True)(store)
    assert (await kit.effects(), await kit.units.outbox_size()) == ([], 0)
    assert await kit.units.once(envelope("a"), work("1"))


async def test_events_leave_in_order_and_are_forgotten_once_sent(kit: Kit) -> None:
    ids = [f"{n:03}" for n in range(25)]
    for chunk in (ids[:10], ids[10:]):
        async with kit.units.begin() as store:
            await work(*chunk)(store)
    sender = Sender()
    assert [await kit.units.relay(sender, 10) for _ in range(4)] == [10, 10, 5, 0]
    assert sender.sent == [f"said-{id_}" for id_ in ids]
    assert await kit.units.outbox_size() == 0


async def test_what_the_bus_did_not_confirm_is_sent_again(kit: Kit) -> None:
    async with kit.units.begin() as store:
        await work("1", "2")(store)
    sender = Sender()
    sender.away = True
    with pytest.raises(NotTaken):
        await kit.units.relay(sender, 10)
    assert await kit.units.outbox_size() == 2
    sender.away = False
    await kit.units.relay(sender, 10)
    assert sender.sent == ["said-1", "said-2"] * 2


async def test_a_lost_answer_makes_no_double_effect(kit: Kit, nats_server: Bus, tmp_path: Path) -> None:
    """The bus took it, the answer was lost, it is sent again: one in the stream, and one effect."""
    client = await nats.connect(nats_server.url)
    js, school = client.jetstream(), unique("s")
    await js.add_stream(name=school, subjects=[f"rw.{school}.>"])
    async with kit.units.begin() as store:
        for n in range(20):
            store.publish(school, EVENT, event_id=f"{school}-{n}")

    async def answer_lost(messages: Sequence[Message]) -> None:
        await publish_all(js, messages)
        raise NotTaken("the answer was lost")

    async def send(messages: Sequence[Message]) -> None:
        await publish_all(js, messages)

    with pytest.raises(NotTaken):
        await kit.units.relay(answer_lost, 100)
    assert await kit.units.relay(send, 100) == 20
    assert (await js.stream_info(school)).state.messages == 20
    async with on_sqlite(tmp_path / "reader.db") as reader:
        for _ in range(2):
            for n in range(1, 21):
                got: Any = await js.get_msg(school, n)
                await reader.units.once(envelope(got.headers["ce-id"]), work(got.headers["ce-id"]))
        assert sorted(await reader.effects()) == sorted(f"{school}-{n}" for n in range(20))
    await client.close()


async def test_a_role_cannot_say_what_is_not_its_own(kit: Kit) -> None:
    with pytest.raises(Exception, match="index may not publish"):
        async with kit.units.begin() as store:
            store.publish("s001", StorageMeasured(total=1, free=1))
    assert await kit.units.outbox_size() == 0


async def test_the_trace_at_work_goes_with_the_event(kit: Kit) -> None:
    telemetry, spans = traced("index")
    with telemetry.working("counting"):
        async with kit.units.begin() as store:
            await work("1")(store)
    (headers,) = await kit.look("SELECT headers FROM outbox")
    (span,) = spans.get_finished_spans()
    assert f'"traceparent": "00-{span.context.trace_id:032x}-{span.context.span_id:016x}-' in headers


async def test_the_inbox_forgets_what_no_stream_has_any_more(kit: Kit) -> None:
    for id_ in ("old", "new"):
        await kit.units.once(envelope(id_), work(id_))
    old = "now() - interval '61 days'" if isinstance(kit.units, PgUnits) else "datetime('now', '-61 days')"
    await kit.look(f"UPDATE inbox SET seen_at = {old} WHERE id LIKE '%.old' RETURNING id")
    await kit.units.tidy()
    assert await kit.look("SELECT id FROM inbox") == [envelope("new").key]


async def test_another_schools_event_with_the_same_id_takes_effect_too(kit: Kit) -> None:
    """A school that guesses an id must not be able to have another's event ignored (invariant 8)."""
    ours = envelope("same")
    theirs = replace(ours, school="s999")
    assert await kit.units.once(theirs, work("theirs"))
    assert await kit.units.once(ours, work("ours"))
    assert not await kit.units.once(ours, work("again"))
