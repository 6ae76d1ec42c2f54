"""Looking at what lies in a school's bucket, for the replicator's checks and the ledger's."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from reelwarden_backup.shapes import MANIFESTS
from reelwarden_common.errors import Refused
from reelwarden_common.events.fsck import Difference
from reelwarden_common.messaging.fsck import Look, Portion
from reelwarden_common.s3 import S3, NotStored, StoreAway, Version

REQUEST_SHARE = 20
"""A request costs so many times what a look at a file costs."""
_AT_ONCE = 2
"""Requests at the same time: the role's own work goes on beside them."""
_LAST = "~"
"""Sorts behind every key of a camera-day."""
T = TypeVar("T")

Unknown = Callable[[Look, Sequence[Version]], Awaitable[set[tuple[str, str]]]]
"""Which of these versions nobody knows, by key and version."""
Mend = Callable[[Look, Version], Awaitable[str]]


def place(key: str, version: str) -> str:
    """One version as a key of an item."""
    return f"{key}#{version}"


def placed(text: str) -> tuple[str, str]:
    """The other way."""
    key, _, version = text.rpartition("#")
    return key, version


async def few_at_once(looks: Iterable[Awaitable[T]]) -> list[T]:
    """The results, in order; raises the first error."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(look: Awaitable[T]) -> T:
        async with gate:
            return await look

    return await asyncio.gather(*(one(look) for look in looks))


async def size_of(s3: S3, bucket: str, key: str, version: str) -> int | None:
    """The size of a version; None: it is not there.

    Raises:
        StoreAway, NotAllowed: nothing can be seen now.
    """
    try:
        return await s3.size(bucket, key, version)
    except NotStored:
        return None


async def digest_of(s3: S3, bucket: str, key: str, version: str) -> str:
    """The digest of a version as it is read back; empty where the store has it and cannot give it.

    Raises:
        StoreAway, NotAllowed: nothing can be seen now.
    """
    try:
        return await s3.digest(bucket, key, version)
    except NotStored:
        return ""
    except StoreAway:
        if await s3.answers(bucket):
            return ""
        raise


class BucketFiles:
    """What lies in the bucket, camera-day by camera-day; keys are versions, one goes on after a key."""

    name = "bucket"

    def __init__(
        self, s3: S3, bucket: Callable[[Look], str], unknown: Unknown, mend: Mend | None = None
    ) -> None:
        self._s3, self._bucket, self._unknown, self._mend = s3, bucket, unknown, mend

    async def total(self, look: Look) -> int:
        """Nobody knows before."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The rest of a camera-day, or the next one."""
        bucket = self._bucket(look)
        try:
            day = await self._next_day(bucket, after)
        except NotStored:
            return Portion(), None  # there is no bucket yet
        if day is None:
            return Portion(), None
        there = sorted(await self._s3.versions_below(bucket, day), key=lambda one: (one.key, one.version))
        rest = [one for one in there if one.key > after][:limit]
        then = rest[-1].key if len(rest) == limit else f"{day}{_LAST}"
        return await self._compare(look, rest), then

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Those that are still there."""
        found: list[Version] = []
        for key, version in map(placed, keys):
            found += [
                one for one in await self._s3.versions(self._bucket(look), key) if one.version == version
            ]
        return await self._compare(look, found)

    async def repair(self, look: Look, key: str) -> str:
        """Only the ledger can take in what it does not know."""
        if self._mend is None:
            raise Refused("not-repairable")
        if not (await self.again(look, [key])).differences:
            raise Refused("as-it-should-be")
        name, version = placed(key)
        listed = await self._s3.versions(self._bucket(look), name)
        return await self._mend(look, next(one for one in listed if one.version == version))

    async def _next_day(self, bucket: str, after: str) -> str | None:
        for camera in await self._s3.folders(bucket):
            if camera == f"{MANIFESTS}/" or f"{camera}{_LAST}" <= after:
                continue
            for day in await self._s3.folders(bucket, camera):
                if f"{day}{_LAST}" > after:
                    return day
        return None

    async def _compare(self, look: Look, there: Sequence[Version]) -> Portion:
        unknown = await self._unknown(look, there) if there else set()
        found = [
            Difference(
                item=f"{self.name}:{place(one.key, one.version)}",
                kind="copy-unknown",
                where=one.key[:400],
                found=f"{one.size}",
                repairable=self._mend is not None,
            )
            for one in there
            if (one.key, one.version) in unknown
        ]
        return Portion(checked=len(there), differences=found)


def differs(
    item: str,
    kind: str,
    copy: tuple[str, str, datetime],
    expected: str = "",
    found: str = "",
    *,
    repairable: bool = False,
) -> Difference:
    """A difference of one copy, of which key, camera and start are given."""
    key, camera, start = copy
    return Difference(
        item=item,
        kind=kind,
        camera=camera,
        start=start,
        where=key[:400],
        expected=expected,
        found=found[:200],
        repairable=repairable,
    )
