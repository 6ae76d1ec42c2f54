"""The S3 store, as roles use it: async, by version, with checksums, and errors in our words."""

import asyncio
import base64
import hashlib
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.error import MinioException, S3Error
from minio.retention import Retention
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from reelwarden_common import s3_parts
from reelwarden_common.errors import Refused, Transient
from reelwarden_common.s3_line import Pace, at_once, connections
from reelwarden_common.settings import S3Settings

CHUNK = 1024 * 1024
PACED = 128 * 1024
"""What is read at once where it may have to keep a pace."""
_GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed"}
_MINE = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_UNLOCKED = {"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"}
_DIFFERS = {"BadDigest", "XAmzContentChecksumMismatch", "InvalidDigest"}
WHOLE = 64 * 1024 * 1024
"""Up to this size a file goes in one request, which the store checks; it is in memory meanwhile."""
PART = 16 * 1024 * 1024
R = TypeVar("R")


class StoreAway(Transient):
    """The S3 store does not answer, or failed; the same call may work later."""


class NotStored(Refused):
    """There is no such object or version."""


class NotAllowed(Refused):
    """The store refuses this key: check its rights, or the object's lock."""


class ContentDiffers(Refused):
    """What was sent has another SHA-256 than was said: the file changed since it was hashed."""


@dataclass(frozen=True)
class Put:
    """What the store says of an object that it took."""

    key: str
    version: str


@dataclass(frozen=True)
class Version:
    """One version of an object that the store holds, newest first when listed."""

    key: str
    version: str
    size: int
    modified: datetime


