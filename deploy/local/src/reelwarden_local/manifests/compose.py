"""The Compose file: a district's servers and roles on one host."""

from typing import Any

from reelwarden_local.manifests.table import (
    DISTRICT,
    IMAGE,
    PACKAGES,
    PORT,
    SECRETS,
    SHAPES,
    STOP_SECONDS,
    Shape,
)

FOLDER = "${REELWARDEN_FOLDER:?the folder of reelwarden district init}"
POSTGRES_IMAGE, NATS_IMAGE, STORE_IMAGE = "postgres:17", "nats:2.15", "chrislusf/seaweedfs:4.48"
_CONFINED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
}
_SERVER = {"security_opt": ["no-new-privileges:true"], "restart": "unless-stopped"}
_PUBLISHED = {"desk": 8081, "inspector": 8082}
"""On loopback: a reverse proxy with the district's certificate stands before them."""


def file() -> dict[str, Any]:
    """The whole file."""
    return {
        "name": "reelwarden",
        "services": {**_servers(), **{shape.role: _role(shape) for shape in SHAPES}},
        "networks": {name: {} for name in ("people", "bus", "database", "store")},
        "volumes": {name: {} for name in ("postgres", "nats", "store", "packages")},
        "secrets": {"postgres-password": {"file": f"{FOLDER}/keys/postgres-password"}},
    }


def _servers() -> dict[str, Any]:
    return {
        "postgres": {
            "image": POSTGRES_IMAGE,
            "environment": {
                "POSTGRES_DB": "reelwarden",
                "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres-password",
            },
            "secrets": ["postgres-password"],
            "volumes": ["postgres:/var/lib/postgresql/data"],
            "networks": ["database"],
            "ports": ["127.0.0.1:5432:5432"],
            "healthcheck": {"test": ["CMD", "pg_isready", "-U", "postgres"], "interval": "5s", "retries": 20},
            **_SERVER,
        },
        "hub": {
            **_SERVER,
            "read_only": True,
            "image": NATS_IMAGE,
            "command": ["--config", "/etc/nats/hub.conf"],
            "volumes": [f"{FOLDER}/nats:/etc/nats:ro", "nats:/var/lib/nats"],
            "networks": ["bus"],
            "ports": ["4222:4222", "7422:7422"],
        },
        "store": {
            "image": STORE_IMAGE,
            "command": [
                "server",
                "-dir=/data",
                "-s3",
                "-s3.config=/etc/seaweedfs/s3.json",
                "-master.volumeSizeLimitMB=1024",
            ],
            "volumes": [f"{FOLDER}/keys/s3.json:/etc/seaweedfs/s3.json:ro", "store:/data"],
            "networks": ["store"],
            "ports": ["8333:8333"],
            **_SERVER,
        },
    }


def _role(shape: Shape) -> dict[str, Any]:
    networks = ["bus"]
    networks += ["database"] if shape.database else []
    networks += ["store"] if shape.store else []
    networks += ["people"] if shape.people or shape.outside else []
    volumes = [
        f"{FOLDER}/secrets/{shape.role}:{SECRETS}:ro",
        f"{FOLDER}/district.toml:{DISTRICT}/district.toml:ro",
    ]
    role: dict[str, Any] = {
        **_CONFINED,
        "image": IMAGE,
        "command": ["role", shape.role],
        "env_file": [f"{FOLDER}/env/{shape.role}.env"],
        "user": "${REELWARDEN_USER:-10001}",
        "volumes": volumes,
        "tmpfs": ["/tmp:size=1g"],  # noqa: S108 - of the container's own
        "networks": networks,
        "mem_limit": f"{shape.megabytes}m",
        "stop_grace_period": f"{STOP_SECONDS}s",
        "depends_on": {"hub": {"condition": "service_started"}},
    }
    if shape.database:
        role["depends_on"]["postgres"] = {"condition": "service_healthy"}
    if shape.role == "desk":
        role["environment"] = {"RW_PACKAGES_DIR": PACKAGES}
        volumes.append(f"packages:{PACKAGES}")
    if shape.role in _PUBLISHED:
        role["ports"] = [f"127.0.0.1:{_PUBLISHED[shape.role]}:{PORT}"]
    return role
