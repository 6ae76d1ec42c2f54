"""The report's schema on a real database, and units of work for its roles."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.db import migrate, role_of
from reelwarden_common.messaging.nats_config import TOPOLOGY_USER
from reelwarden_common.messaging.postgres import open_pool
from reelwarden_common.messaging.topology import Stream
from reelwarden_local.bus import EmbeddedBus
from tests.report.district import Index, Voices

PASSWORD = "report-tests"


@pytest_asyncio.fixture(loop_scope="session")
async def report_url(fresh_database: str) -> str:
    """The URL of the service's own database role, on a migrated database."""
    await migrate(fresh_database, "report", PASSWORD)
    parts = urlsplit(fresh_database)
    return f"postgresql://{role_of('report')}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}?sslmode=disable"


@pytest_asyncio.fixture(loop_scope="session")
async def report_pool(report_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool as the roles open it."""
    pool = await open_pool(report_url, "report")
    try:
        yield pool
    finally:
        await pool.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def district_bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBus]:
    """Hub and leaves of two schools."""
    async with EmbeddedBus(tmp_path_factory.mktemp("bus"), ["s001", "s002"]) as bus:
        yield bus


@pytest_asyncio.fixture(loop_scope="session")
async def voices(district_bus: EmbeddedBus) -> AsyncIterator[Voices]:
    """Other roles' words at the hub; what was said before this test is forgotten."""
    client = await district_bus.connect(TOPOLOGY_USER)
    js = client.jetstream(timeout=10)
    for stream in (Stream.FOOTAGE, Stream.SITE, Stream.DISTRICT, Stream.OFFICE):
        await js.purge_stream(stream)
    await client.close()
    speaking = Voices(district_bus)
    yield speaking
    await speaking.close()


@pytest_asyncio.fixture(loop_scope="session")
async def index(voices: Voices) -> Index:
    """An index that answers from what a test lays down."""
    answering = Index()
    await answering.serve(await voices.client("index"))
    return answering