class S3:
    """One client; calls run in a bounded number of threads because the library is synchronous.

    Args:
        settings: the store's address and a key.
        threads: how many calls at once.
        pace: how fast bodies may cross the line, both ways.
    """

    def __init__(self, settings: S3Settings, threads: int = 4, pace: Pace = at_once) -> None:
        self._client = Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value(),
            secure=settings.secure,
            region=settings.region,
            http_client=connections(threads, pace),
        )
        self._pace = pace
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except S3Error as error:
            text = f"{error.code}: {error.message} ({error.resource})"
            if error.code in _GONE:
                raise NotStored(text) from error
            if error.code in _MINE:
                raise NotAllowed(text) from error
            if error.code in _DIFFERS:
                raise ContentDiffers(text) from error
            raise StoreAway(text) from error
        except (MinioException, HTTPError, OSError) as error:
            text = f"S3: {error}"
            raise StoreAway(text) from error

    async def ensure_bucket(self, bucket: str, *, lock: bool) -> None:
        """Make a bucket unless it is there; with `lock`, versioned and with object lock."""

        def work() -> None:
            if not self._client.bucket_exists(bucket):
                self._client.make_bucket(bucket, object_lock=lock)

        await self._call(work)

    async def put_file(
        self,
        bucket: str,
        key: str,
        path: Path,
        digest: str,
        *,
        content_type: str = "application/octet-stream",
        locked_until: datetime | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Put:
        """Store a file; the store itself checks the SHA-256 `digest` and refuses other content.

        `facts` are a few ASCII words kept with the object, read by `facts`.

        Raises:
            StoreAway, NotAllowed: see there.
            ContentDiffers: the file is not what was hashed.
            FileNotFoundError, PermissionError: the file cannot be opened.
        """
        with path.open("rb") as file:
            return await self.put_open_file(
                bucket, key, file, digest, content_type=content_type, locked_until=locked_until, facts=facts
            )

    async def put_open_file(
        self,
        bucket: str,
        key: str,
        file: BinaryIO,
        digest: str,
        *,
        content_type: str = "application/octet-stream",
        locked_until: datetime | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Put:
        """As `put_file`, for a file that the caller opened with care."""

        def work() -> Put:
            size = os.fstat(file.fileno()).st_size
            return self._put(bucket, key, file, size, digest, content_type, locked_until, facts)

        return await self._call(work)

    async def put_bytes(
        self,
        bucket: str,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        locked_until: datetime | None = None,
        compliance: bool = False,
    ) -> Put:
        """Store some bytes; with `compliance` nobody may end the lock, the store's administrator included.

        Never for footage, which must be erased on its day.
        """
        digest, mode = hashlib.sha256(data).hexdigest(), COMPLIANCE if compliance else GOVERNANCE
        content = io.BytesIO(data)
        return await self._call(
            lambda: self._put(bucket, key, content, len(data), digest, content_type, locked_until, mode=mode)
        )

    def _put(
        self,
        bucket: str,
        key: str,
        data: BinaryIO,
        size: int,
        digest: str,
        content_type: str,
        locked_until: datetime | None,
        facts: Mapping[str, str] | None = None,
        mode: str = GOVERNANCE,
    ) -> Put:
        own: dict[str, str | list[str] | tuple[str]] = {
            f"x-amz-meta-{name}": value for name, value in (facts or {}).items()
        }
        if size > WHOLE:
            return self._put_in_parts(bucket, key, data, digest, content_type, locked_until, own)
        own["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(digest)).decode()
        own["x-amz-sdk-checksum-algorithm"] = "SHA256"
        result = self._client.put_object(
            bucket,
            key,
            data,
            size,
            content_type=content_type,
            metadata=own,
            retention=Retention(mode, locked_until) if locked_until else None,
            part_size=max(size, 5 * 1024 * 1024),
        )
        return Put(key, result.version_id or "")

    def _put_in_parts(
        self,
        bucket: str,
        key: str,
        data: BinaryIO,
        digest: str,
        content_type: str,
        locked_until: datetime | None,
        facts: Mapping[str, object],
    ) -> Put:
        """Store a large file part by part, going on where an earlier attempt ended; we check the whole.

        The lock comes last: an object is made of the parts only when all of them are known to be right.
        """
        place = s3_parts.Place(bucket, key)
        headers = {"Content-Type": content_type} | {name: str(value) for name, value in facts.items()}
        done = s3_parts.upload(self._client, place, data, PART, headers)
        if done.digest != digest:
            s3_parts.abandon(self._client, place, done)
            text = f"{key}: the file is not what was hashed"
            raise ContentDiffers(text)
        version = s3_parts.complete(self._client, place, done)
        if locked_until is not None:
            self._client.set_object_retention(
                bucket, key, Retention(GOVERNANCE, locked_until), version_id=version
            )
        return Put(key, version)

    async def lock_until(self, bucket: str, key: str, version: str, until: datetime) -> None:
        """Lengthen an object's lock; the store refuses to shorten it (we never ask for a bypass)."""
        await self._call(
            lambda: self._client.set_object_retention(
                bucket, key, Retention(GOVERNANCE, until), version_id=version
            )
        )

    async def legal_hold(self, bucket: str, key: str, version: str, *, on: bool) -> None:
        """Set or lift the legal hold of one version."""
        act = self._client.enable_object_legal_hold if on else self._client.disable_object_legal_hold
        await self._call(lambda: act(bucket, key, version_id=version))

    async def erase(self, bucket: str, key: str, version: str) -> None:
        """Erase one version for good (a delete without version would only hide it).

        Raises:
            NotAllowed: it is locked or held.
        """
        await self._call(lambda: self._client.remove_object(bucket, key, version_id=version))

    async def versions(self, bucket: str, key: str) -> list[Version]:
        """List all versions of one key that hold content, newest first; empty if there is none."""
        found = [one for one in await self.versions_below(bucket, key) if one.key == key]
        return sorted(found, key=lambda version: version.modified, reverse=True)

    async def versions_below(self, bucket: str, prefix: str) -> list[Version]:
        """List all versions that hold content, of all keys that begin so; keep the prefix narrow."""

        def work() -> list[Version]:
            listed = self._client.list_objects(bucket, prefix=prefix, recursive=True, include_version=True)
            return [
                Version(one.object_name or "", one.version_id or "", one.size or 0, one.last_modified)
                for one in listed
                if not one.is_delete_marker and one.last_modified
            ]

        return await self._call(work)

    async def folders(self, bucket: str, below: str = "") -> list[str]:
        """List the key prefixes up to the next slash: `a/` for `a/b`; sorted.

        Also those of which only older versions are left: a plain delete hides what a lock keeps.
        """

        def work() -> list[str]:
            listed = self._client.list_objects(bucket, prefix=below, include_version=True)
            return sorted({one.object_name for one in listed if one.is_dir and one.object_name})

        return await self._call(work)

    async def locked_until(self, bucket: str, key: str, version: str) -> datetime | None:
        """When the lock of one version ends; None if it has none."""

        def work() -> datetime | None:
            try:
                found = self._client.get_object_retention(bucket, key, version_id=version)
            except S3Error as error:
                if error.code in _UNLOCKED:
                    return None
                raise
            return found.retain_until_date if found else None

        return await self._call(work)

    async def is_held(self, bucket: str, key: str, version: str) -> bool:
        """Whether one version has a legal hold."""
        return await self._call(
            lambda: self._client.is_object_legal_hold_enabled(bucket, key, version_id=version)
        )

    async def facts(self, bucket: str, key: str, version: str) -> dict[str, str]:
        """The words that were stored with one version."""

        def work() -> dict[str, str]:
            found = self._client.stat_object(bucket, key, version_id=version).metadata or {}
            prefix = "x-amz-meta-"
            return {
                name.lower().removeprefix(prefix): value
                for name, value in found.items()
                if name.lower().startswith(prefix)
            }

        return await self._call(work)

    async def answers(self, bucket: str) -> bool:
        """Whether the store answers for this bucket now: tells a bad object from a store that is away."""
        try:
            return await self._call(lambda: self._client.bucket_exists(bucket))
        except (StoreAway, NotAllowed):
            return False

    async def digest(self, bucket: str, key: str, version: str | None = None) -> str:
        """Read an object back in full and return its SHA-256: never trust an ETag or a size."""

        def work() -> str:
            total = hashlib.sha256()
            response = self._client.get_object(bucket, key, version_id=version or None)
            try:
                for chunk in self._content(response):
                    total.update(chunk)
            finally:
                response.close()
                response.release_conn()
            return total.hexdigest()

        return await self._call(work)

    async def get_file(self, bucket: str, key: str, path: Path, version: str | None = None) -> str:
        """Download into `path`, flushed to disk; returns the SHA-256 of what was written."""

        def work() -> str:
            total = hashlib.sha256()
            response = self._client.get_object(bucket, key, version_id=version or None)
            try:
                with path.open("wb") as file:
                    for chunk in self._content(response):
                        total.update(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                response.close()
                response.release_conn()
            return total.hexdigest()

        return await self._call(work)

    def _content(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        for chunk in response.stream(PACED):
            self._pace(len(chunk))
            yield chunk

    async def get_bytes(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """A small object's content."""

        def work() -> bytes:
            response = self._client.get_object(bucket, key, version_id=version or None)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        return await self._call(work)

    async def size(self, bucket: str, key: str, version: str | None = None) -> int:
        """An object's size in bytes."""
        return await self._call(
            lambda: self._client.stat_object(bucket, key, version_id=version or None).size or 0
        )

    async def stream(self, bucket: str, key: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """Bytes `offset` to `offset + length` of an object, in chunks: for range requests."""
        response = await self._call(
            lambda: self._client.get_object(bucket, key, offset=offset, length=length)
        )
        try:
            while chunk := await self._call(lambda: response.read(CHUNK)):
                yield chunk
        finally:
            response.close()
            response.release_conn()
