"""The report's schema on a real database, the bus of two schools, and the words of other roles."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.messaging.postgres import open_pool
from reelwarden_local.bus import EmbeddedBus
from tests.report.district import Index, Voices, forget, migrated


@pytest.fixture(autouse=True)
def _no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that other tests have named is not these roles'."""
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.delenv(f"RW_S3_{name}", raising=False)


@pytest_asyncio.fixture(loop_scope="session")
async def report_url(fresh_database: str) -> str:
    """The URL of the service's own database role, on a migrated database."""
    return await migrated(fresh_database)


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
    async with EmbeddedBus(tmp_path_factory.mktemp("district") / "bus", ["s001", "s002"]) as bus:
        yield bus


@pytest_asyncio.fixture(loop_scope="session")
async def voices(district_bus: EmbeddedBus) -> AsyncIterator[Voices]:
    """Other roles' words at the hub; what was said before this test is forgotten."""
    await forget(district_bus)
    speaking = Voices(district_bus)
    yield speaking
    await speaking.close()


@pytest_asyncio.fixture(loop_scope="session")
async def index(voices: Voices) -> Index:
    """An index that answers from what a test lays down."""
    answering = Index()
    await answering.serve(await voices.client("index"))
    return answering
