"""A line that can be cut: what each kind of failure looks like to the two ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from reelwarden_local.servers import LOOPBACK, Link

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest_asyncio.fixture(loop_scope="session")
async def link() -> AsyncIterator[Link]:
    """A line to a server that sends back what it gets, and closes when its client has finished."""
    writers: set[asyncio.StreamWriter] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with Link(server.sockets[0].getsockname()[1]) as line:
        yield line
    server.close()
    await server.wait_closed()
    for writer in writers:
        writer.transport.abort()


@pytest_asyncio.fixture(loop_scope="session")
async def ends(link: Link) -> AsyncIterator[Ends]:
    reader, writer = await asyncio.open_connection(LOOPBACK, link.port)
    yield reader, writer
    writer.transport.abort()


async def answered(ends: Ends, word: bytes, within: float = 20) -> bool:
    """Whether the echo comes back, within so many seconds."""
    reader, writer = ends
    writer.write(word)
    try:
        return await asyncio.wait_for(reader.readexactly(len(word)), within) == word
    except (TimeoutError, asyncio.IncompleteReadError, OSError):
        return False


async def closed(ends: Ends) -> bool:
    """Whether the connection has broken, without having been asked anything."""
    try:
        return await asyncio.wait_for(ends[0].read(1), 20) == b""
    except ConnectionError:
        return True


async def test_it_carries_much_in_both_directions_and_the_end(link: Link) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, link.port)
    body = bytes(range(256)) * 20_000

    async def send() -> None:
        writer.write(body)
        await writer.drain()
        writer.write_eof()

    _, heard = await asyncio.wait_for(asyncio.gather(send(), reader.read(-1)), 60)
    assert heard == body
    writer.close()


async def test_a_cut_breaks_connections_and_refuses_new_ones(link: Link, ends: Ends) -> None:
    assert await answered(ends, b"one")
    await link.cut()
    assert link.connections == 0
    assert await closed(ends)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, link.port)
    await link.restore()
    again = await asyncio.open_connection(LOOPBACK, link.port)
    assert await answered(again, b"two")
    again[1].transport.abort()


async def test_a_black_hole_keeps_connections_and_swallows_bytes(link: Link, ends: Ends) -> None:
    assert await answered(ends, b"one")
    await link.black_hole()
    assert not await answered(ends, b"lost", within=0.5)
    fresh = await asyncio.open_connection(LOOPBACK, link.port)
    assert not await answered(fresh, b"lost too", within=0.5)
    assert link.connections == 2
    await link.restore()
    assert await closed(ends)
    assert await closed(fresh)
    again = await asyncio.open_connection(LOOPBACK, link.port)
    assert await answered(again, b"two")
    for one in (fresh, again):
        one[1].transport.abort()


async def test_a_connection_that_lost_nothing_in_the_hole_goes_on(link: Link, ends: Ends) -> None:
    assert await answered(ends, b"one")
    await link.black_hole()
    await link.restore()
    assert await answered(ends, b"two")


async def test_what_ends_in_the_hole_is_heard_of_after_it(link: Link, ends: Ends) -> None:
    assert await answered(ends, b"one")
    await link.black_hole()
    ends[1].close()
    await ends[1].wait_closed()
    await asyncio.sleep(0.1)
    assert link.connections == 1
    await link.restore()
    for _ in range(400):
        if link.connections == 0:
            break
        await asyncio.sleep(0.05)
    assert link.connections == 0


async def test_a_hole_can_be_cut_and_a_cut_mended_twice(link: Link, ends: Ends) -> None:
    assert await answered(ends, b"one")
    await link.black_hole()
    await link.cut()
    assert await closed(ends)
    await link.restore()
    await link.restore()
    again = await asyncio.open_connection(LOOPBACK, link.port)
    assert await answered(again, b"two")
    again[1].transport.abort()
