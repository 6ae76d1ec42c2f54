"""What became of footage since it was recorded, and what schools counted."""

from collections.abc import Sequence
from datetime import date, datetime

from reelwarden_common.errors import Early
from reelwarden_common.events.ingest import DayCounted, LostSegment, SegmentMoved
from reelwarden_common.events.retention import Certificate
from reelwarden_ingest.district.index.domain import AHEAD, LONGEST, OLDEST, hours_of, id_bytes, storable
from reelwarden_ingest.district.index.footage import FootageStore


class IndexStore(FootageStore):
    """One transaction on the schema `ingest`."""

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
            if await self._certified(school, segment):
                return
            raise Early(f"{school} {camera}: segment {segment} was altered, but is not indexed yet")
        if row["changed"]:
            await self._changed(school, segment, "altered", at, found)

    async def lose(self, school: str, lost: LostSegment, at: datetime) -> None:
        """Note that a segment vanished; one that was never heard of is entered as lost."""
        if not OLDEST <= lost.start <= self.clock() + AHEAD:
            await self._changed(school, lost.id, "lost", at, "quarantined")
            return
        if await self._certified(school, lost.id):
            return
        await self.make_days({lost.start.date()})
        await self.reach_back({(school, lost.camera): min(lost.end - lost.start, LONGEST)})
        identifier, digest = id_bytes(lost.id), bytes.fromhex(lost.digest)
        with self.days_exist():
            await self.conn.execute(
                _STUB,
                school,
                lost.camera,
                lost.start,
                lost.end,
                digest,
                identifier,
                storable(lost.locator),
                at,
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
            await self.touch((school, lost.camera, hour) for hour in hours_of(lost.start, lost.end))

    async def move(self, school: str, event: SegmentMoved, at: datetime) -> None:
        """Note a segment's new path, unless a later one is known: replicas may hear two moves in any order.

        A school that does not tell the start has all days searched.

        Raises:
            Early: the segment is not known yet.
        """
        where = "school = $1 AND camera = $2 AND id = $3"
        place: list[object] = [school, event.camera, id_bytes(event.segment), storable(event.locator), at]
        if event.start is not None:
            where, place = f"{where} AND start_at = $6", [*place, event.start]
        known = await self.conn.fetchval(_MOVE.format(where=where), *place)
        if not known and not await self._certified(school, event.segment):
            raise Early(f"{school} {event.camera}: segment {event.segment} was moved, but is not indexed yet")

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
            if await self._certified(school, segment):
                return
            raise Early(f"{school} {camera}: segment {segment} was restored, but is not indexed yet")
        if row["changed"]:
            await self._changed(school, segment, "recorded", at, "restored")
            await self.touch((school, camera, hour) for hour in hours_of(row["start_at"], row["end_at"]))

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
        starts = [c.start for c in certificates]
        await self.conn.execute(_MATCH, school, ids, min(starts), max(starts))
        await self.conn.execute(_MATCH_REJECTED, school, ids)
        await self._forget_counted(school, certificates)

    async def _forget_counted(self, school: str, certificates: Sequence[Certificate]) -> None:
        """What was erased is a gap from now on; of an hour that is told at this moment, too."""
        hours = {
            (c.camera, hour)
            for c in certificates
            for hour in hours_of(c.start, min(c.end, c.start + LONGEST))
        }
        await self.conn.execute(_FORGET_COUNTED, school, *zip(*sorted(hours), strict=True))

    async def _certified(self, school: str, segment: str) -> bool:
        """Whether it was erased on its day: what is said of it later changes nothing, its row may be gone."""
        query = "SELECT EXISTS (SELECT 1 FROM erasures WHERE school = $1 AND id = $2)"
        return bool(await self.conn.fetchval(query, school, id_bytes(segment)))

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
            self.clock() + self.settle,
            told.states and bytes.fromhex(told.states),
        )
        await self.conn.execute(
            "INSERT INTO cameras (school, camera, complete_to) VALUES ($1, $2, $3)"
            " ON CONFLICT (school, camera) DO UPDATE"
            " SET complete_to = greatest(cameras.complete_to, excluded.complete_to)",
            school,
            told.camera,
            min(told.complete_to, self.clock()),
        )


_MATCH = """
WITH erased AS (
    UPDATE segments s SET status = 'erased', changed_at = e.erased_at FROM erasures e
    WHERE e.school = $1 AND e.id = ANY($2) AND NOT e.matched
      AND s.school = e.school AND s.camera = e.camera AND s.start_at = e.start_at AND s.id = e.id
      AND s.start_at >= $3 AND s.start_at <= $4
    RETURNING s.id
)
UPDATE erasures e SET matched = true FROM erased WHERE e.school = $1 AND e.id = erased.id"""
_FORGET_COUNTED = """
UPDATE hours h SET cover = NULL FROM unnest($2::text[], $3::timestamptz[]) t (camera, hour)
WHERE h.school = $1 AND h.camera = t.camera AND h.hour = t.hour"""
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
_MOVE = """
WITH known AS (
    SELECT 1 FROM segments WHERE {where}
), moved AS (
    UPDATE segments SET locator = $4, located_at = $5
    WHERE {where} AND (located_at IS NULL OR located_at < $5)
)
SELECT EXISTS (SELECT 1 FROM known)"""
_ALTER = """
WITH known AS (
    SELECT 1 FROM segments WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
), changed AS (
    UPDATE segments SET status = 'altered', found = $5, changed_at = $6
    WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
      AND status <> 'erased' AND (changed_at IS NULL OR changed_at <= $6) RETURNING 1
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
    UPDATE segments SET status = 'recorded', found = NULL, changed_at = $6,
        locator = CASE WHEN located_at > $6 THEN locator ELSE $5 END, located_at = greatest(located_at, $6)
    WHERE school = $1 AND camera = $2 AND start_at = $3 AND id = $4
      AND status IN ('lost', 'altered') AND changed_at < $6 RETURNING 1
)
SELECT start_at, end_at, EXISTS (SELECT 1 FROM changed) AS changed FROM known"""
_COUNT = """
INSERT INTO days (school, camera, day, count, digest, said_at, look_at, states)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (school, camera, day) DO UPDATE SET count = excluded.count, digest = excluded.digest,
    said_at = excluded.said_at, look_at = excluded.look_at, states = excluded.states,
    asked = CASE WHEN (days.count, days.digest, days.states)
        IS NOT DISTINCT FROM (excluded.count, excluded.digest, excluded.states) THEN days.asked ELSE 0 END
WHERE days.said_at < excluded.said_at"""
