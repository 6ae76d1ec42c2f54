"""Fixtures of the real servers that tests run on; each starts when the first test asks for it.

`--servers=containers` takes bus, database and store from testcontainers instead of the embedded servers.
A test that kills, cuts or reconfigures a server starts one of its own from `reelwarden_local.servers`.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType

import asyncpg
import pytest
import pytest_asyncio
import structlog
from hypothesis import settings

from tests.support.backends import Bus, Database, ObjectStore, unique

LONGEST = ("tests/simulation", "tests/faults", "tests/journeys")
"""Folders whose files take minutes: they begin first, so that no worker is left alone with one of them."""
BucketMaker = Callable[..., Awaitable[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=["embedded", "containers"],
        default="embedded",
        help="where NATS, PostgreSQL and the S3 store of the tests come from",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Ask at once whether the servers can be had: not after minutes of tests."""
    settings.register_profile("reelwarden", deadline=None)  # a busy machine is no failed example
    settings.load_profile("reelwarden")
    structlog.configure(  # a traceback with every value in it takes half a minute
        processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    _backend(config).require()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def _backend(config: pytest.Config) -> ModuleType:
    return importlib.import_module(f"tests.support.{config.getoption('--servers')}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    """The PostgreSQL server of this run."""
    async with _backend(pytestconfig).postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_admin_url(postgres: Database) -> str:
    """The superuser's URL of the server's own database."""
    return postgres.admin_url()


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_database(postgres: Database) -> AsyncIterator[str]:
    """An empty database for one test: its superuser's URL. Dropped afterwards, whoever is still in it."""
    name = unique("t_")
    await _run(postgres.admin_url(), f"create database {name}")
    yield postgres.admin_url(name)
    await _run(postgres.admin_url(), f"drop database {name} with (force)")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nats_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bus]:
    """A plain JetStream server, open to all: use streams and subjects of your own (`unique`)."""
    async with _backend(pytestconfig).nats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ObjectStore]:
    """The S3 store of this run, with its administrator's keys."""
    async with _backend(pytestconfig).object_store(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_bucket(s3: ObjectStore) -> BucketMaker:
    """Makes empty buckets: `name = await fresh_bucket()`, or `fresh_bucket(object_lock=True)`.

    They stay until the store is thrown away: a lock is a lock.
    """

    async def make(*, object_lock: bool = False) -> str:
        name = unique("t-")
        await asyncio.to_thread(s3.client().make_bucket, name, object_lock=object_lock)
        return name

    return make


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
