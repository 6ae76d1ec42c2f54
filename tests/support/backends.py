"""What the server fixtures hand out, the same for embedded servers and containers."""

import secrets
from dataclasses import dataclass
from urllib.parse import quote

from minio import Minio

DATABASE_PASSWORD = "of-every-service"
"""Roles belong to the server, not to a database: with one each, tests would lock each other out."""


@dataclass(frozen=True)
class Database:
    """A PostgreSQL server of the tests."""

    host: str
    port: int
    superuser: str
    password: str

    def url(self, user: str, password: str, database: str) -> str:
        """Return a connection URL for any role."""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@{self.host}:{self.port}/{quote(database, safe='')}?sslmode=disable"

    def admin_url(self, database: str = "postgres") -> str:
        """Return the superuser's connection URL."""
        return self.url(self.superuser, self.password, database)


@dataclass(frozen=True)
class Bus:
    """A plain NATS server with JetStream, open to all."""

    url: str


@dataclass(frozen=True)
class ObjectStore:
    """An S3 store and an identity that may do everything in it."""

    endpoint: str
    access_key: str
    secret_key: str

    def client(self) -> Minio:
        """Return a client of the administrator."""
        return Minio(self.endpoint, self.access_key, self.secret_key, secure=False, region="us-east-1")


def unique(prefix: str) -> str:
    """Return a name that no other test uses: letters, digits, nothing that needs quoting."""
    return f"{prefix}{secrets.token_hex(6)}"
