"""The ledger made anew from what lies in a school's bucket, when the database was lost (R3.2, R4.1).

The backup records there name every copy; the listing says which of them are left. Nothing that is taken in
counts as verified: it is read back like a new one. It may break off anywhere and be begun again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_backup.shapes import MANIFESTS, BadRecord, bucket_of, copy_of, read_manifest, segment_of
from reelwarden_common.events.backup import StoredObject
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, NotStored, Version

ROWS_AT_ONCE = 5_000
Progress = Callable[[str], None]


@dataclass
class Rebuilt:
    """What was found of one school."""

    school: str
    records: int = 0
    """Backup records read."""
    copies: int = 0
    """Versions that lie in the bucket."""
    unlisted: int = 0
    """Of them, those that no backup record names: taken in by what is written with them."""
    gone: int = 0
    """Named by a record and not there any more, their lock being over: erased on their day."""
    missing: int = 0
    """Named by a record, under lock, and not there: the next verification tells of each."""
    problems: list[str] = field(default_factory=list)
    """What could not be understood, each with its place."""


class Bucket:
    """One school's bucket, read into the ledger's tables."""

    def __init__(self, school: str, s3: S3, units: Units[LedgerStore], progress: Progress) -> None:
        self._school, self._bucket = school, bucket_of(school)
        self._s3, self._units, self._progress = s3, units, progress
        self._found = Rebuilt(school)

    async def rebuild(self) -> Rebuilt:
        """Read it all.

        Raises:
            StoreAway, NotAllowed, NotStored: the bucket cannot be read; what was done so far stays.
        """
        for day in await self._s3.folders(self._bucket, f"{MANIFESTS}/"):
            await self._read_records(day)
        for camera in await self._s3.folders(self._bucket):
            if camera != f"{MANIFESTS}/":
                for day in await self._s3.folders(self._bucket, camera):
                    await self._look_at(day)
        async with self._units.begin() as store:
            self._found.gone, self._found.missing = await store.rebuilt(self._school)
        return self._found

    async def _read_records(self, day: str) -> None:
        self._progress(f"{self._school} {day}")
        oldest: dict[str, Version] = {}
        for one in await self._s3.versions_below(self._bucket, day):
            # Listed newest first; a record that was put over another one later does not count.
            if one.key not in oldest or one.modified <= oldest[one.key].modified:
                oldest[one.key] = one
        for key, version in sorted(oldest.items()):
            text = await self._s3.get_bytes(self._bucket, key, version.version)
            try:
                record, contents = read_manifest(self._school, self._bucket, text)
            except BadRecord as error:
                self._found.problems.append(f"{self._bucket}/{key}: {error}")
                continue
            async with self._units.begin() as store:
                await store.history.keep_run(self._school, record)
                await store.expect(self._school, contents)
            self._found.records += 1

    async def _look_at(self, day: str) -> None:
        self._progress(f"{self._school} {day}")
        there = await self._s3.versions_below(self._bucket, day)
        for first in range(0, len(there), ROWS_AT_ONCE):
            part = there[first : first + ROWS_AT_ONCE]
            async with self._units.begin() as store:
                places = [(segment_of(one.key), one.version) for one in part]
                unknown = await store.there(self._school, places)
            await self.take_unlisted([one for one in part if (segment_of(one.key), one.version) in unknown])
        self._found.copies += len(there)

    @property
    def problems(self) -> list[str]:
        """What could not be understood so far."""
        return self._found.problems

    async def take_unlisted(self, versions: Iterable[Version]) -> None:
        """Take in versions that no backup record names, by what is written with them."""
        copies: list[StoredObject] = []
        for one in versions:
            try:
                copies.append(await self._unlisted(one))
            except (BadRecord, NotStored) as error:
                self._found.problems.append(f"{self._bucket}/{one.key} version {one.version}: {error}")
        await self._take(copies)
        self._found.unlisted += len(copies)

    async def _unlisted(self, one: Version) -> StoredObject:
        facts = await self._s3.facts(self._bucket, one.key, one.version)
        locked = await self._s3.locked_until(self._bucket, one.key, one.version)
        return copy_of(
            facts,
            {
                "bucket": self._bucket,
                "key": one.key,
                "object_version": one.version,
                "size": one.size,
                "stored_at": one.modified,
                "locked_until": locked,
            },
        )

    async def _take(self, copies: Sequence[StoredObject]) -> None:
        if copies:
            async with self._units.begin() as store:
                await store.take(self._school, copies)
