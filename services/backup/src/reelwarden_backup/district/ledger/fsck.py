"""What the ledger answers for: its records are what lies in the buckets, and every copy was read back."""

from collections.abc import Sequence
from datetime import date, timedelta

from reelwarden_backup.checking import REQUEST_SHARE, BucketFiles, differs, few_at_once, size_of
from reelwarden_backup.district.ledger.bucket import Bucket
from reelwarden_backup.district.ledger.checked import CheckedDay, CheckedObject, CheckedRun
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_backup.shapes import BadRecord, bucket_of, read_manifest, segment_of
from reelwarden_common.clock import Clock
from reelwarden_common.errors import Refused
from reelwarden_common.events.fsck import DayTotal, Depth, Difference
from reelwarden_common.messaging.fsck import READ_SHARE, Fsck, Look, Portion
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, Version

READ_BACK_WITHIN = timedelta(days=1)
"""A copy that was never read back for longer than this counts as none (invariant 7)."""


def checks(units: Units[LedgerStore], s3: S3, clock: Clock) -> Fsck:
    """All checks of the ledger."""

    async def unknown(look: Look, there: Sequence[Version]) -> set[tuple[str, str]]:
        places = {(segment_of(one.key), one.version): one.key for one in there}
        async with units.begin() as store:
            found = await store.checked.unknown(_school(look), list(places))
        return {(places[place], place[1]) for place in found}

    async def take_in(look: Look, version: Version) -> str:
        bucket = Bucket(_school(look), s3, units, lambda _line: None)
        await bucket.take_unlisted([version])
        if bucket.problems:
            raise Refused("nothing-is-written-with-it")
        return "is-taken-in"

    return Fsck(
        Objects(units, s3, clock),
        Runs(units, s3),
        BucketFiles(s3, lambda look: bucket_of(_school(look)), unknown, take_in),
        Days(units),
    )


