"""The S3 store: versions, locks that only lengthen, legal holds; it may be down, or take and not say so."""

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from reelwarden_common.clock import Clock
from reelwarden_common.s3 import ContentDiffers, NotAllowed, NotStored, Put, StoreAway, Version


@dataclass
class Object:
    """One version."""

    content: bytes
    modified: datetime
    locked_until: datetime | None
    facts: dict[str, str]
    held: bool = False


@dataclass
class Trouble:
    """What is wrong with the store now."""

    down: bool = False
    fails: float = 0.0
    """How likely a call fails before it did anything."""
    forgets: float = 0.0
    """How likely it fails after it did."""


@dataclass
class Objects:
    """All buckets, as `reelwarden_common.s3.S3` is called by replicator and ledger."""

    clock: Clock
    random: Callable[[], float]
    pause: Callable[[], Awaitable[None]]
    """Other things happen while a role waits for the store."""
    trouble: Trouble = field(default_factory=Trouble)
    versions_of: dict[tuple[str, str], dict[str, Object]] = field(default_factory=lambda: defaultdict(dict))
    read_back: set[tuple[str, str]] = field(default_factory=set)
    """Key and SHA-256 of what was read in full."""
    put_count: int = 0

    async def _before(self) -> None:
        await self.pause()
        if self.trouble.down or self.random() < self.trouble.fails:
            raise StoreAway("S3: no answer")

    def _after(self) -> None:
        if self.random() < self.trouble.forgets:
            raise StoreAway("S3: the answer was lost")

    def _one(self, bucket: str, key: str, version: str) -> Object:
        try:
            return self.versions_of[bucket, key][version]
        except KeyError:
            raise NotStored(f"NoSuchVersion: {key}") from None

    async def put_open_file(
        self,
        bucket: str,
        key: str,
        file: BinaryIO,
        digest: str,
        *,
        content_type: str = "",  # noqa: ARG002 - as the client takes it
        locked_until: datetime | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Put:
        return await self._put(bucket, key, file.read(), digest, locked_until, facts)

    async def put_bytes(
        self,
        bucket: str,
        key: str,
        data: bytes,
        *,
        content_type: str = "",  # noqa: ARG002 - as the client takes it
        locked_until: datetime | None = None,
    ) -> Put:
        return await self._put(bucket, key, data, hashlib.sha256(data).hexdigest(), locked_until, None)

    async def _put(
        self,
        bucket: str,
        key: str,
        data: bytes,
        digest: str,
        locked_until: datetime | None,
        facts: Mapping[str, str] | None,
    ) -> Put:
        await self._before()
        if hashlib.sha256(data).hexdigest() != digest:
            raise ContentDiffers(f"BadDigest: {key}")
        self.put_count += 1
        version = f"v{self.put_count}"
        self.versions_of[bucket, key][version] = Object(data, self.clock(), locked_until, dict(facts or {}))
        self._after()
        return Put(key, version)

    async def lock_until(self, bucket: str, key: str, version: str, until: datetime) -> None:
        await self._before()
        one = self._one(bucket, key, version)
        if one.locked_until is not None and until < one.locked_until and self.clock() < one.locked_until:
            raise NotAllowed(f"AccessDenied: {key} is locked for longer")
        one.locked_until = until
        self._after()

    async def legal_hold(self, bucket: str, key: str, version: str, *, on: bool) -> None:
        await self._before()
        self._one(bucket, key, version).held = on
        self._after()

    async def erase(self, bucket: str, key: str, version: str) -> None:
        await self._before()
        one = self.versions_of[bucket, key].get(version)
        if one is None:
            return
        if one.held or (one.locked_until is not None and self.clock() < one.locked_until):
            raise NotAllowed(f"AccessDenied: {key} is locked")
        del self.versions_of[bucket, key][version]
        self._after()

    async def versions(self, bucket: str, key: str) -> list[Version]:
        await self._before()
        found = self.versions_of[bucket, key].items()
        return [Version(key, name, len(one.content), one.modified) for name, one in reversed(found)]

    async def locked_until(self, bucket: str, key: str, version: str) -> datetime | None:
        await self._before()
        return self._one(bucket, key, version).locked_until

    async def is_held(self, bucket: str, key: str, version: str) -> bool:
        await self._before()
        return self._one(bucket, key, version).held

    async def facts(self, bucket: str, key: str, version: str) -> dict[str, str]:
        await self._before()
        return dict(self._one(bucket, key, version).facts)

    async def answers(self, bucket: str) -> bool:
        return bool(bucket) and not self.trouble.down

    async def digest(self, bucket: str, key: str, version: str | None = None) -> str:
        await self._before()
        found = hashlib.sha256(self._one(bucket, key, version or "").content).hexdigest()
        self.read_back.add((key, found))
        return found

    async def get_file(self, bucket: str, key: str, path: Path, version: str | None = None) -> str:
        await self._before()
        content = self._one(bucket, key, version or "").content
        path.write_bytes(content)  # noqa: ASYNC240 - nobody waits
        return hashlib.sha256(content).hexdigest()
