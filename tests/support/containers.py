"""The same backends on testcontainers: `pytest --servers=containers`.

PostgreSQL is the oldest that we support, and the S3 store another maker's than the embedded one, so that
this run says something new.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from testcontainers.community.minio import MinioContainer
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tests.support.backends import Bus, Database, ObjectStore

POSTGRES_IMAGE = "postgres:15"
NATS_IMAGE = "nats:2"
MINIO_IMAGE = "minio/minio:RELEASE.2025-09-07T16-13-09Z"

NO_ENGINE = """\
--servers=containers 需要容器引擎，但没有引擎应答 · it needs a container engine, and none answered:
  {reason}
以 root 安装其一（Debian、Ubuntu）· As root, install one (Debian, Ubuntu):
  apt-get install docker.io runc     dockerd &
  apt-get install podman runc        podman --runtime runc system service --time=0 \
unix:///run/podman/podman.sock &
                                     export DOCKER_HOST=unix:///run/podman/podman.sock
                                     export TESTCONTAINERS_CONNECTION_MODE=docker_host
然后 · then: export TESTCONTAINERS_RYUK_DISABLED=true
或者不加此选项：内置服务器无需安装 · Or leave the option out: the embedded servers need nothing."""


def require() -> None:
    """End the run with advice where no engine answers: a silent fall-back would claim what was not run."""
    try:
        DockerClient().client.ping()
    except Exception as error:
        raise pytest.UsageError(NO_ENGINE.format(reason=error)) from error


@asynccontextmanager
async def postgres(_state_dir: Path) -> AsyncIterator[Database]:
    """PostgreSQL 15."""
    password = secrets.token_urlsafe(24)
    container = PostgresContainer(POSTGRES_IMAGE, username="postgres", password=password, driver=None)
    async with _running(container):
        yield Database(_host(container), int(container.get_exposed_port(5432)), "postgres", password)


@asynccontextmanager
async def nats(_state_dir: Path) -> AsyncIterator[Bus]:
    """NATS with JetStream."""
    container = DockerContainer(NATS_IMAGE).with_command("-js").with_exposed_ports(4222)
    container.waiting_for(LogMessageWaitStrategy("Server is ready"))
    async with _running(container):
        yield Bus(f"nats://{_host(container)}:{container.get_exposed_port(4222)}")


@asynccontextmanager
async def object_store(_state_dir: Path) -> AsyncIterator[ObjectStore]:
    """MinIO."""
    secret_key = secrets.token_urlsafe(24)
    container = MinioContainer(MINIO_IMAGE, access_key="tests-admin", secret_key=secret_key)
    container.with_env("MINIO_ROOT_USER", "tests-admin").with_env("MINIO_ROOT_PASSWORD", secret_key)
    async with _running(container):
        endpoint = f"{_host(container)}:{container.get_exposed_port(9000)}"
        yield ObjectStore(endpoint, "tests-admin", secret_key)


@asynccontextmanager
async def _running(container: DockerContainer) -> AsyncIterator[None]:
    """Start and stop in a thread: testcontainers waits by blocking."""
    await asyncio.to_thread(container.start)
    try:
        yield
    finally:
        await asyncio.to_thread(container.stop)


def _host(container: DockerContainer) -> str:
    return str(container.get_container_host_ip())
