"""The S3 store as roles use it: what it promises, and how it fails."""

import asyncio
import contextlib
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from reelwarden_common import s3 as module
from reelwarden_common.s3 import S3, ContentDiffers, NotAllowed, NotStored, StoreAway
from reelwarden_common.settings import S3Settings
from reelwarden_local.servers import free_port
from tests.support.backends import ObjectStore
from tests.support.plugin import BucketMaker


def settings(store: ObjectStore, *, endpoint: str = "", access_key: str = "") -> S3Settings:
    return S3Settings(
        endpoint=endpoint or store.endpoint,
        access_key=access_key or store.access_key,
        secret_key=SecretStr(store.secret_key),
    )


@pytest.fixture
def client(s3: ObjectStore) -> Iterator[S3]:
    made = S3(settings(s3))
    yield made
    made.close()


def soon() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


async def test_a_file_goes_out_and_comes_back_with_its_facts(
    client: S3, fresh_bucket: BucketMaker, tmp_path: Path
) -> None:
    bucket = await fresh_bucket(object_lock=True)
    body = secrets.token_bytes(3_000_000)
    path, back = tmp_path / "sent", tmp_path / "back"
    path.write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    until = soon()
    put = await client.put_file(bucket, "a/b.mp4", path, digest, locked_until=until, facts={"camera": "gate"})
    assert await client.digest(bucket, "a/b.mp4", put.version) == digest
    assert await client.get_file(bucket, "a/b.mp4", back, put.version) == digest
    assert back.read_bytes() == body
    assert await client.size(bucket, "a/b.mp4") == len(body)
    assert await client.locked_until(bucket, "a/b.mp4", put.version) == until
    assert (await client.facts(bucket, "a/b.mp4", put.version))["camera"] == "gate"
    got = b"".join([chunk async for chunk in client.stream(bucket, "a/b.mp4", 1_000, 2_000_000)])
    assert got == body[1_000:2_001_000]


async def test_a_file_that_is_not_what_was_hashed_is_refused(
    client: S3, fresh_bucket: BucketMaker, tmp_path: Path
) -> None:
    bucket = await fresh_bucket(object_lock=True)
    path = tmp_path / "sent"
    path.write_bytes(b"changed since")
    with pytest.raises(ContentDiffers):
        await client.put_file(bucket, "a", path, hashlib.sha256(b"as hashed").hexdigest())
    assert await client.versions(bucket, "a") == []


