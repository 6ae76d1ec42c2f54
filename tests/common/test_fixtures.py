"""The server fixtures give what they promise, wherever they come from."""

import asyncio
import io

import asyncpg
import nats

from tests.support.backends import Bus, Database, ObjectStore, unique
from tests.support.plugin import BucketMaker


async def test_a_fresh_database_is_empty_and_ones_own(fresh_database: str, postgres: Database) -> None:
    connection = await asyncpg.connect(fresh_database)
    try:
        assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
        await connection.execute("create role someone login password 'a/b@c'")
    finally:
        await connection.close()
    name = fresh_database.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
    other = await asyncpg.connect(postgres.url("someone", "a/b@c", name))
    try:
        assert await other.fetchval("select current_user") == "someone"
    finally:
        await other.close()
    connection = await asyncpg.connect(postgres.admin_url())
    try:
        await connection.execute("drop role someone")
    finally:
        await connection.close()


async def test_the_bus_has_jetstream(nats_server: Bus) -> None:
    client = await nats.connect(nats_server.url)
    try:
        stream = unique("S")
        await client.jetstream().add_stream(name=stream, subjects=[f"{stream}.>"])
        assert (await client.jetstream().publish(f"{stream}.a", b"x", stream=stream)).seq == 1
    finally:
        await client.close()


async def test_the_store_keeps_versions_under_lock(s3: ObjectStore, fresh_bucket: BucketMaker) -> None:
    bucket = await fresh_bucket(object_lock=True)
    client = s3.client()
    first = await asyncio.to_thread(client.put_object, bucket, "a", io.BytesIO(b"1"), 1)
    second = await asyncio.to_thread(client.put_object, bucket, "a", io.BytesIO(b"2"), 1)
    assert first.version_id != second.version_id
