"""Units on PostgreSQL: replicas side by side, and a database that is killed, frozen or away."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.envelope import Message
from reelwarden_common.errors import Transient
from reelwarden_common.messaging.postgres import MESSAGING_SQL, DatabaseAway, NoAccess, PgUnits, open_pool
from reelwarden_local.servers import Postgres
from tests.common.test_units_both import EVENT, TABLE, EffectStore, envelope, on_postgres, work
from tests.support.stopped import stop

FACTS = 200


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL of this test's own, to be killed."""
    async with Postgres(tmp_path, quick=True) as running:
        admin = await running.admin()
        await admin.execute(f"CREATE SCHEMA t; SET search_path TO t; {MESSAGING_SQL}; {TABLE}")
        await admin.close()
        yield running


async def test_two_relays_keep_the_order_and_send_each_once(fresh_database: str) -> None:
    async with on_postgres(fresh_database) as kit:
        async with kit.units.begin() as store:
            for n in range(FACTS):
                store.publish("s001", EVENT, event_id=f"{n:04}")
        pool = await open_pool(fresh_database, "t")
        sent: list[str] = []

        async def send(messages: Sequence[Message]) -> None:
            for message in messages:
                await asyncio.sleep(0)
                sent.append(message.id)

        async def drain(units: PgUnits[EffectStore]) -> None:
            while await units.outbox_size():
                await units.relay(send, 7)

        replica = PgUnits(pool, "index", EffectStore)
        assert isinstance(kit.units, PgUnits)
        await asyncio.gather(drain(kit.units), drain(replica))
        assert sent == [f"{n:04}" for n in range(FACTS)]
        await pool.close()


async def test_a_relay_leaves_other_roles_events_alone(fresh_database: str) -> None:
    async with on_postgres(fresh_database) as kit:
        async with kit.units.begin() as store:
            store.publish("s001", EVENT, event_id="1")
        pool = await open_pool(fresh_database, "t")
        other = PgUnits(pool, "intake", EffectStore)
        assert (await other.relay(_nobody, 10), await other.outbox_size()) == (0, 0)
        assert await kit.units.outbox_size() == 1
        await pool.close()


async def _nobody(messages: Sequence[Message]) -> None:
    pytest.fail(f"sent {messages}")


async def test_a_killed_database_loses_nothing_and_doubles_nothing(server: Postgres) -> None:
    """Killed twice with SIGKILL under load; each fact is tried until it is done, as delivery does."""
    pool = await open_pool(server.admin_url(), "t")
    units = PgUnits(pool, "index", EffectStore)
    failures = 0

    async def insist(number: int) -> None:
        nonlocal failures
        while True:
            try:
                await units.once(envelope(f"e-{number}"), work(f"{number:04}"))
            except Transient:
                failures += 1
                await asyncio.sleep(0.05)
            else:
                return

    async def load() -> None:
        for number in range(FACTS):
            await asyncio.gather(insist(number), insist(number))
            await asyncio.sleep(0.005)

    loading = asyncio.create_task(load())
    for _ in range(2):
        await asyncio.sleep(0.3)
        await server.kill()
        await server.start()
    await asyncio.wait_for(loading, 90)
    assert failures
    admin = await server.admin()
    rows = await admin.fetch("SELECT id FROM t.effects ORDER BY id")
    assert [row[0] for row in rows] == [f"{n:04}" for n in range(FACTS)]
    assert await units.outbox_size() == FACTS
    await admin.close()
    await pool.close()


async def test_a_frozen_database_is_noticed_in_time(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwarden_common.messaging.postgres.COMMAND_SECONDS", 1.0)
    monkeypatch.setattr("reelwarden_common.messaging.postgres.CONNECT_SECONDS", 1.0)
    pool = await open_pool(server.admin_url(), "t", size=1)
    units = PgUnits(pool, "index", EffectStore)
    await units.ping()
    with frozen(server):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await units.ping()
        with pytest.raises(DatabaseAway):
            await units.once(envelope("a"), work("1"))
        assert time.monotonic() - begun < 60
    await pool.close()


def _family(pid: int) -> list[int]:
    found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(g for child in found for g in _family(child))]


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """The server with all its children, stopped while the block runs."""
    assert server.pid
    pids = _family(server.pid)
    stop(pids)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_database_that_is_away_is_a_passing_fault(server: Postgres) -> None:
    pool = await open_pool(server.admin_url(), "t")
    units = PgUnits(pool, "index", EffectStore)
    await server.kill()
    with pytest.raises(DatabaseAway):
        await units.once(envelope("a"), work("1"))
    with pytest.raises(Exception):  # noqa: B017, PT011 - readiness takes any
        await units.ping()
    await server.start()
    assert await units.once(envelope("a"), work("1"))
    await pool.close()


@pytest.mark.parametrize("fault", [FileNotFoundError("no such file"), ValueError("a fault of the code")])
async def test_a_fault_of_the_handler_is_not_the_databases(fresh_database: str, fault: Exception) -> None:
    """Otherwise a missing file would be tried again for ever instead of being told."""

    async def fail(_store: EffectStore) -> None:
        raise fault

    async with on_postgres(fresh_database) as kit:
        with pytest.raises(type(fault)):
            await kit.units.once(envelope("a"), fail)


async def test_a_deadlock_is_a_passing_fault(fresh_database: str) -> None:
    async with on_postgres(fresh_database) as kit:
        async with kit.units.begin() as store:
            await work("1", "2")(store)
        met = asyncio.Barrier(2)

        async def cross(first: str, second: str) -> None:
            async def work_(store: EffectStore) -> None:
                assert isinstance(store.conn, asyncpg.pool.PoolConnectionProxy)
                await store.conn.execute("UPDATE effects SET id = id WHERE id = $1", first)
                await met.wait()
                await store.conn.execute("UPDATE effects SET id = id WHERE id = $1", second)

            await kit.units.once(envelope(first), work_)

        results = await asyncio.gather(cross("1", "2"), cross("2", "1"), return_exceptions=True)
        assert [type(r) for r in results if r] == [DatabaseAway]


async def test_a_role_that_cannot_get_in_is_told_what_to_look_at(server: Postgres) -> None:
    with pytest.raises(NoAccess, match="RW_DATABASE_URL"):
        await open_pool(server.url("nobody", "wrong", "postgres"), "t")
    with pytest.raises(NoAccess, match="RW_DATABASE_URL"):
        await open_pool("not an address", "t")
    await server.kill()
    with pytest.raises(DatabaseAway, match="database: "):
        await open_pool(server.admin_url(), "t")