async def test_a_large_file_goes_in_parts_and_is_checked_as_a_whole(
    client: S3, fresh_bucket: BucketMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE", 6_000_000)
    monkeypatch.setattr(module, "PART", 5 * 1024 * 1024)
    bucket = await fresh_bucket(object_lock=True)
    body = secrets.token_bytes(12_000_000)
    digest, until = hashlib.sha256(body).hexdigest(), soon()
    path = tmp_path / "large"
    path.write_bytes(body)
    put = await client.put_file(bucket, "a", path, digest, locked_until=until, facts={"camera": "gate"})
    assert await client.digest(bucket, "a", put.version) == digest
    assert await client.locked_until(bucket, "a", put.version) == until
    assert (await client.facts(bucket, "a", put.version))["camera"] == "gate"
    path.write_bytes(body[:-1] + b"x")
    with pytest.raises(ContentDiffers):
        await client.put_file(bucket, "b", path, digest, locked_until=until)
    assert await client.versions(bucket, "b") == []


async def test_a_large_file_that_was_interrupted_goes_on_where_it_ended(
    client: S3, s3: ObjectStore, fresh_bucket: BucketMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE", 6_000_000)
    monkeypatch.setattr(module, "PART", 5 * 1024 * 1024)
    bucket = await fresh_bucket(object_lock=True)
    path = tmp_path / "large"
    path.write_bytes(secrets.token_bytes(23_000_000))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sent = 0

    def breaks(size: int) -> None:
        nonlocal sent
        sent += size
        if sent > 17_000_000:
            raise ConnectionResetError

    broken = S3(settings(s3), pace=breaks)
    with pytest.raises(StoreAway):
        await broken.put_file(bucket, "a", path, digest, locked_until=soon())
    broken.close()
    assert await client.versions(bucket, "a") == []
    again: list[int] = []
    whole = S3(settings(s3), pace=again.append)
    put = await whole.put_file(bucket, "a", path, digest, locked_until=soon())
    assert sum(again) < 23_000_000 - 3 * module.PART + 10_000
    assert await whole.digest(bucket, "a", put.version) == digest
    assert [one.version for one in await whole.versions(bucket, "a")] == [put.version]
    whole.close()


async def test_what_changed_since_an_interruption_is_sent_again(
    client: S3, s3: ObjectStore, fresh_bucket: BucketMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE", 6_000_000)
    monkeypatch.setattr(module, "PART", 5 * 1024 * 1024)
    bucket = await fresh_bucket(object_lock=True)
    path, body = tmp_path / "large", bytearray(secrets.token_bytes(12_000_000))
    path.write_bytes(body)
    raw = s3.client()
    upload = raw._create_multipart_upload(bucket, "a", {})
    raw._upload_part(bucket, "a", b"x" * module.PART, None, upload, 1)
    digest = hashlib.sha256(body).hexdigest()
    put = await client.put_file(bucket, "a", path, digest)
    assert await client.digest(bucket, "a", put.version) == digest


async def test_every_version_is_listed_and_only_of_this_key(client: S3, fresh_bucket: BucketMaker) -> None:
    bucket = await fresh_bucket(object_lock=True)
    assert await client.versions(bucket, "a") == []
    first = await client.put_bytes(bucket, "a", b"1")
    second = await client.put_bytes(bucket, "a", b"22")
    await client.put_bytes(bucket, "ab", b"3")
    listed = await client.versions(bucket, "a")
    assert {one.version for one in listed} == {first.version, second.version}
    await client.erase(bucket, "a", first.version)
    assert [one.version for one in await client.versions(bucket, "a")] == [second.version]
    assert await client.get_bytes(bucket, "a", second.version) == b"22"


async def test_a_lock_can_be_lengthened_never_shortened(client: S3, fresh_bucket: BucketMaker) -> None:
    bucket = await fresh_bucket(object_lock=True)
    put = await client.put_bytes(bucket, "a", b"1", locked_until=soon())
    later = soon() + timedelta(days=1)
    await client.lock_until(bucket, "a", put.version, later)
    assert await client.locked_until(bucket, "a", put.version) == later
    with pytest.raises(NotAllowed):
        await client.lock_until(bucket, "a", put.version, soon())
    with pytest.raises(NotAllowed):
        await client.erase(bucket, "a", put.version)
    assert await client.locked_until(bucket, "a", put.version) == later


async def test_a_legal_hold_keeps_an_object_until_it_is_lifted(client: S3, fresh_bucket: BucketMaker) -> None:
    bucket = await fresh_bucket(object_lock=True)
    put = await client.put_bytes(bucket, "a", b"1")
    assert await client.locked_until(bucket, "a", put.version) is None
    await client.legal_hold(bucket, "a", put.version, on=True)
    with pytest.raises(NotAllowed):
        await client.erase(bucket, "a", put.version)
    await client.legal_hold(bucket, "a", put.version, on=False)
    await client.erase(bucket, "a", put.version)
    with pytest.raises(NotStored):
        await client.get_bytes(bucket, "a", put.version)


async def test_failures_say_whether_trying_again_helps(
    client: S3, s3: ObjectStore, fresh_bucket: BucketMaker
) -> None:
    bucket = await fresh_bucket()
    assert await client.answers(bucket)
    with pytest.raises(NotStored):
        await client.get_bytes(bucket, "nothing")
    stranger = S3(settings(s3, access_key="stranger"))
    with pytest.raises(NotAllowed):
        await stranger.get_bytes(bucket, "nothing")
    stranger.close()
    away = S3(settings(s3, endpoint=f"127.0.0.1:{free_port()}"))
    with pytest.raises(StoreAway):
        await away.get_bytes(bucket, "nothing")
    assert not await away.answers(bucket)
    away.close()


@contextlib.asynccontextmanager
async def slow_line(store: ObjectStore, bytes_a_second: int) -> AsyncIterator[str]:
    """A line to the store that carries so much upwards; yields its address."""
    host, _, port = store.endpoint.partition(":")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while data := await reader.read(16_384):
                writer.write(data)
                await writer.drain()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_store, from_store = await asyncio.open_connection(host, int(port))
        back = asyncio.create_task(carry(to_store, writer))
        while data := await reader.read(16_384):
            from_store.write(data)
            await asyncio.sleep(len(data) / bytes_a_second)
        from_store.close()
        await asyncio.gather(back, return_exceptions=True)

    listening = socket.create_server((host, 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    server = await asyncio.start_server(connect, sock=listening, limit=32_768)
    try:
        yield f"{host}:{listening.getsockname()[1]}"
    finally:
        server.close()


async def test_a_slow_line_is_no_failure(
    s3: ObjectStore, client: S3, fresh_bucket: BucketMaker, tmp_path: Path
) -> None:
    """A body that takes longer than the patience with a line on which nothing moves at all."""
    bucket = await fresh_bucket()
    path = tmp_path / "large"
    path.write_bytes(secrets.token_bytes(8_000_000))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    async with slow_line(s3, 1_200_000) as endpoint:
        slow = S3(settings(s3, endpoint=endpoint))
        put = await slow.put_file(bucket, "large", path, digest)
        slow.close()
    assert await client.digest(bucket, "large", put.version) == digest
