"""A site and a district for the tests of retention."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.retention import District, Site, Time, district


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def site(tmp_path: Path, time: Time) -> Iterator[Site]:
    made = Site(tmp_path / "storage", tmp_path / "state", time)
    yield made
    made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def office(fresh_database: str, time: Time) -> AsyncIterator[District]:
    async with district(fresh_database, lambda: time.now) as made:
        yield made
