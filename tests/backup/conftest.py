"""The store of the backup tests: its own, since they kill and damage it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_local.servers import SeaweedFS
from tests.support.backup import Clock, Site, Store, Turned, identities, ledger, make_schema


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """An S3 store with a key per school and one for the ledger."""
    async with SeaweedFS(tmp_path_factory.mktemp("backup-store"), identities()) as server:
        yield Store(server)


@pytest_asyncio.fixture(loop_scope="session")
async def site(store: Store, tmp_path: Path) -> Site:
    """A school that backs up everything."""
    return Site(tmp_path / "site", await store.school(), store)


@pytest_asyncio.fixture(loop_scope="session")
async def database(fresh_database: str) -> str:
    return await make_schema(fresh_database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture(loop_scope="session")
async def school(store: Store) -> str:
    return await store.school()


@pytest_asyncio.fixture(loop_scope="session")
async def role(database: str, store: Store, clock: Clock, school: str) -> AsyncIterator[Turned[LedgerStore]]:
    async with ledger(database, store, clock, drill_objects=5) as one:
        one.school = school
        yield one
