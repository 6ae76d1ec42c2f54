"""The index's tables: what was recorded, and what became of it since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import asyncpg

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Early, Transient
from reelwarden_common.events.ingest import DayCounted, LostSegment, RejectedFile
from reelwarden_common.events.retention import Certificate
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_ingest.district.index.domain import (
    AHEAD,
    COLUMNS,
    OLDEST,
    Row,
    Sorted,
    Wild,
    hours_of,
    id_bytes,
    storable,
)

ROLE = "index"


class DayGone(Transient):
    """The partition of a day was dropped while segments of it arrived; it is made anew."""


@dataclass
class KnownDays:
    """Which days' partitions exist: remembered by a process, so that not every batch asks."""

    days: set[date] = field(default_factory=set)


class IndexStore(Store):
    """One transaction on the schema `ingest`."""

    def __init__(
        self, conn: Connection, known: KnownDays, settle: timedelta, clock: Clock = system_clock
    ) -> None:
        super().__init__(ROLE, clock)
        self.conn = conn
        self._known = known
        self._settle = settle

    # footage

    async def add(self, found: Sorted) -> None:
        """Take segments in; those that are there already stay, and are back if they were lost.

        Raises:
            DayGone: see there.
        """
        await self._make_days(found.days)
        if found.rows:
            try:
                fresh = await self._copy(found.rows)
                if not fresh:
                    await self._merge(found.rows)
            except asyncpg.CheckViolationError as error:
                self._known.days.clear()
                raise DayGone(str(error)) from error
            if await self.conn.fetchval("SELECT EXISTS (SELECT 1 FROM erasures WHERE NOT matched)"):
                await self._match(found.rows)
        await self._touch(found.hours)
        await self._quarantine(found.wild)

    async def _copy(self, rows: Sequence[Row]) -> bool:
        """The short way for what was never heard before; tells whether that was so."""
        try:
            async with self.conn.transaction():
                await self.conn.copy_records_to_table("segments", records=rows, columns=COLUMNS)
        except asyncpg.UniqueViolationError:
            return False
        return True

    async def _stage(self, rows: Sequence[Row]) -> None:
        await self.conn.execute(_STAGE)
        await self.conn.copy_records_to_table("staged", records=rows, columns=COLUMNS)

    async def _merge(self, rows: Sequence[Row]) -> None:
        """The long way: what is there already stays, and is back if it was lost."""
        await self._stage(rows)
        await self.conn.execute(_INSERT)
        await self._say_again()

    async def _match(self, rows: Sequence[Row]) -> None:
        """Mark what was certified as erased before it was indexed."""
        await self._stage(rows)
        await self.conn.execute(_MATCH_STAGED)

    async def _make_days(self, days: set[date]) -> None:
        for day in sorted(days - self._known.days):
            await self.conn.execute("SELECT make_day($1)", day)
        # Remembered before the commit: where that fails, the next insert finds out.
        self._known.days |= days

    async def _say_again(self) -> None:
        """A school that says a segment again has it: it is no longer lost, and a stub gets its facts."""
        back = await self.conn.fetch(_BACK)
        await self.conn.executemany(
            "INSERT INTO changes (school, id, at, status, detail) VALUES ($1, $2, $3, 'recorded', $4)"
            " ON CONFLICT DO NOTHING",
            [(r["school"], r["id"], r["changed_at"], "said again") for r in back],
        )
        await self._touch(
            {(r["school"], r["camera"], hour) for r in back for hour in hours_of(r["start_at"], r["end_at"])}
        )

    async def _touch(self, hours: Iterable[tuple[str, str, datetime]]) -> None:
        """Note camera-hours that are to be looked through again."""
        columns = list(zip(*sorted(hours), strict=True))
        if columns:
            await self.conn.execute(_TOUCH, *columns)

    async def _quarantine(self, wild: Sequence[Wild]) -> None:
        await self.conn.executemany(
            "INSERT INTO quarantine (school, id, reason, segment, said_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING",
            [
                (
                    w.school,
                    id_bytes(w.segment.id),
                    w.reason,
                    storable_json(w.segment.model_dump_json()),
                    w.said_at,
                )
                for w in wild
            ],
        )

    async def reject(self, school: str, files: Sequence[RejectedFile], said_at: datetime) -> None:
        """Note files that are no footage."""
        await self.conn.executemany(
            _REJECT,
            [
                (
                    school,
                    id_bytes(f.id),
                    f.camera,
                    storable(f.locator),
                    f.size,
                    f.file_time,
                    bytes.fromhex(f.digest) if f.digest else None,
                    storable(f.reason),
                    storable(f.detail),
                    said_at,
                )
                for f in files
            ],
        )

    # what became of it

    async def alter(
        self, school: str, segment: str, camera: str, start: datetime, found: str, at: datetime
    ) -> None:
        """Note that a segment's content is another now.

        Raises:
            Early: the segment is not known yet.
        """
        row = await self.conn.fetchrow(
            _ALTER, school, camera, start, id_bytes(segment), bytes.fromhex(found), at
        )
        if row is None:
            raise Early(f"{school} {camera}: segment {segment} was altered, but is not indexed yet")
        if row["changed"]:
            await self._changed(school, segment, "altered", at, found)

    async def lose(self, school: str, lost: LostSegment, at: datetime) -> None:
        """Note that a segment vanished; one that was never heard of is entered as lost."""
        if not OLDEST <= lost.start <= self.clock() + AHEAD:
            await self._changed(school, lost.id, "lost", at, "quarantined")
            return
        await self._make_days({lost.start.date()})
        identifier, digest = id_bytes(lost.id), bytes.fromhex(lost.digest)
        await self.conn.execute(
            _STUB, school, lost.camera, lost.start, lost.end, digest, identifier, storable(lost.locator), at
        )
        changed = await self.conn.fetchval(
            "UPDATE segments SET status = 'lost', changed_at = $6"
            " WHERE school = $1 AND camera = $2 AND start_at = $3 AND digest = $4 AND id = $5"
            " AND status <> 'erased' AND (changed_at IS NULL OR changed_at < $6) RETURNING true",
            school,
            lost.camera,
            lost.start,
            digest,
            identifier,
            at,
        )
        if changed:
            await self._changed(school, lost.id, "lost", at)
            await self._touch((school, lost.camera, hour) for hour in hours_of(lost.start, lost.end))

    async def move(self, school: str, segment: str, camera: str, locator: str) -> None:
        """Note a segment's new path.

        Raises:
            Early: the segment is not known yet.
        """
        moved = await self.conn.fetchval(
            "UPDATE segments SET locator = $4 WHERE school = $1 AND camera = $2 AND id = $3 RETURNING true",
            school,
            camera,
            id_bytes(segment),
            storable(locator),
        )
        if not moved:
            raise Early(f"{school} {camera}: segment {segment} was moved, but is not indexed yet")

    async def restore(
        self, school: str, segment: str, camera: str, start: datetime, locator: str, at: datetime
    ) -> None:
        """Note that a lost segment is back at its place.

        Raises:
            Early: the segment is not known yet.
        """
        row = await self.conn.fetchrow(
            _RESTORE, school, camera, start, id_bytes(segment), storable(locator), at
        )
        if row is None:
            raise Early(f"{school} {camera}: segment {segment} was restored, but is not indexed yet")
        if row["changed"]:
            await self._changed(school, segment, "recorded", at, "restored")
            await self._touch((school, camera, hour) for hour in hours_of(row["start_at"], row["end_at"]))

    async def erase(self, school: str, certificates: Sequence[Certificate]) -> None:
        """Keep certificates, then mark what they certify; what is not indexed yet is marked when it is."""
        await self.conn.executemany(
            _CERTIFY,
            [
                (
                    school,
                    id_bytes(c.segment),
                    c.camera,
                    c.start,
                    c.end,
                    bytes.fromhex(c.digest),
                    c.size,
                    storable(c.locator),
                    c.due,
                    c.erased_at,
                    bytes.fromhex(c.plan),
                    list(c.copies),
                )
                for c in certificates
            ],
        )
        ids = [id_bytes(c.segment) for c in certificates]
        await self.conn.execute(_MATCH, school, ids)
        await self.conn.execute(_MATCH_REJECTED, school, ids)

    async def _changed(self, school: str, segment: str, status: str, at: datetime, detail: str = "") -> None:
        await self.conn.execute(
            "INSERT INTO changes (school, id, at, status, detail) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING",
            school,
            id_bytes(segment),
            at,
            status,
            detail,
        )

    # counts

    async def count(self, school: str, told: DayCounted, said_at: datetime) -> None:
        """Keep the newest count of a camera-day; it is compared once its segments had time to arrive."""
        await self.conn.execute(
            _COUNT,
            school,
            told.camera,
            date.fromisoformat(told.day),
            told.count,
            bytes.fromhex(told.digest),
            said_at,
            self.clock() + self._settle,
        )
        await self.conn.execute(
            "INSERT INTO cameras (school, camera, complete_to) VALUES ($1, $2, $3)"
            " ON CONFLICT (school, camera) DO UPDATE"
            " SET complete_to = greatest(cameras.complete_to, excluded.complete_to)",
            school,
            told.camera,
            min(told.complete_to, self.clock()),
        )


