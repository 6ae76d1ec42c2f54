"""The store of the backup tests: its own, since they kill and damage it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reelwarden_local.servers import SeaweedFS
from tests.support.backup import Site, Store, identities


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """An S3 store with a key per school and one for the ledger."""
    async with SeaweedFS(tmp_path_factory.mktemp("backup-store"), identities()) as server:
        yield Store(server)


@pytest_asyncio.fixture(loop_scope="session")
async def site(store: Store, tmp_path: Path) -> Site:
    """A school that backs up everything."""
    return Site(tmp_path / "site", await store.school(), store)
