"""The embedded S3 store does what backup and evidence rely on, and is shut beside its gateway."""

import asyncio
import base64
import hashlib
import io
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention

from reelwarden_local.damage import crc32c, damage_object
from reelwarden_local.servers import Identity, SeaweedFS, ServerError
from reelwarden_local.servers.seaweedfs import SOCKETS

ADMIN = Identity("admin", "admin-key", "admin-secret-of-the-tests", ["Admin"])
SCHOOL = Identity(
    "s001", "s001-key", "s001-secret-of-the-tests", ["Read:shared/s001/*", "Write:shared/s001/*"]
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SeaweedFS]:
    """A store of this module's own, which may be killed and damaged."""
    async with SeaweedFS(tmp_path_factory.mktemp("store"), [ADMIN, SCHOOL]) as server:
        yield server


@pytest.fixture
def admin(store: SeaweedFS) -> Minio:
    return store.client(ADMIN)


def put(client: Minio, bucket: str, key: str, body: bytes, claimed: bytes | None = None) -> str:
    """Store a body with the checksum of what is claimed to be in it; return the version."""
    digest = base64.b64encode(hashlib.sha256(body if claimed is None else claimed).digest()).decode()
    checksum = {"x-amz-checksum-sha256": digest, "x-amz-sdk-checksum-algorithm": "SHA256"}
    done = client.put_object(bucket, key, io.BytesIO(body), len(body), metadata=dict(checksum))
    return done.version_id or ""


def get(client: Minio, bucket: str, key: str, version: str | None = None) -> bytes:
    with client.get_object(bucket, key, version_id=version) as answer:
        return bytes(answer.data)


async def test_versions_checksums_and_locks_hold(admin: Minio) -> None:
    await asyncio.to_thread(versions_checksums_and_locks_hold, admin)


def versions_checksums_and_locks_hold(admin: Minio) -> None:
    admin.make_bucket("locked", object_lock=True)
    first = put(admin, "locked", "a", b"first")
    second = put(admin, "locked", "a", b"second")
    assert get(admin, "locked", "a") == b"second"
    assert get(admin, "locked", "a", first) == b"first"
    with pytest.raises(S3Error) as refused:
        put(admin, "locked", "b", b"sent", claimed=b"meant")
    assert refused.value.code == "BadDigest"
    until = datetime.now(UTC) + timedelta(days=1)
    admin.set_object_retention("locked", "a", Retention(GOVERNANCE, until), version_id=first)
    with pytest.raises(S3Error) as refused:
        admin.remove_object("locked", "a", version_id=first)
    assert refused.value.code == "AccessDenied"
    admin.remove_object("locked", "a", version_id=second)
    assert get(admin, "locked", "a") == b"first"


async def test_a_key_of_one_prefix_opens_no_other(store: SeaweedFS, admin: Minio) -> None:
    def check() -> None:
        admin.make_bucket("shared")
        put(admin, "shared", "s002/theirs", b"x")
        school = store.client(SCHOOL)
        put(school, "shared", "s001/ours", b"y")
        assert get(school, "shared", "s001/ours") == b"y"
        for attempt in (
            lambda: get(school, "shared", "s002/theirs"),
            lambda: put(school, "shared", "s002/forged", b"z"),
            lambda: school.remove_object("shared", "s002/theirs"),
        ):
            with pytest.raises(S3Error) as refused:
                attempt()
            assert refused.value.code == "AccessDenied"

    await asyncio.to_thread(check)


async def test_nobody_deletes_behind_the_gateway(store: SeaweedFS, admin: Minio) -> None:
    await asyncio.to_thread(admin.make_bucket, "behind", object_lock=True)
    await asyncio.to_thread(put, admin, "behind", "kept", b"kept")
    async with httpx.AsyncClient(timeout=60) as anyone:
        for method, path in [
            ("DELETE", "/buckets/behind?recursive=true"),
            ("DELETE", "/buckets/behind/kept"),
            ("GET", "/buckets/behind/kept"),
            ("PUT", "/buckets/behind/forged"),
        ]:
            answer = await anyone.request(method, f"http://{store.filer_endpoint}{path}")
            assert answer.status_code == httpx.codes.UNAUTHORIZED
        answer = await anyone.get(f"http://{store.endpoint}/behind/kept")
        assert answer.status_code == httpx.codes.FORBIDDEN
    assert await asyncio.to_thread(get, admin, "behind", "kept") == b"kept"


async def test_silent_rot_is_served_as_if_it_were_whole(store: SeaweedFS, admin: Minio) -> None:
    """Why a backup counts only once its content was read back: no status, no size tells."""
    body = secrets.token_bytes(20_000)  # like footage it does not compress, so it lies there as it is
    await asyncio.to_thread(admin.make_bucket, "rotten")
    await asyncio.to_thread(put, admin, "rotten", "segment.mp4", body)
    damage_object(store, body)
    served = await asyncio.to_thread(get, admin, "rotten", "segment.mp4")
    assert len(served) == len(body)
    assert sum(one != other for one, other in zip(served, body, strict=True)) == 1
    with pytest.raises(ServerError, match="no volume"):
        damage_object(store, b"nobody stored this")


async def test_of_objects_that_begin_alike_only_the_one_meant_rots(store: SeaweedFS, admin: Minio) -> None:
    start = secrets.token_bytes(8_000)
    bodies = {f"{n}.mp4": start + bytes([n]) * (n + 100) for n in range(6)}
    await asyncio.to_thread(admin.make_bucket, "alike")
    for key, body in bodies.items():
        await asyncio.to_thread(put, admin, "alike", key, body)
    for key in ("4.mp4", "1.mp4"):
        damage_object(store, bodies[key])
    served = {key: await asyncio.to_thread(get, admin, "alike", key) for key in bodies}
    assert {key for key, body in served.items() if body != bodies[key]} == {"1.mp4", "4.mp4"}


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283


async def test_objects_outlive_a_kill(store: SeaweedFS, admin: Minio) -> None:
    bodies = {f"k{n}": bytes([n]) * 5_000 for n in range(30)}
    await asyncio.to_thread(admin.make_bucket, "kept", object_lock=True)
    for key, body in bodies.items():
        await asyncio.to_thread(put, admin, "kept", key, body)
    endpoint = store.endpoint
    await store.kill()
    await store.start()
    assert store.endpoint == endpoint
    for key, body in bodies.items():
        assert await asyncio.to_thread(get, store.client(ADMIN), "kept", key) == body


async def test_it_leaves_no_sockets_behind(tmp_path: Path) -> None:
    async with SeaweedFS(tmp_path, [ADMIN]) as server:
        ports = server.listens_on()
        assert any(list(SOCKETS.glob(f"seaweedfs-*-{port}.sock")) for port in ports)
    assert not [path for port in ports for path in SOCKETS.glob(f"seaweedfs-*-{port}.sock")]


def test_its_keys_are_private(store: SeaweedFS) -> None:
    for name in ("s3.json", "secrets.json"):
        assert (Path(store.state_dir) / name).stat().st_mode & 0o077 == 0
