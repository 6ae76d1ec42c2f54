"""What the checks read of the ledger's tables, and the little that a repair changes there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from reelwarden_common.clock import Clock
from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class CheckedObject:
    """A copy that the ledger believes to be in the store."""

    segment: str
    version: str
    camera: str
    start: datetime
    size: int
    bucket: str
    key: str
    state: str
    stored_at: datetime


@dataclass(frozen=True)
class CheckedRun:
    """A backup record as the ledger has it."""

    run: str
    started: datetime
    objects: int
    bytes: int
    manifest: str


@dataclass(frozen=True)
class CheckedDay:
    """The copies of one camera-day (UTC)."""

    camera: str
    day: date
    count: int
    digest: str
    """Over `<segment>/<version>` of each, sorted, followed by a newline."""


class Checked:
    """The tables as the checks see them, within one transaction."""

    def __init__(self, conn: Connection, clock: Clock) -> None:
        self._conn, self._clock = conn, clock

    async def count(self, school: str) -> int:
        """Copies that should be there."""
        query = "SELECT count(*) FROM objects WHERE school = $1 AND state <> 'erased'"
        return int(await self._conn.fetchval(query, school))

    async def objects_after(self, school: str, segment: str, version: str, limit: int) -> list[CheckedObject]:
        """The next of them by segment and version."""
        rows = await self._conn.fetch(
            "SELECT * FROM objects WHERE school = $1 AND (segment, object_version) > ($2, $3)"
            " AND state <> 'erased' ORDER BY segment, object_version LIMIT $4",
            school,
            segment,
            version,
            limit,
        )
        return [_object(row) for row in rows]

    async def object(self, school: str, segment: str, version: str) -> CheckedObject | None:
        """One of them."""
        row = await self._conn.fetchrow(
            "SELECT * FROM objects WHERE school = $1 AND segment = $2 AND object_version = $3"
            " AND state <> 'erased'",
            school,
            segment,
            version,
        )
        return None if row is None else _object(row)

    async def unknown(self, school: str, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these segments' versions the ledger does not know at all."""
        rows = await self._conn.fetch(
            _UNKNOWN, school, [place[0] for place in places], [place[1] for place in places]
        )
        return {(row["segment"], row["object_version"]) for row in rows}

    async def runs_after(self, school: str, run: str, limit: int) -> list[CheckedRun]:
        """The next backup records by their ids."""
        rows = await self._conn.fetch(
            "SELECT * FROM runs WHERE school = $1 AND run > $2 ORDER BY run LIMIT $3", school, run, limit
        )
        return [_run(row) for row in rows]

    async def run(self, school: str, run: str) -> CheckedRun | None:
        """One of them."""
        row = await self._conn.fetchrow("SELECT * FROM runs WHERE school = $1 AND run = $2", school, run)
        return None if row is None else _run(row)

    async def days_after(self, school: str, camera: str, day: date, limit: int) -> list[CheckedDay]:
        """The next camera-days (UTC)."""
        return [_day(row) for row in await self._conn.fetch(_DAYS, school, camera, day, limit)]

    async def day(self, school: str, camera: str, day: date) -> CheckedDay | None:
        """One of them; None: nothing of it is there."""
        row = await self._conn.fetchrow(_DAY, school, camera, day)
        return None if row is None else _day(row)

    async def read_back_soon(self, one: CheckedObject, school: str) -> None:
        """Have a copy read back at once: what is found is told as always."""
        await self._conn.execute(
            "UPDATE objects SET state = 'unverified', check_after = $4, claimed_until = NULL"
            " WHERE school = $1 AND segment = $2 AND object_version = $3"
            " AND state IN ('verified', 'unverified')",
            school,
            one.segment,
            one.version,
            self._clock(),
        )


def _object(row: asyncpg.Record) -> CheckedObject:
    return CheckedObject(
        segment=row["segment"],
        version=row["object_version"],
        camera=row["camera"],
        start=row["start_at"],
        size=row["size"],
        bucket=row["bucket"],
        key=row["key"],
        state=row["state"],
        stored_at=row["stored_at"],
    )


def _day(row: asyncpg.Record) -> CheckedDay:
    return CheckedDay(row["camera"], row["day"], row["count"], row["digest"].hex())


def _run(row: asyncpg.Record) -> CheckedRun:
    return CheckedRun(row["run"], row["started_at"], row["objects"], row["bytes"], row["manifest"])


_UNKNOWN = """
SELECT t.segment, t.object_version FROM unnest($2::text[], $3::text[]) AS t (segment, object_version)
WHERE NOT EXISTS (SELECT 1 FROM objects o
    WHERE o.school = $1 AND o.segment = t.segment AND o.object_version = t.object_version)"""
_COPIES = """
SELECT camera, start_at::date AS day, count(*) AS count, sha256(convert_to(
    string_agg(segment || '/' || object_version || E'\\n', ''
        ORDER BY segment || '/' || object_version COLLATE "C"), 'UTF8')) AS digest
FROM objects WHERE school = $1 AND state IN ('unverified', 'verified') {which}
GROUP BY camera, start_at::date {rest}"""
_DAYS = _COPIES.format(which="AND (camera, start_at::date) > ($2, $3)", rest="ORDER BY 1, 2 LIMIT $4")
_DAY = _COPIES.format(which="AND camera = $2 AND start_at::date = $3", rest="")
