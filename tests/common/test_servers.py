"""The embedded servers: they start, outlive a kill with their data, and never outlive their parent."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import nats
import pytest

from reelwarden_local.servers import (
    LOOPBACK,
    NatsServer,
    Postgres,
    ServerError,
    free_port,
    free_ports,
    plain_jetstream,
)
from reelwarden_local.servers import postgres as postgres_module
from reelwarden_local.servers.state import kept_ports, kept_secrets

PARENT = """
import asyncio, pathlib, sys
from reelwarden_local.servers import NatsServer, Postgres, free_port, plain_jetstream

async def main(folder):
    port = free_port()
    bus = await NatsServer("bus", plain_jetstream(port), port, folder / "bus").start()
    database = await Postgres(folder / "database").start()
    print(bus.pid, database.pid, flush=True)
    if sys.argv[2] == "stay":
        await asyncio.sleep(60)
    await database.stop()
    await bus.stop()

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


def test_ports_are_given_once() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert free_port() not in ports


def test_secrets_and_ports_are_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = kept_secrets(path, ["a"])
    assert kept_secrets(path, ["a", "b"])["a"] == first["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ports = kept_ports(tmp_path / "ports.json", ["x", "y"])
    assert kept_ports(tmp_path / "ports.json", ["x", "y"]) == ports


async def count(server: NatsServer, stream: str) -> int:
    client = await nats.connect(server.url)
    try:
        return int((await client.jetstream().stream_info(stream)).state.messages)
    finally:
        await client.close()


async def greeting(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_nats_outlives_a_kill_with_its_messages(tmp_path: Path) -> None:
    port = free_port()
    async with NatsServer("bus", plain_jetstream(port), port, tmp_path) as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name="S", subjects=["s"])
        for _ in range(20):
            await client.jetstream().publish("s", b"x")
        await client.close()
        await server.kill()
        assert not server.running
        await server.start()
        assert await count(server, "S") == 20
    assert not server.running


async def test_nats_takes_a_new_configuration_and_keeps_the_old_when_it_is_wrong(tmp_path: Path) -> None:
    port = free_port()
    open_to_all = plain_jetstream(port)
    async with NatsServer("bus", open_to_all, port, tmp_path) as server:
        closed = open_to_all + "authorization { user: someone, password: secret }\n"
        await server.reload(closed)
        assert b'"auth_required":true' in await greeting(port)
        with pytest.raises(ServerError, match="Parse error"):
            await server.reload("no configuration {")
        assert server.config_path.read_text() == closed
        client = await nats.connect(server.url, user="someone", password="secret")
        await client.close()
        assert stat.S_IMODE(server.config_path.stat().st_mode) == 0o600


async def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    port = free_port()
    server = NatsServer("bus", f"listen: '127.0.0.1:{port}'\nnonsense: true", port, tmp_path)
    with pytest.raises(ServerError, match=r"ended while starting[\s\S]*nonsense"):
        await server.start()
    assert server.pid is None


async def test_a_server_is_not_ready_because_another_has_its_port(tmp_path: Path) -> None:
    port = free_port()
    async with NatsServer("one", plain_jetstream(port), port, tmp_path / "one"):
        other = NatsServer("other", plain_jetstream(port), port, tmp_path / "other")
        with pytest.raises(ServerError, match="another process listens on"):
            await other.start()


async def test_a_server_that_ends_by_itself_is_heard_of(tmp_path: Path) -> None:
    port = free_port()
    async with NatsServer("bus", plain_jetstream(port), port, tmp_path) as server:
        ended = asyncio.create_task(server.exited())
        server.send(signal.SIGKILL)
        assert await asyncio.wait_for(ended, 60) == -signal.SIGKILL


WAYS = ["as we are", "where user namespaces are forbidden"] if os.geteuid() == 0 else ["as we are"]
"""PostgreSQL refuses root; a plain container has root and forbids user namespaces."""


@pytest.mark.parametrize("way", WAYS)
async def test_postgres_outlives_a_kill_with_its_rows(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way != "as we are":
        monkeypatch.setattr(postgres_module, "_as_ordinary_user", lambda: postgres_module._AS_NOBODY)
    async with Postgres(tmp_path, quick=True) as server:
        connection = await server.admin()
        await connection.execute("create table kept (id int)")
        await connection.execute("insert into kept select generate_series(1, 100)")
        connection.terminate()
        port = server.port
        await server.kill()
        await server.start()
        assert server.port == port
    async with Postgres(tmp_path) as again:
        connection = await again.admin()
        assert await connection.fetchval("select count(*) from kept") == 100
        assert await connection.fetchval("show fsync") == "on"
        await connection.close()
    assert not (tmp_path / "initdb.password").exists()


async def test_postgres_lets_nobody_in_without_the_password(tmp_path: Path) -> None:
    async with Postgres(tmp_path, quick=True) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url("postgres", "guess", "postgres"))


async def test_postgres_starts_for_an_ordinary_user(tmp_path: Path) -> None:
    """Root becomes one first: there the launcher takes its plain way."""
    become = postgres_module._as_ordinary_user()
    process = await asyncio.create_subprocess_exec(
        *become, sys.executable, "-c", PARENT, str(tmp_path), "leave", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert len(told.split()) == 2


@pytest.fixture
async def parent(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[int]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), "stay", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pids = [int(pid) for pid in (await asyncio.wait_for(process.stdout.readline(), 60)).split()]
    yield process, pids
    if process.returncode is None:
        process.kill()
    await process.communicate()


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_no_server_outlives_a_killed_parent(
    parent: tuple[asyncio.subprocess.Process, list[int]],
) -> None:
    process, pids = parent
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    process.kill()
    await process.wait()
    for _ in range(600):
        if not any(alive(pid) for pid in pids):
            break
        await asyncio.sleep(0.05)
    assert not any(alive(pid) for pid in pids)
