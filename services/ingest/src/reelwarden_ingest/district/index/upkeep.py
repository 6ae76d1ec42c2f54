"""What the index does by itself: asks for what it lacks, tells conflicts and coverage, lets erased days go.

Every turn claims its rows with FOR UPDATE SKIP LOCKED: replicas share the work and do nothing twice.
"""

from datetime import UTC, datetime, timedelta

import asyncpg

from reelwarden_common.district import Camera, DistrictConfig, Erasure, School
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import CameraRegistered, CoverageCounted, DayDiffers, SegmentConflict
from reelwarden_common.messaging.units import Units
from reelwarden_common.telemetry import log
from reelwarden_ingest.district.index import queries
from reelwarden_ingest.district.index.domain import HOUR, Counted, ask_again_after, lacking
from reelwarden_ingest.district.index.footage import ROLE
from reelwarden_ingest.district.index.store import IndexStore

AT_ONCE = 200
"""Rows a transaction claims."""
WHOLE_HOURS_BACK = timedelta(hours=48)
"""So long a silent camera's empty hours are counted after the fact."""


class Upkeep:
    """The turns of the index's loops."""

    def __init__(self, units: Units[IndexStore], ask_again: timedelta) -> None:
        self._units = units
        self._ask_again = ask_again

    async def register(self, config: DistrictConfig) -> None:
        """Tell of cameras that are new in district.toml, or changed (art. 13, 14)."""
        async with self._units.begin() as store:
            for school in config.schools:
                for camera in school.cameras:
                    await _register(store, school, camera, config.keep_days(school.id, camera.id))

    async def compare_days(self) -> None:
        """Ask a school to publish a camera-day again where the index has something else than it counted."""
        while await self._compare_some() == AT_ONCE:
            pass

    async def _compare_some(self) -> int:
        async with self._units.begin() as store:
            now = store.clock()
            due = await store.conn.fetch(_DUE_DAYS, now, AT_ONCE)
            for row in due:
                place = (row["school"], row["camera"], row["day"])
                start = datetime(row["day"].year, row["day"].month, row["day"].day, tzinfo=UTC)
                (have,) = await store.conn.fetch(COUNT_DAY, *place[:2], start, start + timedelta(days=1))
                asked, look_at = row["asked"], None
                if lacking(counted(row), counted(have)):
                    asked += 1
                    if wait := ask_again_after(asked, self._ask_again):
                        look_at = now + wait
                        store.publish(place[0], DayDiffers(camera=place[1], day=row["day"].isoformat()))
                    else:
                        log(ROLE).warning("day_still_differs", school=place[0], camera=place[1], day=place[2])
                await store.conn.execute(_LOOKED, *place, asked, look_at)
            return len(due)

    async def find_conflicts(self) -> None:
        """Tell where two different contents claim one camera and start; both stay searchable."""
        while await self._check_some() == AT_ONCE:
            pass

    async def _check_some(self) -> int:
        async with self._units.begin() as store:
            hours = await store.conn.fetch(_HOURS_TO_CHECK, AT_ONCE)
            columns = list(zip(*hours, strict=True))
            for row in await store.conn.fetch(_CONFLICTS, *columns) if columns else ():
                place = (row["school"], row["camera"], row["start_at"])
                if await store.conn.fetchval(_NEW_CONFLICT, *place, row["digests"]):
                    digests = tuple(digest.hex() for digest in row["digests"])
                    event = SegmentConflict(camera=row["camera"], start=row["start_at"], digests=digests)
                    store.publish(row["school"], event)
            return len(hours)

    async def count_coverage(self) -> None:
        """Tell how much of each camera-hour is recorded, once the school says that it is complete (R4.1)."""
        async with self._units.begin() as store:
            await store.conn.execute(_SILENT_HOURS, store.clock() - WHOLE_HOURS_BACK)
        while await self._count_some() == AT_ONCE:
            pass

    async def _count_some(self) -> int:
        async with self._units.begin() as store:
            hours = await store.conn.fetch(_HOURS_TO_COUNT, AT_ONCE)
            for school, camera, hour in hours:
                await queries.keep_counted(store.conn, school, camera, hour)
                found = await queries.covered(store.conn, school, camera, hour, hour + HOUR)
                gaps = tuple(CameraSpan(camera=camera, start=g.start, end=g.end) for g in found.gaps)
                store.publish(
                    school,
                    CoverageCounted(camera=camera, hour=hour, recorded_ms=found.recorded_ms, gaps=gaps),
                )
            return len(hours)

    async def drop_erased_days(self) -> None:
        """Let what is certified erased go once it is most of a day; certificates stay, and what is held."""
        async with self._units.begin() as store:
            days = await store.conn.fetch(DAYS)
        for (day,) in days:
            for step in ("shrink_day", "drop_day"):
                try:
                    async with self._units.begin() as store:
                        gone = await store.conn.fetchval(f"SELECT {step}($1)", day)
                except asyncpg.LockNotAvailableError:
                    log(ROLE).info("day_in_use", day=day.isoformat())
                    break
                if gone is not None:
                    log(ROLE).info(step, day=day.isoformat(), segments=gone)


