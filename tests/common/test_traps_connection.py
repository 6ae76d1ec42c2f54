"""Traps of the connection (2 and 11): a role that cannot work ends, and says why it was refused."""

import asyncio
import gc
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
import structlog
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.security import NatsNKey

from reelwarden_common.messaging.broker import NotLetIn, make_broker, wait_until_connected
from reelwarden_common.messaging.login import Login, make_seed, public_key
from reelwarden_common.messaging.nats_config import ServerPlace, Uplink, leaf_config
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.servers import LOOPBACK, NatsServer, free_port, plain_jetstream
from tests.support.roles import SCHOOL, authorised, probe, say, until


@asynccontextmanager
async def process(*arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """A Python process of ours; killed when the block is left."""
    pipe = asyncio.subprocess.PIPE
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=pipe, stderr=pipe, env={**os.environ, **(env or {})}
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.communicate()


async def falls_silent(made: Process) -> bool:
    """Whether it stops saying that it is alive, within about twenty seconds."""
    for _ in range(200):
        try:
            await line_of(made, within=3)
        except TimeoutError:
            return True
    return False


async def line_of(made: Process, within: float = 60) -> str:
    assert made.stdout
    return (await asyncio.wait_for(made.stdout.readline(), within)).decode().strip()


@asynccontextmanager
async def exporter_process(bus: EmbeddedBus, folder: Path) -> AsyncIterator[Process]:
    """The exporter as a process, connected and at work."""
    env = {
        "RW_NATS_URL": bus.url(SCHOOL),
        "RW_NATS_SEED": bus.seed("exporter", SCHOOL),
        "RW_SCHOOL": SCHOOL,
        "RW_STATE_DIR": str(folder),
    }
    desk = await bus.connect("desk")
    async with process("tests.support.one_role", env=env) as made:
        await say(desk.jetstream(), authorised(1))
        assert await line_of(made) == "heard e-1"
        yield made
    await desk.close()


def with_another_key(bus: EmbeddedBus) -> str:
    """The leaf's configuration after the exporter's key was changed."""
    users = bus.leaf_users(SCHOOL) | {"exporter": public_key(make_seed())}
    leaf = bus.leaves[SCHOOL]
    place = ServerPlace(LOOPBACK, leaf.port, (leaf.state_dir / "jetstream").absolute())
    uplink = Uplink(bus.seed("uplink", SCHOOL))
    return leaf_config(SCHOOL, place, [f"{LOOPBACK}:{bus.links[SCHOOL].port}"], users, uplink)


async def test_trap_2_a_role_ends_when_its_connection_is_closed_for_good(
    bus: EmbeddedBus, tmp_path: Path
) -> None:
    async with exporter_process(bus, tmp_path) as made:
        await bus.leaves[SCHOOL].reload(with_another_key(bus))
        assert await asyncio.wait_for(made.wait(), 60) == 1
        assert made.stderr
        assert b"cannot_work" in await made.stderr.read()


async def test_trap_2_a_role_ends_when_it_is_not_let_in_again(bus: EmbeddedBus, tmp_path: Path) -> None:
    """FastStream alone lets the reconnecting die without a word: connected never more, ended never."""
    async with exporter_process(bus, tmp_path) as made:
        leaf = bus.leaves[SCHOOL]
        await leaf.kill()
        changed = NatsServer("leaf", with_another_key(bus), leaf.port, leaf.state_dir)
        async with changed:
            assert await asyncio.wait_for(made.wait(), 60) == 1


async def test_a_role_outlives_a_killed_server(bus: EmbeddedBus, tmp_path: Path) -> None:
    async with exporter_process(bus, tmp_path) as made:
        await bus.leaves[SCHOOL].kill()
        await asyncio.sleep(1)
        await bus.leaves[SCHOOL].start()
        desk = await bus.connect("desk")
        await say(desk.jetstream(), authorised(2))
        assert await line_of(made) == "heard e-2"
        made.terminate()
        assert await asyncio.wait_for(made.wait(), 60) == 0
        await desk.close()


async def test_trap_2_faststream_alone_freezes_the_event_loop(tmp_path: Path) -> None:
    port = free_port()
    async with NatsServer("plain", plain_jetstream(port), port, tmp_path) as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name="frozen", subjects=["frozen"])
        await client.close()
        async with process("tests.support.frozen", server.url) as made:
            assert await line_of(made) == "alive"
            await server.kill()
            assert await falls_silent(made)
            assert made.returncode is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_wrong_key_is_told_at_once(bus: EmbeddedBus) -> None:
    broker = make_broker("exporter", Login(bus.url(SCHOOL), make_seed()), lambda: None)
    with pytest.raises(NotLetIn, match="RW_NATS_SEED"):
        await asyncio.wait_for(wait_until_connected(broker), 60)
    gc.collect()  # nats-py leaves the refused socket open; its warning must not meet another test


async def test_a_role_waits_for_a_server_that_is_not_there_yet(bus: EmbeddedBus, tmp_path: Path) -> None:
    desk = await bus.connect("desk")
    await bus.leaves[SCHOOL].stop()

    async def later() -> None:
        await asyncio.sleep(1.5)
        await bus.leaves[SCHOOL].start()

    starting = asyncio.create_task(later())
    async with probe(bus, "exporter", tmp_path) as exporter:
        await say(desk.jetstream(), authorised(1))
        await until(lambda: exporter.ids == ["e-1"])
    await starting
    await desk.close()


async def test_trap_11_the_reason_of_a_refused_publish_is_logged(bus: EmbeddedBus, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with probe(bus, "exporter", tmp_path) as exporter:
            js = exporter.role.bus.broker.jetstream
            with pytest.raises(nats.errors.TimeoutError):
                await js.publish("rw.s001.keeper.plan.issued", b"{}", timeout=0.3)
            await until(lambda: any("plan.issued" in error for error in _bus_errors(logs)))
    assert any("permissions violation" in e.lower() and "plan.issued" in e for e in _bus_errors(logs))


def _bus_errors(logs: Sequence[MutableMapping[str, Any]]) -> list[str]:
    return [entry["error"] for entry in logs if entry["event"] == "bus_error"]


async def test_trap_11_the_publisher_alone_sees_a_timeout_and_no_reason(bus: EmbeddedBus) -> None:
    client = await bus.connect("exporter", SCHOOL)
    with pytest.raises(nats.errors.TimeoutError) as caught:
        await client.jetstream().publish("rw.s001.keeper.plan.issued", b"{}", timeout=0.3)
    assert "permission" not in str(caught.value).lower()
    await client.close()


async def test_trap_11_without_its_own_inbox_a_restricted_user_hears_nothing(bus: EmbeddedBus) -> None:
    desk = await bus.connect("desk")
    heard: list[str] = []
    told: list[str] = []

    async def remember(error: Exception) -> None:
        told.append(str(error).lower())

    broker = NatsBroker(
        bus.url(SCHOOL),
        security=NatsNKey.from_seed(bus.seed("exporter", SCHOOL)),
        error_cb=remember,
        logger=None,
    )

    @broker.subscriber(
        "rw.s001.desk.retrieval.authorised",
        durable="exporter",
        stream=JStream("DISTRICT", declare=False),
        pull_sub=PullSub(timeout=0.1),
    )
    async def take(body: dict[str, object]) -> None:
        heard.append(str(body))

    with pytest.raises(nats.errors.TimeoutError):
        await broker.start()
    await say(desk.jetstream(), authorised(1))
    await asyncio.sleep(1)
    await until(lambda: any("permissions violation" in error and "_inbox" in error for error in told))
    assert heard == []
    await broker.stop()
    await desk.close()
