"""One desk for all desk tests of a run: each test files applications of its own."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.support.backends import Database, ObjectStore, unique
from tests.support.desk import DeskHouse, open_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(
    postgres: Database, s3: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DeskHouse]:
    """A running desk."""
    name = unique("desk_")
    admin = await asyncpg.connect(postgres.admin_url())
    await admin.execute(f"create database {name}")
    folder = tmp_path_factory.mktemp("desk")
    try:
        with pytest.MonkeyPatch.context() as patch:
            async with open_house(folder, postgres, postgres.admin_url(name), s3, patch) as opened:
                yield opened
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
