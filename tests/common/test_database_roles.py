"""A service's database role sees its own schema and nobody else's (invariant 8)."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.db import SERVICES, migrate, role_of
from tests.support.backends import DATABASE_PASSWORD


@pytest_asyncio.fixture(loop_scope="session")
async def district(fresh_database: str) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    """A database with the schemas of all services."""
    for service in SERVICES:
        await migrate(fresh_database, service, DATABASE_PASSWORD)
    admin = await asyncpg.connect(fresh_database)
    try:
        yield admin, fresh_database.partition("@")[2]
    finally:
        await admin.close()


async def tables(admin: asyncpg.Connection, schema: str) -> list[str]:
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1"
    return [row[0] for row in await admin.fetch(query, schema)]


async def test_no_role_reads_writes_or_creates_elsewhere(district: tuple[asyncpg.Connection, str]) -> None:
    admin, place = district
    for service in SERVICES:
        conn = await asyncpg.connect(f"postgresql://{role_of(service)}:{DATABASE_PASSWORD}@{place}")
        try:
            await conn.fetchval(f"SELECT count(*) FROM {service}.outbox")
            for other in SERVICES:
                if other == service:
                    continue
                for table in await tables(admin, other):
                    for statement in (
                        f"SELECT 1 FROM {other}.{table} LIMIT 1",
                        f"DELETE FROM {other}.{table}",
                        f"DROP TABLE {other}.{table}",
                    ):
                        with pytest.raises(asyncpg.InsufficientPrivilegeError):
                            await conn.execute(statement)
            for schema in (*SERVICES, "public"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await conn.execute(f"CREATE TABLE {schema}.mine (a int)")
        finally:
            await conn.close()


async def test_no_role_changes_its_own_tables_or_becomes_another(
    district: tuple[asyncpg.Connection, str],
) -> None:
    admin, place = district
    for service in SERVICES:
        conn = await asyncpg.connect(f"postgresql://{role_of(service)}:{DATABASE_PASSWORD}@{place}")
        try:
            for table in await tables(admin, service):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await conn.execute(f"ALTER TABLE {service}.{table} ADD COLUMN mine int")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(f"DELETE FROM {service}.migrations")
            for other in SERVICES:
                if other != service:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await conn.execute(f"SET ROLE {role_of(other)}")
        finally:
            await conn.close()
