"""Trap 6: a publish is bounded in time, repeated with the same id, and costs nothing when it fails."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import nats.js
import pytest
import pytest_asyncio

from reelwarden_common.envelope import Message
from reelwarden_common.messaging import publisher
from reelwarden_common.messaging.publisher import NotTaken, publish_all
from reelwarden_local.servers import NatsServer, free_port, plain_jetstream
from tests.support.stopped import stop


def message(number: int, school: str = "s001") -> Message:
    return Message(f"rw.{school}.x.y.z", {"Nats-Msg-Id": f"{school}-{number}"}, str(number).encode())


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server of this test's own, to be stopped and killed."""
    port = free_port()
    async with NatsServer("plain", plain_jetstream(port), port, tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def js(server: NatsServer) -> AsyncIterator[nats.js.JetStreamContext]:
    client = await nats.connect(
        server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_quiet
    )
    context = client.jetstream()
    await context.add_stream(name="S", subjects=["rw.>"])
    yield context
    await client.close()


async def _quiet(_error: Exception) -> None:
    """Lost connections are this test's doing."""


async def stored(js: nats.js.JetStreamContext) -> list[str]:
    state = (await js.stream_info("S")).state
    found = [await js.get_msg("S", n) for n in range(1, state.last_seq + 1)]
    return [m.headers["Nats-Msg-Id"] for m in found if m.headers]


async def test_a_late_answer_makes_no_double(
    server: NatsServer, js: nats.js.JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server sleeps through the first two tries: the third is confirmed, the stream has one."""
    monkeypatch.setattr(publisher, "ACK_SECONDS", 1.0)
    assert server.pid
    stop([server.pid])
    asyncio.get_running_loop().call_later(2.3, server.send, signal.SIGCONT)
    await publish_all(js, [message(1), message(2)])
    assert await stored(js) == ["s001-1", "s001-2"]


async def test_no_answer_is_given_up_in_time_and_leaks_nothing(
    js: nats.js.JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens to the subject at first (no stream): told, bounded, and all is well afterwards."""
    monkeypatch.setattr(publisher, "ACK_SECONDS", 0.2)
    monkeypatch.setattr(publisher, "PAUSE_SECONDS", 0.01)
    await js.delete_stream("S")
    permits = js._publish_async_pending_semaphore._value
    for _ in range(5):
        begun = time.monotonic()
        with pytest.raises(NotTaken, match=r"rw\.s001\.x\.y\.z \(s001-0\) was not confirmed"):
            await publish_all(js, [message(n) for n in range(20)])
        assert time.monotonic() - begun < 20
    assert js._publish_async_pending_semaphore._value == permits
    await js.add_stream(name="S", subjects=["rw.>"])
    await publish_all(js, [message(n) for n in range(20)])
    assert await stored(js) == [f"s001-{n}" for n in range(20)]


async def test_without_that_a_publish_waits_for_ever_and_leaks_its_permit(
    server: NatsServer, js: nats.js.JetStreamContext
) -> None:
    permits = js._publish_async_pending_semaphore._value
    await js.publish_async("rw.s001.x.y.z", b"first")
    assert server.pid
    stop([server.pid])
    waiting = [await js.publish_async("rw.s001.x.y.z", b"lost") for _ in range(10)]
    done, late = await asyncio.wait(waiting, timeout=2)
    assert not done
    assert js._publish_async_pending_semaphore._value < permits
    for future in late:
        future.cancel()
    server.send(signal.SIGCONT)


async def test_nothing_of_a_school_overtakes_what_was_not_confirmed(
    js: nats.js.JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "PAUSE_SECONDS", 0.01)
    config = (await js.stream_info("S")).config
    config.max_msg_size = 100
    await js.update_stream(config)
    large = Message("rw.s001.x.y.z", {"Nats-Msg-Id": "s001-large"}, b"x" * 200)
    with pytest.raises(NotTaken, match="s001-large"):
        await publish_all(js, [message(1), large, message(2), message(1, "s002"), message(2, "s002")])
    assert set(await stored(js)) == {"s001-1", "s002-1", "s002-2"}


async def test_a_killed_server_loses_doubles_and_reorders_nothing(
    server: NatsServer, js: nats.js.JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "ACK_SECONDS", 0.5)
    messages = [message(n) for n in range(2000)]

    async def send() -> None:
        while True:
            try:
                await publish_all(js, messages)
            except NotTaken:
                continue
            return

    sending = asyncio.create_task(send())
    for _ in range(2):
        await asyncio.sleep(0.2)
        await server.kill()
        await server.start()
    await asyncio.wait_for(sending, 90)
    assert await stored(js) == [f"s001-{n}" for n in range(2000)]
