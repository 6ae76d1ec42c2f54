"""Copying footage into the store. Killed at any point, it neither loses a copy nor leaves two."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from reelwarden_backup.shapes import object_key
from reelwarden_backup.site.replicator.copies import Copied, ToStore
from reelwarden_backup.site.replicator.domain import Footage, Rules, lock_end
from reelwarden_backup.site.replicator.files import OutsideStorage, open_footage
from reelwarden_backup.site.replicator.line import Line
from reelwarden_backup.site.replicator.measures import Measures
from reelwarden_backup.site.replicator.patience import Patience
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.clock import Clock
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, WHOLE, ContentDiffers, NotAllowed, NotStored, StoreAway

BATCH = 64


class Share:
    """How much is copied at once: files, and how many are chosen before what became urgent is looked for."""

    def __init__(self, parallel: int, line: Line) -> None:
        self.parallel = parallel
        self.gate = asyncio.Semaphore(parallel)
        self._line = line

    @property
    def batch(self) -> int:
        """Few where the line is slow: a hold that comes in the middle goes first."""
        return self.parallel if self._line.limited else BATCH


@dataclass(frozen=True)
class NotCopied:
    """One file could not be copied; the store itself answers."""

    segment: str
    detail: str


class Storing:
    """Takes what waits, a batch at a time, in the order of `to_store`."""

    def __init__(
        self,
        units: Units[ReplicatorStore],
        s3: S3,
        rules: Rules,
        storage: Path,
        patience: Patience,
        measures: Measures,
        clock: Clock,
        share: Share,
    ) -> None:
        self._share = share
        self._units = units
        self._s3 = s3
        self._rules = rules
        self._storage = storage
        self._patience = patience
        self._measures = measures
        self._clock = clock

    async def turn(self) -> None:
        """Copy until nothing waits, or the store is away."""
        while not self._patience.resting:
            async with self._units.begin() as store:
                batch = store.copies.to_store(self._share.batch)
            if not batch:
                return
            results = await asyncio.gather(*(self._copy(one) for one in batch))
            async with self._units.begin() as store:
                store.add_copies([one for one in results if isinstance(one, Copied)])
                for one in results:
                    if isinstance(one, NotCopied):
                        store.copies.not_stored(one.segment, one.detail)
            self._count(results)

    def _count(self, results: Sequence[Copied | NotCopied | None]) -> None:
        copied = [one for one in results if isinstance(one, Copied)]
        self._measures.stored.inc(sum(one.footage.size for one in copied))
        self._measures.failed.inc(sum(isinstance(one, NotCopied) for one in results))
        if copied:
            self._patience.well()

    async def _copy(self, one: ToStore) -> Copied | NotCopied | None:
        """Copy one segment; None: the store is away, and nothing is known."""
        async with self._share.gate:
            return None if self._patience.resting else await self._try_to_copy(one)

    async def _try_to_copy(self, one: ToStore) -> Copied | NotCopied | None:
        footage = one.footage
        what = f"{footage.camera} {footage.start:%Y-%m-%dT%H:%M:%SZ}"
        try:
            return await self._found(one) or await self._put(one)
        except (OSError, ContentDiffers, OutsideStorage) as error:
            detail = _why_not_read(error)
        except (StoreAway, NotStored, NotAllowed) as error:
            if await self._patience.is_away(error):
                return None
            detail = str(error)
        return NotCopied(footage.segment, f"{what}: {detail}")

    async def _found(self, one: ToStore) -> Copied | None:
        """After a crash or a doubt: a put that was not seen to end may have ended well.

        A version exists only if the store found its SHA-256 right, so it is as good as one of our own; a
        large file went in parts, so it is read back.
        """
        if not one.unsure:
            return None
        key = object_key(one.footage.camera, one.footage.start, one.footage.segment)
        listed = await self._s3.versions(self._rules.bucket, key)
        unknown = [found.version for found in listed if found.version not in one.known]
        if one.footage.size > WHOLE:
            unknown = [version for version in unknown if await self._is_whole(one.footage, key, version)]
        if not unknown:
            return None
        locked = lock_end(one.due, self._clock())
        if locked is not None:
            await self._s3.lock_until(self._rules.bucket, key, unknown[0], locked)
        return Copied(one.footage, key, unknown[0], locked, tuple(unknown[1:]))

    async def _is_whole(self, footage: Footage, key: str, version: str) -> bool:
        """Read a large version back; what is not whole was never locked, and goes."""
        if await self._s3.digest(self._rules.bucket, key, version) == footage.digest:
            return True
        await self._s3.erase(self._rules.bucket, key, version)
        return False

    async def _put(self, one: ToStore) -> Copied:
        footage, locked = one.footage, lock_end(one.due, self._clock())
        key = object_key(footage.camera, footage.start, footage.segment)
        with await asyncio.to_thread(open_footage, self._storage, footage.locator) as file:
            put = await self._s3.put_open_file(
                self._rules.bucket,
                key,
                file,
                footage.digest,
                content_type="video/mp4",
                locked_until=locked,
                facts=facts_of(footage),
            )
        return Copied(footage, key, put.version, locked)


def facts_of(footage: Footage) -> dict[str, str]:
    """What is kept with the object, so that it can be put back even if all else is lost."""
    before = {} if footage.init is None else {"init": footage.init.data, "init-sha256": footage.init.digest}
    return before | {
        "camera": footage.camera,
        "start": footage.start.isoformat(),
        "end": footage.end.isoformat(),
        "sha256": footage.digest,
        "locator": quote(footage.locator),
        "file-time": footage.file_time.isoformat(),
    }


def _why_not_read(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, ContentDiffers):
        return "the file changed since it was hashed"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
