"""The servers of the embedded stack: NATS, PostgreSQL and an S3 store, all from wheels, all on loopback."""

from reelwarden_local.servers.link import Link
from reelwarden_local.servers.nats import NatsServer, plain_jetstream
from reelwarden_local.servers.postgres import Postgres
from reelwarden_local.servers.process import LOOPBACK, ServerError, ServerProcess, free_port, free_ports
from reelwarden_local.servers.seaweedfs import READ_RIGHTS, WRITE_RIGHTS, Identity, SeaweedFS

__all__ = [
    "LOOPBACK",
    "READ_RIGHTS",
    "WRITE_RIGHTS",
    "Identity",
    "Link",
    "NatsServer",
    "Postgres",
    "SeaweedFS",
    "ServerError",
    "ServerProcess",
    "free_port",
    "free_ports",
    "plain_jetstream",
]
