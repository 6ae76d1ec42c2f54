"""Units on SQLite: a full disk, a killed process, a file that is none of ours."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from reelwarden_common.errors import StorageFull, Transient
from reelwarden_common.messaging.sqlite import SqliteUnits, StateDamaged, open_database
from tests.common.test_units_both import TABLE, EffectStore, Sender, envelope, on_sqlite, work

LONG = "x" * 100_000


async def test_a_full_disk_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "role.db"
    conn = open_database(path, [TABLE])
    units = SqliteUnits(conn, path, EffectStore)
    await units.once(envelope("before"), work("before"))
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(3):
        with pytest.raises(StorageFull, match="Free some space"):
            await units.once(envelope("a"), work(LONG))
    assert not await units.once(envelope("before"), work("before"))
    sender = Sender()
    assert await units.relay(sender, 10) == 1
    conn.execute("PRAGMA max_page_count = 100000")
    assert await units.once(envelope("a"), work(LONG))
    assert await units.outbox_size() == 1
    conn.close()


async def test_a_killed_process_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "role.db"
    script = (
        "import asyncio, pathlib, sys\n"
        "from reelwarden_common.messaging.sqlite import SqliteUnits, open_database\n"
        "from tests.common.test_units_both import TABLE, EffectStore, envelope, work\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "units = SqliteUnits(open_database(path, [TABLE]), path, EffectStore)\n"
        "async def main():\n"
        "    for n in range(1_000_000):\n"
        "        await units.once(envelope(f'e-{n}'), work(f'{n:06}'))\n"
        "        print(n, flush=True)\n"
        "asyncio.run(main())\n"
    )
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert made.stdout
    for _ in range(100):
        await asyncio.wait_for(made.stdout.readline(), 60)
    made.kill()
    rest, _ = await made.communicate()
    acknowledged = 100 + len(rest.split())
    async with on_sqlite(path) as kit:
        effects = await kit.effects()
        assert len(effects) in (acknowledged, acknowledged + 1)
        assert effects == [f"{n:06}" for n in range(len(effects))]
        assert await kit.units.outbox_size() == len(effects)
        assert len(await kit.look("SELECT id FROM inbox")) == len(effects)


async def test_units_wait_for_each_other(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path / "role.db") as kit:

        async def slowly(store: EffectStore) -> None:
            await asyncio.sleep(0.01)
            await store.add("x")

        done = await asyncio.gather(*(kit.units.once(envelope("same"), slowly) for _ in range(10)))
        assert sorted(done) == [False] * 9 + [True]


async def test_a_locked_file_is_a_passing_fault(tmp_path: Path) -> None:
    path = tmp_path / "role.db"
    async with on_sqlite(path) as kit:
        assert isinstance(kit.units, SqliteUnits)
        kit.units._conn.execute("PRAGMA busy_timeout = 50")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="locked"):
            await kit.units.once(envelope("a"), work("1"))
        other.execute("ROLLBACK")
        other.close()
        assert await kit.units.once(envelope("a"), work("1"))


async def test_a_fault_of_the_code_is_not_a_passing_one(tmp_path: Path) -> None:
    async def fail(store: EffectStore) -> None:
        assert isinstance(store.conn, sqlite3.Connection)
        store.conn.execute("SELECT id FROM nowhere")

    async with on_sqlite(tmp_path / "role.db") as kit:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            await kit.units.once(envelope("a"), fail)


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "role.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StateDamaged, match="Move it away"):
        open_database(path, ())


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "role.db"
    open_database(path, [TABLE, "CREATE TABLE more (id text)"]).close()
    with pytest.raises(StateDamaged, match="newer release"):
        open_database(path, [TABLE])


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "role.db"
    with pytest.raises(sqlite3.OperationalError):
        open_database(path, [TABLE, "CREATE TABLE half (id text); CREATE TABLE effects (id text)"])
    conn = open_database(path, [TABLE, "CREATE TABLE half (id text)"])
    assert conn.execute("PRAGMA user_version").fetchone()[0] == 2
    conn.close()
