"""What several faults happen to: a district and its school as processes, weeks ago."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from reelwarden_common.clock import system_clock
from tests.support.school_days import BEGIN, SCHOOL
from tests.support.town import Town, town


@pytest_asyncio.fixture(loop_scope="session")
async def place(tmp_path: Path, fresh_database: str) -> AsyncIterator[Town]:
    async with town(tmp_path, fresh_database, (SCHOOL,), BEGIN - system_clock()) as made:
        yield made
