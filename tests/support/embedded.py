"""The embedded servers as test backends."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from reelwarden_local.servers import (
    LOOPBACK,
    Identity,
    NatsServer,
    Postgres,
    SeaweedFS,
    free_port,
    plain_jetstream,
)
from reelwarden_local.servers.postgres import SUPERUSER
from tests.support.backends import Bus, Database, ObjectStore


def require() -> None:
    """Nothing is needed but the wheels."""


@asynccontextmanager
async def postgres(state_dir: Path) -> AsyncIterator[Database]:
    async with Postgres(state_dir, quick=True) as server:
        yield Database(LOOPBACK, server.port, SUPERUSER, server.password)


@asynccontextmanager
async def nats(state_dir: Path) -> AsyncIterator[Bus]:
    port = free_port()
    async with NatsServer("plain", plain_jetstream(port), port, state_dir) as server:
        yield Bus(server.url)


@asynccontextmanager
async def object_store(state_dir: Path) -> AsyncIterator[ObjectStore]:
    admin = Identity("admin", "tests-admin", secrets.token_urlsafe(24), ["Admin"])
    async with SeaweedFS(state_dir, [admin]) as server:
        yield ObjectStore(server.endpoint, admin.access_key, admin.secret_key)
