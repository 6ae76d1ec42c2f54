"""What was recorded, as rows: fresh segments straight into their day, others merged, wild ones apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import asyncpg

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Transient
from reelwarden_common.events.ingest import RejectedFile
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_ingest.district.index.domain import (
    COLUMNS,
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


class FootageStore(Store):
    """The part of a transaction that takes footage in."""

    def __init__(
        self, conn: Connection, known: KnownDays, settle: timedelta, clock: Clock = system_clock
    ) -> None:
        super().__init__(ROLE, clock)
        self.conn = conn
        self._known = known
        self.settle = settle

    async def add(self, found: Sorted) -> None:
        """Take segments in; those that are there already stay, and are back if they were lost.

        Raises:
            DayGone: see there.
        """
        await self.make_days(found.days)
        await self.reach_back(found.longest)
        if found.rows:
            with self.days_exist():
                if not await self._copy(found.rows):
                    await self._merge(found)
            if await self.conn.fetchval(_MAY_BE_ERASED, sorted(found.days)):
                await self._match(found)
        await self.touch(found.hours)
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

    async def _merge(self, found: Sorted) -> None:
        """The long way: what is there already stays, and is back if it was lost."""
        await self._stage(found.rows)
        await self.conn.execute(_INSERT)
        await self._say_again(found)

    async def _match(self, found: Sorted) -> None:
        """Mark what was certified as erased before it was indexed."""
        await self._stage(found.rows)
        await self.conn.execute(_MATCH_STAGED, *found.reach)

    @contextmanager
    def days_exist(self) -> Iterator[None]:
        """What was remembered of days is wrong once one of them was dropped."""
        try:
            yield
        except asyncpg.CheckViolationError as error:
            self._known.days.clear()
            raise DayGone(str(error)) from error

    async def make_days(self, days: set[date]) -> None:
        for day in sorted(days - self._known.days):
            if await self.conn.fetchval("SELECT make_day($1)", day):
                self._known.days.add(day)

    async def reach_back(self, longest: Mapping[tuple[str, str], timedelta]) -> None:
        """Note how long a camera's segments get, before they are there: see `queries`."""
        places = sorted(longest)
        milliseconds = [-(-longest[place] // timedelta(milliseconds=1)) for place in places]
        if places:
            await self.conn.execute(_LONGEST, *zip(*places, strict=True), milliseconds)

    async def _say_again(self, found: Sorted) -> None:
        """A school that says a segment again has it: it is no longer lost, and a stub gets its facts."""
        back = await self.conn.fetch(_BACK, *found.reach)
        await self.conn.executemany(
            "INSERT INTO changes (school, id, at, status, detail) VALUES ($1, $2, $3, 'recorded', $4)"
            " ON CONFLICT DO NOTHING",
            [(r["school"], r["id"], r["changed_at"], "said again") for r in back],
        )
        await self.touch(
            {(r["school"], r["camera"], hour) for r in back for hour in hours_of(r["start_at"], r["end_at"])}
        )

    async def touch(self, hours: Iterable[tuple[str, str, datetime]]) -> None:
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
# Says which days are meant, so that all others are left unlocked.
_REACH = "s.start_at >= $1 AND s.start_at < $2"
_BACK = f"""
UPDATE segments s SET status = 'recorded', changed_at = t.said_at, found = NULL,
    locator = CASE WHEN s.located_at > t.said_at THEN s.locator ELSE t.locator END,
    located_at = greatest(s.located_at, t.said_at),
    duration_ms = t.duration_ms, size = t.size, codec = t.codec, width = t.width, height = t.height,
    time_source = t.time_source, uncertainty_ms = t.uncertainty_ms, file_time = t.file_time
FROM staged t
WHERE {_KEY} AND {_REACH} AND s.status IN ('lost', 'altered') AND s.changed_at < t.said_at
RETURNING s.school, s.camera, s.id, s.start_at, s.end_at, s.changed_at"""  # noqa: S608 - constants of ours
# Certificates that found no segment yet, and those of days that have left for the most part.
_MAY_BE_ERASED = """
SELECT EXISTS (SELECT 1 FROM erasures WHERE NOT matched)
    OR EXISTS (SELECT 1 FROM shrunk_days WHERE day = ANY ($1))"""
_MATCH_STAGED = f"""
WITH erased AS (
    SELECT e.school, e.id, e.erased_at, t.camera, t.start_at, t.digest
    FROM staged t JOIN erasures e ON e.school = t.school AND e.id = t.id
), matched AS (
    UPDATE erasures e SET matched = true FROM erased t
    WHERE e.school = t.school AND e.id = t.id AND NOT e.matched
)
UPDATE segments s SET status = 'erased', changed_at = t.erased_at FROM erased t
WHERE {_KEY} AND {_REACH} AND s.status <> 'erased'"""  # noqa: S608 - constants of ours
# Rows that need no change are not locked.
_LONGEST = """
INSERT INTO cameras (school, camera, longest_ms)
SELECT t.school, t.camera, t.longest
FROM unnest($1::text[], $2::text[], $3::integer[]) t (school, camera, longest)
WHERE NOT EXISTS (SELECT 1 FROM cameras c
    WHERE c.school = t.school AND c.camera = t.camera AND c.longest_ms >= t.longest)
ON CONFLICT (school, camera) DO UPDATE SET longest_ms = greatest(cameras.longest_ms, excluded.longest_ms)"""
_TOUCH = """
INSERT INTO hours (school, camera, hour) SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (school, camera, hour) DO UPDATE SET to_check = true, to_count = true, cover = NULL
WHERE NOT (hours.to_check AND hours.to_count)"""
_REJECT = """
INSERT INTO rejected (school, id, camera, locator, size, file_time, digest, reason, detail, said_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (school, id) DO UPDATE SET reason = excluded.reason, detail = excluded.detail,
    said_at = excluded.said_at WHERE rejected.said_at < excluded.said_at"""
