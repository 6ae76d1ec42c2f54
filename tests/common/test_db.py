"""Migrations: applied once, in order, never changed afterwards, and equal to their sum."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common import db
from reelwarden_common.db import Migration, MigrationError, apply, drift, ensure_role, grant, migrate, shape
from tests.support.backends import DATABASE_PASSWORD

FIRST = Migration("0001_first.sql", "CREATE TABLE things (id text PRIMARY KEY, n int NOT NULL DEFAULT 0)")
SECOND = Migration("0002_second.sql", "CREATE INDEX things_n ON things (n)")


@pytest_asyncio.fixture(loop_scope="session")
async def admin(fresh_database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(fresh_database)
    await connection.execute("CREATE SCHEMA ingest; CREATE SCHEMA retention")
    yield connection
    await connection.close()


def steps(monkeypatch: pytest.MonkeyPatch, *migrations: Migration, schema: str = "") -> None:
    """Let the library find these instead of a service's own."""
    monkeypatch.setattr(db, "migrations_of", lambda _service: list(migrations))
    monkeypatch.setattr(db, "schema_of", lambda _service: schema)


async def test_each_step_is_applied_once(admin: asyncpg.Connection) -> None:
    assert await apply(admin, "ingest", [FIRST]) == ["0001_first.sql"]
    assert await apply(admin, "ingest", [FIRST, SECOND]) == ["0002_second.sql"]
    assert await apply(admin, "ingest", [FIRST, SECOND]) == []


async def test_a_step_that_was_changed_afterwards_is_refused(admin: asyncpg.Connection) -> None:
    await apply(admin, "ingest", [FIRST])
    changed = Migration(FIRST.name, FIRST.sql + " -- only a comment")
    with pytest.raises(MigrationError, match=r"0001_first\.sql was changed .* write a new step"):
        await apply(admin, "ingest", [changed, SECOND])
    assert await apply(admin, "ingest", [FIRST]) == []


async def test_a_step_that_fails_leaves_nothing_and_is_named(admin: asyncpg.Connection) -> None:
    half = Migration("0002_half.sql", "CREATE TABLE half (id int); CREATE TABLE things (id int)")
    with pytest.raises(MigrationError, match=r'ingest: 0002_half\.sql: relation "things" already exists'):
        await apply(admin, "ingest", [FIRST, half])
    assert await admin.fetchval("SELECT to_regclass('ingest.half')") is None
    assert await apply(admin, "ingest", [FIRST, SECOND]) == ["0002_second.sql"]


async def test_no_difference_between_steps_and_their_sum(
    admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(monkeypatch, FIRST, SECOND, schema=f"{FIRST.sql}; {SECOND.sql}")
    assert await drift(admin, "ingest") == []


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("CREATE TABLE things (id text PRIMARY KEY)", "only in migrations: columns: things.n integer"),
        (
            "CREATE TABLE things (id text PRIMARY KEY, n bigint NOT NULL DEFAULT 0)",
            "columns: things.n bigint",
        ),
        ("CREATE TABLE things (id text PRIMARY KEY, n int DEFAULT 0)", "things.n integer YES"),
        ("CREATE TABLE things (id text PRIMARY KEY, n int NOT NULL DEFAULT 1)", "things.n integer NO 1"),
        ("CREATE TABLE things (id text, n int NOT NULL DEFAULT 0)", "constraints: things PRIMARY KEY"),
        (FIRST.sql + "; CREATE INDEX more ON things (n)", "only in schema.sql: indexes"),
        (FIRST.sql + "; ALTER TABLE things ADD CHECK (n > 0)", "only in schema.sql: constraints"),
        (FIRST.sql + "; CREATE VIEW few AS SELECT id FROM things", "only in schema.sql: columns: few.id"),
        (FIRST.sql + "; CREATE SEQUENCE counter", "only in schema.sql: sequences: counter"),
        (FIRST.sql + "; CREATE TYPE mood AS ENUM ('good')", "only in schema.sql: types: mood good"),
        (
            FIRST.sql + "; CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "only in schema.sql: functions",
        ),
        (
            FIRST.sql + "; ALTER TABLE things ENABLE ROW LEVEL SECURITY",
            "only in schema.sql: row security: things enabled",
        ),
        (
            FIRST.sql + "; CREATE POLICY mine ON things USING (n > 0)",
            "only in schema.sql: policies: things mine ALL",
        ),
    ],
)
async def test_every_kind_of_difference_is_found(
    admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, schema: str, told: str
) -> None:
    steps(monkeypatch, FIRST, schema=schema)
    found = await drift(admin, "ingest")
    assert any(told in line for line in found), found


async def test_looking_for_differences_leaves_nothing_behind(
    admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(monkeypatch, FIRST, schema="CREATE NONSENSE")
    for _ in range(2):
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await drift(admin, "ingest")
    assert await admin.fetchval("SELECT to_regnamespace('drift')") is None


async def test_a_service_reads_and_writes_rows_and_nothing_else(
    admin: asyncpg.Connection, fresh_database: str
) -> None:
    """Its own rows; not its own tables, and nobody else's schema."""
    for service in ("ingest", "retention"):
        await ensure_role(admin, service, f"pässword of {service}'s")
        await apply(admin, service, [FIRST])
        await grant(admin, service)
    connection = await asyncpg.connect(
        fresh_database,
        user="rw_ingest",
        password="pässword of ingest's",
        server_settings={"search_path": "ingest"},
    )
    await connection.execute("INSERT INTO things VALUES ('a', 1)")
    assert await connection.fetchval("UPDATE things SET n = 2 RETURNING n") == 2
    for refused in (
        "SELECT * FROM retention.things",
        "INSERT INTO retention.things VALUES ('a')",
        "CREATE TABLE ingest.more (id int)",
        "CREATE TABLE public.more (id int)",
        "ALTER TABLE things ADD COLUMN more int",
        "DROP TABLE things",
        "TRUNCATE things",
        "UPDATE migrations SET digest = ''",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(refused)
    await connection.close()
    for service in ("ingest", "retention"):
        await ensure_role(admin, service, DATABASE_PASSWORD)


async def test_replicas_may_migrate_at_the_same_time(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(monkeypatch, FIRST, SECOND)
    done = await asyncio.gather(*(migrate(fresh_database, "ingest", DATABASE_PASSWORD) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, 2]


def test_a_file_with_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "first.sql").write_text("SELECT 1")
    monkeypatch.setattr("importlib.resources.files", lambda _package: tmp_path)
    with pytest.raises(MigrationError, match=r"first\.sql is not named NNNN_what\.sql"):
        db.migrations_of("ingest")


async def test_a_shape_does_not_tell_the_schemas_name(admin: asyncpg.Connection) -> None:
    for schema in ("ingest", "retention"):
        await apply(admin, schema, [FIRST, SECOND])
    assert await shape(admin, "ingest") == await shape(admin, "retention")
