"""Backup over the real bus, as processes that are killed: nothing lost, nothing twice, damage mended."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from reelwarden_backup.district.ledger import app as ledger_app
from reelwarden_backup.district.ledger.settings import Settings as LedgerSettings
from reelwarden_common.events.access import RestoreAsked
from reelwarden_common.events.backup import ObjectVerified
from reelwarden_common.events.ingest import LostSegment, Segment, SegmentsLost, SegmentsRecorded
from reelwarden_common.role import running
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.damage import damage_object
from reelwarden_local.processes import RoleProcess
from reelwarden_local.servers import free_port
from tests.support.backup import Site, Store, make_schema
from tests.support.ingest import intake, message, say, stored, until

NOW = datetime.now(UTC).replace(microsecond=0)
FILES = 24


class District:
    """A school with a replicator process, and two ledgers, on a bus of their own."""

    def __init__(self, site: Site, store: Store, bus: EmbeddedBus, database: str, folder: Path) -> None:
        self.site = site
        self.store = store
        self.bus = bus
        self.database = database
        s3 = store.settings(f"site-{site.school}")
        port = free_port()
        settings = {
            "RW_NATS_URL": bus.url(site.school),
            "RW_NATS_SEED": bus.seed("replicator", site.school),
            "RW_DISTRICT_TOML": str(site.toml),
            "RW_SCHOOL": site.school,
            "RW_STATE_DIR": str(site.settings.state_dir),
            "RW_HTTP_PORT": str(port),
            "RW_S3_ENDPOINT": s3.endpoint,
            "RW_S3_ACCESS_KEY": s3.access_key,
            "RW_S3_SECRET_KEY": s3.secret_key.get_secret_value(),
            "RW_TURN_SECONDS": "0.1",
            "RW_RUN_SECONDS": "0.5",
        }
        self.replicator = RoleProcess(
            "replicator", "reelwarden_backup.site.replicator.app", settings, {"replicator": port}, folder
        )

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[None]:
        """One replica of the ledger."""
        settings = LedgerSettings(
            nats_url=self.bus.url(),
            nats_seed=SecretStr(self.bus.seed("ledger")),
            district_toml=self.site.toml,
            database_url=SecretStr(self.database),
            verify_seconds=0.3,
            sample_seconds=1,
            sample_objects=200,
        )
        async with ledger_app.build(settings, self.store.settings("ledger")) as role, running(role):
            yield

    async def tell(self, user: str, *events: SegmentsRecorded | SegmentsLost) -> None:
        """Say something as a role at the school."""
        client = await self.bus.connect(user, self.site.school)
        await say(client, [message(self.site.school, event, role=user) for event in events])
        await client.close()

    async def count(self, where: str) -> int:
        """Count the ledger's objects."""
        connection = await asyncpg.connect(self.database, server_settings={"search_path": "backup"})
        try:
            return int(await connection.fetchval(f"select count(*) from objects where {where}"))
        finally:
            await connection.close()


@pytest.fixture
async def district(site: Site, store: Store, fresh_database: str, tmp_path: Path) -> AsyncIterator[District]:
    database = await make_schema(fresh_database)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(EmbeddedBus(tmp_path / "bus", [site.school]))
        one = District(site, store, bus, database, tmp_path / "process")
        await stack.enter_async_context(intake(bus, site.toml))
        await stack.enter_async_context(one.ledger())
        await stack.enter_async_context(one.ledger())
        await stack.enter_async_context(one.replicator)
        yield one


async def test_killed_again_and_again_it_stores_each_segment_once(district: District) -> None:
    """Then one copy rots and is stored again, and one file vanishes and comes back."""
    chance = random.Random(7)
    footage = [district.site.record(start=NOW - timedelta(minutes=n)) for n in range(1, FILES + 1)]
    for first in range(0, FILES, 8):
        part = tuple(segment for segment, _ in footage[first : first + 8])
        await district.tell("scanner", SegmentsRecorded(segments=part))
        await asyncio.sleep(chance.random() / 4)
        await district.replicator.kill()
        await district.replicator.start()

    async def all_verified() -> bool:
        return await district.count("state = 'verified'") == FILES

    await until(all_verified)
    versions = await asyncio.to_thread(district.store.versions, district.site.school)
    assert Counter(Counter(key for key, _ in versions).values()) == {1: FILES}
    assert await district.count("true") == FILES
    await told_once(district, {segment.id for segment, _ in footage})
    await rot_is_mended(district, *footage[3])
    await lost_file_comes_back(district, *footage[5])


async def told_once(district: District, expected: set[str]) -> None:
    """Every segment's first verification was told by one of the two ledgers, not by both."""
    client = await district.bus.connect("topology")
    messages = await stored(client, "OFFICE", f"rw.{district.site.school}.ledger.object.verified")
    await client.close()
    events = [ObjectVerified.model_validate_json(one.data) for one in messages]
    moments = Counter((segment, event.verified_at) for event in events for segment in event.objects)
    assert {segment for segment, _ in moments} == expected
    assert set(moments.values()) == {1}


async def rot_is_mended(district: District, segment: Segment, body: bytes) -> None:
    await asyncio.to_thread(damage_object, district.store.server, body)

    async def corrupt() -> bool:
        return await district.count(f"segment = '{segment.id}' and state = 'corrupt'") == 1

    async def mended() -> bool:
        return await district.count(f"segment = '{segment.id}' and state = 'verified'") == 1

    await until(corrupt)
    await until(mended)


async def lost_file_comes_back(district: District, segment: Segment, body: bytes) -> None:
    path = district.site.storage / segment.locator
    path.unlink()
    gone = LostSegment(
        id=segment.id,
        camera=segment.camera,
        start=segment.start,
        end=segment.end,
        digest=segment.digest,
        locator=segment.locator,
    )
    await district.tell("scanner", SegmentsLost(segments=(gone,), noticed_at=NOW))
    client = await district.bus.connect("desk")
    asked = RestoreAsked(segment=segment.id, actor="a-1")
    await say(client, [message(district.site.school, asked, role="desk")])
    await client.close()

    async def back() -> bool:
        return path.exists()

    await until(back)
    assert path.read_bytes() == body
