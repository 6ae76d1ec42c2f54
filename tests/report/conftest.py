"""The report's schema on a real database, and units of work for its roles."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest_asyncio

from reelwarden_common.db import migrate, role_of
from reelwarden_common.messaging.postgres import open_pool

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