def counted(row: asyncpg.Record) -> Counted:
    """A row with count, digest and states."""
    states = row["states"]
    return Counted(row["count"], row["digest"].hex(), None if states is None else states.hex())


async def _register(store: IndexStore, school: School, camera: Camera, keep_days: int) -> None:
    managed = school.erasure is Erasure.MANAGED
    facts = (camera.place_kind.value, keep_days, managed)
    if await store.conn.fetchval(_REGISTER, school.id, camera.id, *facts):
        event = CameraRegistered(
            camera=camera.id, place_kind=camera.place_kind.value, keep_days=keep_days, managed=managed
        )
        store.publish(school.id, event)


_REGISTER = """
INSERT INTO cameras (school, camera, place_kind, keep_days, managed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (school, camera) DO UPDATE
SET place_kind = excluded.place_kind, keep_days = excluded.keep_days, managed = excluded.managed
WHERE (cameras.place_kind, cameras.keep_days, cameras.managed)
    IS DISTINCT FROM (excluded.place_kind, excluded.keep_days, excluded.managed)
RETURNING true"""
_DUE_DAYS = """
SELECT school, camera, day, count, digest, states, asked FROM days
WHERE look_at <= $1 ORDER BY look_at LIMIT $2 FOR UPDATE SKIP LOCKED"""
COUNT_DAY = """
SELECT count(*) AS count, sha256(convert_to(
    coalesce(string_agg(encode(id, 'hex') || E'\\n', '' ORDER BY id), ''), 'UTF8')) AS digest,
    sha256(convert_to(coalesce(string_agg(
        encode(id, 'hex') || ' ' || status || E'\\n', '' ORDER BY id), ''), 'UTF8')) AS states
FROM segments WHERE school = $1 AND camera = $2 AND start_at >= $3 AND start_at < $4 AND status <> 'erased'"""
_LOOKED = "UPDATE days SET asked = $4, look_at = $5 WHERE school = $1 AND camera = $2 AND day = $3"
_HOURS_TO_CHECK = """
UPDATE hours SET to_check = false WHERE (school, camera, hour) IN
    (SELECT school, camera, hour FROM hours WHERE to_check LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING school, camera, hour"""
_CONFLICTS = """
SELECT s.school, s.camera, s.start_at, array_agg(s.digest ORDER BY s.digest) AS digests
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS h (school, camera, hour)
JOIN segments s ON s.school = h.school AND s.camera = h.camera
    AND s.start_at >= h.hour AND s.start_at < h.hour + interval '1 hour'
GROUP BY s.school, s.camera, s.start_at HAVING count(*) > 1"""
_NEW_CONFLICT = """
INSERT INTO conflicts (school, camera, start_at, digests) VALUES ($1, $2, $3, $4)
ON CONFLICT (school, camera, start_at) DO UPDATE SET digests = excluded.digests
WHERE conflicts.digests <> excluded.digests RETURNING true"""
# An hour in which nothing was recorded has no row yet, and is the one that matters most.
_SILENT_HOURS = """
INSERT INTO hours (school, camera, hour, to_check)
SELECT c.school, c.camera, h, false
FROM cameras c CROSS JOIN LATERAL (
    SELECT max(hour) AS newest FROM hours WHERE hours.school = c.school AND hours.camera = c.camera
) known CROSS JOIN LATERAL generate_series(
    greatest(known.newest, date_trunc('hour', $1::timestamptz)) + interval '1 hour',
    date_trunc('hour', c.complete_to) - interval '1 hour', interval '1 hour') h
WHERE known.newest IS NOT NULL
ON CONFLICT DO NOTHING"""
_HOURS_TO_COUNT = """
UPDATE hours SET to_count = false WHERE (school, camera, hour) IN (
    SELECT h.school, h.camera, h.hour FROM hours h JOIN cameras c USING (school, camera)
    WHERE h.to_count AND c.complete_to >= h.hour + interval '1 hour'
    ORDER BY h.school, h.camera, h.hour LIMIT $1 FOR UPDATE OF h SKIP LOCKED)
RETURNING school, camera, hour"""
DAYS = """
SELECT to_date(right(relname, 8), 'YYYYMMDD') FROM pg_class c
JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'segments'::regclass ORDER BY 1"""