class Objects:
    """Copies that should be in the store; keys and places are `<segment>/<version>`."""

    name = "objects"

    def __init__(self, units: Units[LedgerStore], s3: S3, clock: Clock) -> None:
        self._units, self._s3, self._clock = units, s3, clock

    async def total(self, look: Look) -> int:
        """All."""
        async with self._units.begin() as store:
            return await store.checked.count(_school(look))

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        limit = max(1, limit // REQUEST_SHARE)
        async with self._units.begin() as store:
            found = await store.checked.objects_after(_school(look), *_place(after), limit)
        portion = await self._look_at(look, found)
        return portion, f"{found[-1].segment}/{found[-1].version}" if len(found) == limit else None

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Those that should still be there."""
        async with self._units.begin() as store:
            rows = [await store.checked.object(_school(look), *_place(key)) for key in keys]
        return await self._look_at(look, [one for one in rows if one is not None])

    async def repair(self, look: Look, key: str) -> str:
        """Have it read back now: if it is bad, the school is asked for another, as always."""
        found = (await self.again(look, [key])).differences
        if not found or not found[0].repairable:
            raise Refused("not-repairable" if found else "as-it-should-be")
        async with self._units.begin() as store:
            one = await store.checked.object(_school(look), *_place(key))
            if one is not None:
                await store.checked.read_back_soon(one, _school(look))
        return "is-read-back"

    async def _look_at(self, look: Look, found: Sequence[CheckedObject]) -> Portion:
        differences = await few_at_once(self._one(look, one) for one in found)
        return Portion(checked=len(found), differences=[one for some in differences for one in some])

    async def _one(self, look: Look, one: CheckedObject) -> list[Difference]:
        if one.state == "corrupt":
            return [_differs(one, "copy-corrupt")]
        size = await size_of(self._s3, one.bucket, one.key, one.version)
        if size is None:
            return [_differs(one, "copy-missing", repairable=True)]
        if look.at(Depth.SIZE) and size != one.size:
            return [_differs(one, "copy-size-differs", f"{one.size}", f"{size}", repairable=True)]
        if one.state == "unverified" and self._clock() - one.stored_at > READ_BACK_WITHIN:
            return [_differs(one, "not-read-back", repairable=True)]
        return []


class Runs:
    """Backup records and their objects in the bucket (R4.1); keys and places are runs."""

    name = "runs"

    def __init__(self, units: Units[LedgerStore], s3: S3) -> None:
        self._units, self._s3 = units, s3

    async def total(self, look: Look) -> int:
        """Few beside the copies."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        limit = max(1, limit // (READ_SHARE if look.at(Depth.DIGEST) else REQUEST_SHARE))
        async with self._units.begin() as store:
            found = await store.checked.runs_after(_school(look), after, limit)
        return await self._look_at(look, found), found[-1].run if len(found) == limit else None

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """These."""
        async with self._units.begin() as store:
            rows = [await store.checked.run(_school(look), key) for key in keys]
        return await self._look_at(look, [one for one in rows if one is not None])

    async def repair(self, look: Look, key: str) -> str:
        """A record is never written anew."""
        del look, key
        raise Refused("not-repairable")

    async def _look_at(self, look: Look, found: Sequence[CheckedRun]) -> Portion:
        portion = Portion()
        for one in found:
            portion += await self._one(look, one)
        return portion

    async def _one(self, look: Look, one: CheckedRun) -> Portion:
        bucket = bucket_of(_school(look))
        size = await size_of(self._s3, bucket, one.manifest, "")
        if size is None:
            return Portion(differences=[_run_differs(one, "record-missing")])
        if not look.at(Depth.DIGEST):
            return Portion()
        portion = Portion(bytes_read=size)
        try:
            text = await self._s3.get_bytes(bucket, one.manifest)
            record, contents = read_manifest(_school(look), bucket, text)
        except BadRecord as error:
            portion.differences.append(_run_differs(one, "record-damaged", "", str(error)))
            return portion
        says = f"{record.objects}/{record.bytes}"
        if says != f"{one.objects}/{one.bytes}" or record.objects != len(contents):
            portion.differences.append(
                _run_differs(one, "record-differs", f"{one.objects}/{one.bytes}", says)
            )
        places = [(copy.segment, copy.object_version) for copy in contents]
        async with self._units.begin() as store:
            unknown = await store.checked.unknown(_school(look), places)
        if unknown:
            portion.differences.append(_run_differs(one, "record-names-unknown", "0", f"{len(unknown)}"))
        return portion


class Days:
    """Camera-days of copies, as the replicators should have them; keys and places are `<camera>/<day>`."""

    name = "days"

    def __init__(self, units: Units[LedgerStore]) -> None:
        self._units = units

    async def total(self, look: Look) -> int:
        """They are counted along."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        async with self._units.begin() as store:
            found = await store.checked.days_after(_school(look), *_camera_day(after), limit)
        then = f"{found[-1].camera}/{found[-1].day}" if len(found) == limit else None
        return Portion(days=[_total(one) for one in found]), then

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Count these."""
        portion = Portion()
        async with self._units.begin() as store:
            for place in map(_camera_day, keys):
                if (day := await store.checked.day(_school(look), *place)) is not None:
                    portion.days.append(_total(day))
        return portion

    async def repair(self, look: Look, key: str) -> str:
        """What lacks is taken in from the bucket."""
        del look, key
        raise Refused("not-repairable")


def _school(look: Look) -> str:
    if not look.school:
        raise Refused("the question names no school")
    return look.school


def _place(text: str) -> tuple[str, str]:
    segment, _, version = text.partition("/")
    return segment, version


def _camera_day(text: str) -> tuple[str, date]:
    camera, _, day = text.partition("/")
    try:
        return camera, date.fromisoformat(day) if day else date.min
    except ValueError as error:
        raise Refused(f"{text[:100]!r} is no camera-day") from error


def _total(day: CheckedDay) -> DayTotal:
    return DayTotal(camera=day.camera, day=day.day.isoformat(), count=day.count, digest=day.digest)


def _differs(
    one: CheckedObject, kind: str, expected: str = "", found: str = "", *, repairable: bool = False
) -> Difference:
    item = f"{Objects.name}:{one.segment}/{one.version}"
    return differs(item, kind, (one.key, one.camera, one.start), expected, found, repairable=repairable)


def _run_differs(one: CheckedRun, kind: str, expected: str = "", found: str = "") -> Difference:
    return Difference(
        item=f"{Runs.name}:{one.run}",
        kind=kind,
        start=one.started,
        where=one.manifest[:400],
        expected=expected,
        found=found[:200],
    )
