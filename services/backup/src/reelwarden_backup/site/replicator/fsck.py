"""What the replicator answers for: its copies lie in the store, whole, locked and held as they should be."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from reelwarden_backup.checking import (
    REQUEST_SHARE,
    BucketFiles,
    differs,
    digest_of,
    few_at_once,
    place,
    placed,
    size_of,
)
from reelwarden_backup.shapes import segment_of
from reelwarden_backup.site.replicator.checked import CheckedCopy
from reelwarden_backup.site.replicator.domain import Footage, Rules, lock_end
from reelwarden_backup.site.replicator.files import OutsideStorage, open_footage
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common import identity
from reelwarden_common.clock import Clock
from reelwarden_common.errors import Refused
from reelwarden_common.events.fsck import DayTotal, Depth, Difference
from reelwarden_common.messaging.fsck import READ_SHARE, Fsck, Look, Portion
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, NotStored, Version

DAYS_A_PORTION = 200
SLACK = timedelta(seconds=1)
"""Stores keep locks in whole seconds."""


def checks(units: Units[ReplicatorStore], s3: S3, rules: Rules, storage: Path, clock: Clock) -> Fsck:
    """All checks of the replicator."""

    async def unknown(_: Look, there: Sequence[Version]) -> set[tuple[str, str]]:
        async with units.begin() as store:
            return {
                (one.key, one.version)
                for one in there
                if not store.checked.is_known(one.key, one.version, segment_of(one.key))
            }

    return Fsck(
        Copies(units, s3, rules, storage, clock),
        Uncopied(units, storage),
        BucketFiles(s3, lambda _: rules.bucket, unknown),
        Days(units),
    )


class Copies:
    """Copies that the tables have; keys are versions."""

    name = "copies"

    def __init__(
        self, units: Units[ReplicatorStore], s3: S3, rules: Rules, storage: Path, clock: Clock
    ) -> None:
        self._units, self._s3, self._bucket = units, s3, rules.bucket
        self._storage, self._clock = storage, clock

    async def total(self, look: Look) -> int:
        """All."""
        del look
        async with self._units.begin() as store:
            return store.checked.count()

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones by key."""
        limit = max(1, limit // (READ_SHARE if look.at(Depth.DIGEST) else REQUEST_SHARE))
        async with self._units.begin() as store:
            found = store.checked.copies_after(*placed(after), limit)
        portion = await self._look_at(look, found)
        if len(found) < limit:
            return portion, None
        return portion, place(found[-1].object.key, found[-1].object.object_version)

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Those that should still be there."""
        async with self._units.begin() as store:
            found = [one for key in keys if (one := store.checked.copy(*placed(key))) is not None]
        return await self._look_at(look, found)

    async def repair(self, look: Look, key: str) -> str:
        """Store a missing copy again, or set lock and hold again; a bad copy is the ledger's to judge."""
        found = (await self.again(Look(look.school, Depth.SIZE), [key])).differences
        if not found or not found[0].repairable:
            raise Refused("not-repairable" if found else "as-it-should-be")
        name, version = placed(key)
        if found[0].kind != "copy-missing":
            locked = await self._s3.locked_until(self._bucket, name, version)
            async with self._units.begin() as store:
                store.checked.protect_again(name, version, locked)
            return "is-protected-again"
        return await _copy_again(self._units, self._storage, segment_of(name), [(name, version)])

    async def _look_at(self, look: Look, found: Sequence[CheckedCopy]) -> Portion:
        portion = Portion(checked=len(found))
        for copy, differences in zip(
            found, await few_at_once(self._one(look, copy) for copy in found), strict=True
        ):
            portion.differences += differences
            portion.bytes_read += copy.object.size if look.at(Depth.DIGEST) else 0
        return portion

    async def _one(self, look: Look, copy: CheckedCopy) -> list[Difference]:
        one = copy.object
        where = (self._bucket, one.key, one.object_version)
        size = await size_of(self._s3, *where)
        if size is None:
            return [_differs(copy, "copy-missing", repairable=True)]
        if not look.at(Depth.SIZE):
            return []
        if size != one.size:
            return [_differs(copy, "copy-size-differs", f"{one.size}", f"{size}")]
        found = await self._protection(copy)
        if look.at(Depth.DIGEST) and (digest := await digest_of(self._s3, *where)) != one.digest:
            kind = "copy-digest-differs" if digest else "copy-unreadable"
            found.append(_differs(copy, kind, one.digest, digest))
        return found

    async def _protection(self, copy: CheckedCopy) -> list[Difference]:
        if not copy.settled:
            return []
        one, now = copy.object, self._clock()
        where = (self._bucket, one.key, one.object_version)
        found: list[Difference] = []
        try:
            wanted = lock_end(max(copy.due, one.locked_until or copy.due), now)
            if wanted is not None:
                locked = await self._s3.locked_until(*where)
                if locked is None or locked < wanted - SLACK:
                    found.append(_differs(copy, "lock-short", _text(wanted), _text(locked), repairable=True))
            if copy.held and not await self._s3.is_held(*where):
                found.append(_differs(copy, "hold-missing", repairable=True))
        except NotStored:
            return []  # it went since its size was asked for
        return found


class Uncopied:
    """Segments that count as kept without any copy; keys and places are segment ids."""

    name = "segments"

    def __init__(self, units: Units[ReplicatorStore], storage: Path) -> None:
        self._units, self._storage = units, storage

    async def total(self, look: Look) -> int:
        """Counted by their copies."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        del look
        async with self._units.begin() as store:
            found, then = store.checked.uncopied_after(after, limit)
        return self._portion(found), then

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Those of these."""
        del look
        async with self._units.begin() as store:
            found = [one for key in keys if (one := store.checked.uncopied(key)) is not None]
        return self._portion(found)

    async def repair(self, look: Look, key: str) -> str:
        """Copy it, if its file is as recorded."""
        if not (await self.again(look, [key])).differences:
            raise Refused("as-it-should-be")
        return await _copy_again(self._units, self._storage, key)

    def _portion(self, found: Sequence[Footage]) -> Portion:
        return Portion(
            differences=[
                differs(
                    f"{self.name}:{one.segment}",
                    "not-copied",
                    (one.locator, one.camera, one.start),
                    repairable=True,
                )
                for one in found
            ]
        )


class Days:
    """Camera-days of copies, as the ledger should have them; keys and places are `<camera>/<day>`."""

    name = "days"

    def __init__(self, units: Units[ReplicatorStore]) -> None:
        self._units = units

    async def total(self, look: Look) -> int:
        """They are counted along."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        del look
        portion = Portion()
        for _ in range(max(1, limit // DAYS_A_PORTION)):
            async with self._units.begin() as store:
                found = store.checked.day_after(after)
            if found is None:
                return portion, None
            after = found[0]
            portion.days += _total(*found)
        return portion, after

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Count these."""
        del look
        async with self._units.begin() as store:
            return Portion(days=[one for key in keys for one in _total(key, store.checked.day(key))])

    async def repair(self, look: Look, key: str) -> str:
        """The ledger takes in what it finds in the bucket."""
        del look, key
        raise Refused("not-repairable")


async def _copy_again(
    units: Units[ReplicatorStore], storage: Path, segment: str, missing: Sequence[tuple[str, str]] = ()
) -> str:
    async with units.begin() as store:
        one = store.checked.footage_of(segment)
    if one is None:
        raise Refused("not-at-its-place")
    try:
        digest = await asyncio.to_thread(_digest, storage, one.locator)
    except (OSError, OutsideStorage) as error:
        raise Refused("not-at-its-place") from error
    if digest != one.digest:
        raise Refused("altered-at-its-place")
    async with units.begin() as store:
        store.checked.store_again(segment, missing)
    return "is-copied-again"


def _digest(storage: Path, locator: str) -> str:
    with open_footage(storage, locator) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _total(day: str, copies: Sequence[str]) -> list[DayTotal]:
    camera, _, date = day.partition("/")
    digest = identity.digest_of(copies)
    return [DayTotal(camera=camera, day=date, count=len(copies), digest=digest)] if copies else []


def _text(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _differs(
    copy: CheckedCopy, kind: str, expected: str = "", found: str = "", *, repairable: bool = False
) -> Difference:
    one = copy.object
    item = f"{Copies.name}:{place(one.key, one.object_version)}"
    what = (one.key, one.camera, one.start)
    return differs(item, kind, what, expected, found, repairable=repairable)