def storable_json(text: str) -> str:
    r"""Return JSON that PostgreSQL can hold: it refuses `\u0000` in it.

    Raises:
        Refused: see `storable`.
    """
    storable("\0" if "\\u0000" in text else "")
    return text


_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged ON COMMIT DELETE ROWS AS
SELECT {columns} FROM segments WITH NO DATA;
TRUNCATE staged""".format(columns=", ".join(COLUMNS))
_INSERT = """
INSERT INTO segments ({columns})
SELECT {columns} FROM staged ORDER BY school, camera, start_at, digest
ON CONFLICT DO NOTHING""".format(columns=", ".join(COLUMNS))
_KEY = "s.school = t.school AND s.camera = t.camera AND s.start_at = t.start_at AND s.digest = t.digest"
_BACK = f"""
UPDATE segments s SET status = 'recorded', changed_at = t.said_at, found = NULL, locator = t.locator,
    duration_ms = t.duration_ms, size = t.size, codec = t.codec, width = t.width, height = t.height,
    time_source = t.time_source, uncertainty_ms = t.uncertainty_ms, file_time = t.file_time
FROM staged t
WHERE {_KEY} AND s.status IN ('lost', 'altered') AND s.changed_at < t.said_at
RETURNING s.school, s.camera, s.id, s.start_at, s.end_at, s.changed_at"""  # noqa: S608 - constants of ours
_MATCH_STAGED = f"""
WITH erased AS (
    UPDATE erasures e SET matched = true FROM staged t
    WHERE NOT e.matched AND e.school = t.school AND e.id = t.id
    RETURNING e.school, e.id, e.erased_at, t.camera, t.start_at, t.digest
)
UPDATE segments s SET status = 'erased', changed_at = t.erased_at FROM erased t WHERE {_KEY}"""  # noqa: S608 - constants of ours
_MATCH = """
WITH erased AS (
    UPDATE segments s SET status = 'erased', changed_at = e.erased_at FROM erasures e
    WHERE e.school = $1 AND e.id = ANY($2) AND NOT e.matched
      AND s.school = e.school AND s.camera = e.camera AND s.start_at = e.start_at AND s.id = e.id
    RETURNING s.id
)
UPDATE erasures e SET matched = true FROM erased WHERE e.school = $1 AND e.id = erased.id"""
_MATCH_REJECTED = """
WITH erased AS (
    UPDATE rejected r SET erased_at = e.erased_at FROM erasures e
    WHERE e.school = $1 AND e.id = ANY($2) AND NOT e.matched AND r.school = e.school AND r.id = e.id
    RETURNING r.id
)
UPDATE erasures e SET matched = true FROM erased WHERE e.school = $1 AND e.id = erased.id"""
_CERTIFY = """
INSERT INTO erasures
    (school, id, camera, start_at, end_at, digest, size, locator, due, erased_at, plan, copies)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING"""
_TOUCH = """
INSERT INTO hours (school, camera, hour) SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (school, camera, hour) DO UPDATE SET to_check = true, to_count = true
WHERE NOT (hours.to_check AND hours.to_count)"""
_REJECT = """
INSERT INTO rejected (school, id, camera, locator, size, file_time, digest, reason, detail, said_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (school, id) DO UPDATE SET reason = excluded.reason, detail = excluded.detail,
    said_at = excluded.said_at WHERE rejected.said_at < excluded.said_at"""
_ALTER = """
WITH known AS (
    SELECT 1 FROM segments WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
), changed AS (
    UPDATE segments SET status = 'altered', found = $5, changed_at = $6
    WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
      AND status <> 'erased' AND (changed_at IS NULL OR changed_at < $6) RETURNING 1
)
SELECT EXISTS (SELECT 1 FROM changed) AS changed FROM known"""
_STUB = """
INSERT INTO segments (school, camera, start_at, end_at, digest, id, duration_ms, size, codec, width, height,
    time_source, uncertainty_ms, locator, file_time, said_at)
VALUES ($1, $2, $3, $4, $5, $6, 0, 0, '', 0, 0, 'name', 0, $7, $4, $8) ON CONFLICT DO NOTHING"""
_RESTORE = """
WITH known AS (
    SELECT start_at, end_at FROM segments WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
), changed AS (
    UPDATE segments SET status = 'recorded', found = NULL, locator = $5, changed_at = $6
    WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
      AND status IN ('lost', 'altered') AND changed_at < $6 RETURNING 1
)
SELECT start_at, end_at, EXISTS (SELECT 1 FROM changed) AS changed FROM known"""
_COUNT = """
INSERT INTO days (school, camera, day, count, digest, said_at, look_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (school, camera, day) DO UPDATE SET count = excluded.count, digest = excluded.digest,
    said_at = excluded.said_at, look_at = excluded.look_at,
    asked = CASE WHEN days.count = excluded.count AND days.digest = excluded.digest THEN days.asked ELSE 0 END
WHERE days.said_at < excluded.said_at"""
