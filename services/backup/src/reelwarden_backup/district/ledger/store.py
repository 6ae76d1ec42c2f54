"""The ledger's tables: what was stored, what was read back, what was lost, and the records of it all."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from reelwarden_backup.district.ledger.checked import Checked
from reelwarden_backup.district.ledger.domain import CLAIM, Object, Outcome, SetTimes, Verdict
from reelwarden_backup.district.ledger.drills import Drills
from reelwarden_backup.district.ledger.history import History
from reelwarden_backup.district.ledger.lateness import Lateness
from reelwarden_backup.district.ledger.rows import object_of
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Early, Refused
from reelwarden_common.events.backup import (
    DrillCompleted,
    ObjectCorrupt,
    ObjectsErased,
    ObjectsStored,
    ObjectVerified,
    ReadingsMeasured,
    RestoreFailed,
    RestoreRequested,
    StoredObject,
    VerificationRequested,
)
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store

IDS_AN_EVENT = 500
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When to read a copy of which it is not known yet whether it is there."""

_INSERT = """
INSERT INTO objects (school, segment, object_version, camera, start_at, end_at, digest, size, bucket, key,
    locked_until, stored_at, state, check_after, erased_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
_CLAIM = """
UPDATE objects SET claimed_until = $1 WHERE (school, segment, object_version) IN (
    SELECT school, segment, object_version FROM objects
    WHERE {which} AND (claimed_until IS NULL OR claimed_until < $2)
    ORDER BY {order} LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_NEW = _CLAIM.format(which="state = 'unverified' AND check_after <= $2", order="check_after")
_OLD = _CLAIM.format(
    which="state = 'verified' AND checked_at <= $4 AND check_after <= $2", order="checked_at"
)
_THERE = """
UPDATE objects o SET check_after = $5 FROM unnest($2::text[], $3::text[]) AS t (segment, object_version)
WHERE o.school = $1 AND o.segment = t.segment AND o.object_version = t.object_version AND o.check_after = $4
"""
_UNKNOWN = """
SELECT t.segment, t.object_version FROM unnest($2::text[], $3::text[]) AS t (segment, object_version)
WHERE NOT EXISTS (SELECT 1 FROM objects o
    WHERE o.school = $1 AND o.segment = t.segment AND o.object_version = t.object_version)
"""
_GONE = """
UPDATE objects SET state = 'erased', check_after = $3
WHERE school = $1 AND check_after = $2 AND (locked_until IS NULL OR locked_until <= $3) RETURNING 1
"""
_MISSING = "UPDATE objects SET check_after = $3 WHERE school = $1 AND check_after = $2 RETURNING 1"
_GIVE_BACK = """
UPDATE objects SET claimed_until = NULL WHERE school = $1 AND segment = $2 AND object_version = $3
"""
_READ_AGAIN = """
UPDATE objects SET tries = tries + 1, check_after = $4, claimed_until = NULL
WHERE school = $1 AND segment = $2 AND object_version = $3 AND state IN ('unverified', 'verified')
"""
_SETTLE = """
UPDATE objects SET state = $4, checked_at = $5, tries = 0, claimed_until = NULL
WHERE school = $1 AND segment = $2 AND object_version = $3 AND state IN ('unverified', 'verified')
    AND claimed_until IS NOT NULL
RETURNING true
"""
_GOOD_COPY = """
SELECT * FROM objects WHERE segment = $1 AND ($2 = $3 OR school = $2) AND state IN ('verified', 'unverified')
ORDER BY state = 'verified' DESC, stored_at DESC LIMIT 1
"""


class LedgerStore(Store):
    """One transaction of the ledger."""

    def __init__(self, conn: Connection, clock: Clock = system_clock) -> None:
        super().__init__("ledger", clock)
        self._conn = conn
        self.history = History(conn, clock)
        self.drills = Drills(conn, clock)
        self.lateness = Lateness(conn)
        self.checked = Checked(conn, clock)

    async def add(self, school: str, event: ObjectsStored) -> None:
        """Objects were stored; each waits to be read back."""
        await self.take(school, event.objects)

    async def take(
        self, school: str, objects: Iterable[StoredObject], check_after: datetime | None = None
    ) -> None:
        """Take in copies that are not known; each waits to be read back, at once or after a moment."""
        after = check_after or self.clock()
        rows = [(*_facts(school, one), "unverified", after, None) for one in objects]
        await self._conn.executemany(_INSERT + " ON CONFLICT DO NOTHING", rows)

    async def expect(self, school: str, objects: Iterable[StoredObject]) -> None:
        """Take in copies of which it is not known whether they are still there: see `there`, `rebuilt`."""
        await self.take(school, objects, NEVER)

    async def there(self, school: str, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """These segments' versions lie in the bucket; returns those that are not known at all."""
        segments, versions = [place[0] for place in places], [place[1] for place in places]
        await self._conn.execute(_THERE, school, segments, versions, NEVER, self.clock())
        rows = await self._conn.fetch(_UNKNOWN, school, segments, versions)
        return {(row["segment"], row["object_version"]) for row in rows}

    async def rebuilt(self, school: str) -> tuple[int, int]:
        """All of a school's bucket was looked at: what was expected and not found is gone, or missing.

        Returns how many of each; what is missing under its lock waits to be read, which will tell.
        """
        now = self.clock()
        gone = await self._conn.fetch(_GONE, school, NEVER, now)
        missing = await self._conn.fetch(_MISSING, school, NEVER, now)
        return len(gone), len(missing)

    async def erase(self, school: str, event: ObjectsErased) -> None:
        """Objects were erased because their originals were."""
        rows = [(*_facts(school, one), "erased", event.erased_at, event.erased_at) for one in event.objects]
        await self._conn.executemany(
            _INSERT + " ON CONFLICT (school, segment, object_version) DO UPDATE"
            " SET state = 'erased', erased_at = excluded.erased_at",
            rows,
        )

    async def claim_new(self, limit: int) -> list[Object]:
        """Take objects that were never read back; another replica leaves them alone for a while."""
        now = self.clock()
        return [object_of(row) for row in await self._conn.fetch(_NEW, now + CLAIM, now, limit)]

    async def claim_old(self, limit: int, older_than: timedelta) -> list[Object]:
        """Take those whose last reading is oldest."""
        now = self.clock()
        rows = await self._conn.fetch(_OLD, now + CLAIM, now, limit, now - older_than)
        return [object_of(row) for row in rows]

    async def give_back(self, objects: Iterable[Object]) -> None:
        """The store is away: whoever comes next may take them."""
        await self._conn.executemany(
            _GIVE_BACK,
            [(one.school, one.segment, one.object_version) for one in objects],
        )

    async def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Keep what readings said, and tell it; a bad copy is asked for again."""
        now = self.clock()
        settled = [v for v in verdicts if await self._settle(v, now)]
        good = [v.object for v in settled if v.outcome is Outcome.VERIFIED]
        for school, group in groupby(sorted(good, key=lambda o: o.school), key=lambda o: o.school):
            objects = list(group)
            for first in range(0, len(objects), IDS_AN_EVENT):
                part = objects[first : first + IDS_AN_EVENT]
                self.publish(
                    school,
                    ObjectVerified(
                        objects=tuple(one.segment for one in part),
                        bytes=sum(one.size for one in part),
                        verified_at=now,
                    ),
                )
        for verdict in settled:
            if verdict.is_bad:
                self._tell_bad(verdict)

    async def _settle(self, verdict: Verdict, now: datetime) -> bool:
        """Write one verdict; False when the object has changed hands or state since it was claimed."""
        one, again = verdict.object, verdict.outcome is Outcome.AGAIN
        place = (one.school, one.segment, one.object_version)
        if again:
            await self._conn.execute(_READ_AGAIN, *place, verdict.again_at)
            return False
        written = await self._conn.fetchval(_SETTLE, *place, "corrupt" if verdict.is_bad else "verified", now)
        if not written:
            return False
        await self._conn.execute(
            "INSERT INTO verifications (school, segment, object_version, checked_at, outcome, found)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            *place,
            now,
            verdict.outcome.value,
            verdict.found,
        )
        return True

    def _tell_bad(self, verdict: Verdict) -> None:
        one = verdict.object
        reason = "differs" if verdict.outcome is Outcome.CORRUPT else verdict.outcome.value
        self.publish(
            one.school,
            ObjectCorrupt(
                segment=one.segment,
                camera=one.camera,
                key=one.key,
                object_version=one.object_version,
                expected=one.digest,
                found=verdict.found,
                reason=reason,
            ),
        )
        self.publish(
            one.school,
            VerificationRequested(segment=one.segment, reason=reason, object_version=one.object_version),
        )

    async def ask_restore(self, school: str, segment: str, actor: str) -> None:
        """Ask the school to bring a segment back from its best copy.

        Raises:
            Early: nothing is known of such a segment yet.
            Refused: it has no copy that is good.
        """
        row = await self._conn.fetchrow(_GOOD_COPY, segment, school, DISTRICT_SCHOOL)
        if row is None:
            if not await self._conn.fetchval("SELECT 1 FROM objects WHERE segment = $1 LIMIT 1", segment):
                raise Early(f"no copy of segment {segment} is known")
            raise Refused(
                f"片段 {segment} 没有完好的备份，无法恢复 · segment {segment} has no good copy: "
                "all were found corrupt or were erased"
            )
        await self.history.mark(row["school"], segment, "requested", actor=actor)
        self.publish(
            row["school"],
            RestoreRequested(
                segment=segment,
                digest=row["digest"],
                bucket=row["bucket"],
                key=row["key"],
                object_version=row["object_version"],
            ),
        )

    async def not_restored(self, school: str, event: RestoreFailed) -> None:
        """A segment could not be brought back; if its copy is to blame, the copy is read again."""
        await self.history.mark(school, event.segment, "failed", reason=event.reason, detail=event.detail)
        if event.reason in ("corrupt", "missing"):
            await self._read_anew(school, [event.segment])

    async def _read_anew(self, school: str, segments: Sequence[str]) -> None:
        """Read these copies back now, whatever was found before."""
        await self._conn.execute(
            "UPDATE objects SET state = 'unverified', check_after = $3, claimed_until = NULL"
            " WHERE school = $1 AND segment = ANY($2) AND state = 'verified'",
            school,
            segments,
            self.clock(),
        )

    async def complete_drill(self, drill: str, school: str, sampled: int, failures: Sequence[str]) -> None:
        """A drill is over (R4.1: restore test)."""
        await self.drills.complete(drill, sampled, failures)
        await self._read_anew(school, failures)
        event = DrillCompleted(
            drill=drill, sampled=sampled, restored=sampled - len(failures), failures=tuple(failures)
        )
        self.publish(school, event)

    async def tell_lateness(self, times: SetTimes, turn: int) -> None:
        """Say per school how many copies were not read back in time; replicas say each `turn` once."""
        for one in await self.lateness.late(times, self.clock()):
            event = ReadingsMeasured(
                unread=one.unread,
                overdue=one.overdue,
                oldest=one.oldest,
                first_hours=times.first / timedelta(hours=1),
                again_days=times.again / timedelta(days=1),
            )
            self.publish(one.school, event, f"readings.{one.school}.{turn}")


def _facts(school: str, one: StoredObject) -> tuple[object, ...]:
    return (
        school,
        one.segment,
        one.object_version,
        one.camera,
        one.start,
        one.end,
        one.digest,
        one.size,
        one.bucket,
        one.key,
        one.locked_until,
        one.stored_at,
    )
