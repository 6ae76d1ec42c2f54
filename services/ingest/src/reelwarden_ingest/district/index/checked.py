"""What the checks read of the index's tables, and the little that a repair changes there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from reelwarden_common.errors import Refused
from reelwarden_common.identity import segment_id
from reelwarden_common.messaging.postgres import Connection
from reelwarden_ingest.district.index.domain import Counted, id_bytes
from reelwarden_ingest.district.index.upkeep import COUNT_DAY, DAYS, counted


@dataclass(frozen=True)
class CameraDay:
    """One camera-day (UTC); written `<camera>/<day>`."""

    camera: str
    day: date

    @classmethod
    def read(cls, text: str) -> "CameraDay":
        """The other way; the empty text stands before all of them.

        Raises:
            Refused: it is none.
        """
        camera, _, day = text.partition("/")
        try:
            return cls(camera, date.fromisoformat(day) if day else date.min)
        except ValueError as error:
            raise Refused(f"{text[:100]!r} is no camera-day") from error

    def __str__(self) -> str:
        return f"{self.camera}/{self.day.isoformat()}"

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From its beginning to its end."""
        start = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)
        return start, start + timedelta(days=1)


@dataclass(frozen=True)
class Doubtful:
    """A segment that is not what its own row or its certificate says."""

    id: str
    camera: str
    start: datetime
    kind: str
    expected: str
    found: str


async def days_after(conn: Connection, school: str, after: CameraDay, limit: int) -> list[CameraDay]:
    """The next camera-days of a school that the index may have something of, or was told of."""
    stored = [row[0] for row in await conn.fetch(DAYS)]
    found = await conn.fetch(_DAYS_AFTER, school, stored, after.camera, after.day, limit)
    return [CameraDay(row["camera"], row["day"]) for row in found]


async def count(conn: Connection, school: str, of: CameraDay) -> tuple[Counted, Counted | None]:
    """What the index has of a camera-day, and what the school told last."""
    (have,) = await conn.fetch(COUNT_DAY, school, of.camera, *of.span)
    told = await conn.fetchrow(_TOLD, school, of.camera, of.day)
    return (
        counted(have),
        None if told is None else counted(told),
    )


async def size(conn: Connection, school: str) -> int:
    """Segments that a school told last."""
    return int(await conn.fetchval("SELECT coalesce(sum(count), 0) FROM days WHERE school = $1", school))


async def doubtful(
    conn: Connection, school: str, of: CameraDay, ids: Sequence[str] | None = None, *, identity: bool = False
) -> list[Doubtful]:
    """Rows whose state contradicts their certificate; with `identity` also those that are not their id's."""
    wanted = None if ids is None else [id_bytes(one) for one in ids]
    query = _ALL if identity else _CONTRADICTING
    found = []
    for row in await conn.fetch(query, school, of.camera, *of.span, wanted):
        one, digest = row["id"].hex(), row["digest"].hex()
        place = (one, row["camera"], row["start_at"])
        if row["certified"] and row["status"] != "erased":
            found.append(Doubtful(*place, "erased-but-listed", "erased", row["status"]))
        elif row["status"] == "erased" and not row["certified"]:
            found.append(Doubtful(*place, "erased-without-certificate", "", "erased"))
        own = segment_id(school, row["camera"], row["start_at"], digest) if identity else one
        if own != one:
            found.append(Doubtful(*place, "identity-differs", one, own))
    return found


async def mark_erased(conn: Connection, school: str, of: CameraDay, segment: str) -> bool:
    """Mark a segment as erased, as its certificate says; tells whether there is one."""
    await conn.execute(_FORGET_COUNTED, school, of.camera, *of.span)
    return bool(await conn.fetchval(_MARK, school, of.camera, *of.span, id_bytes(segment)))


_DAYS_AFTER = """
SELECT camera, day FROM (
    SELECT camera, day FROM days WHERE school = $1
    UNION SELECT c.camera, d FROM cameras c CROSS JOIN unnest($2::date[]) d WHERE c.school = $1
) known WHERE (camera, day) > ($3, $4) ORDER BY camera, day LIMIT $5"""
_TOLD = "SELECT count, digest, states FROM days WHERE school = $1 AND camera = $2 AND day = $3"
_ROWS = """
SELECT s.id, s.camera, s.start_at, s.digest, s.status, e.id IS NOT NULL AS certified
FROM segments s LEFT JOIN erasures e ON e.school = s.school AND e.id = s.id
WHERE s.school = $1 AND s.camera = $2 AND s.start_at >= $3 AND s.start_at < $4
    AND ($5::bytea[] IS NULL OR s.id = ANY ($5))"""
_ALL = f"{_ROWS} ORDER BY s.start_at, s.id"
_CONTRADICTING = f"""{_ROWS}
    AND (s.status = 'erased') <> (e.id IS NOT NULL) ORDER BY s.start_at, s.id"""
# A segment reaches a day into the next at most.
_FORGET_COUNTED = """
UPDATE hours SET cover = NULL
WHERE school = $1 AND camera = $2 AND hour >= $3 AND hour < $4::timestamptz + interval '1 day'"""
_MARK = """
WITH erased AS (
    UPDATE segments s SET status = 'erased', changed_at = e.erased_at FROM erasures e
    WHERE e.school = $1 AND e.id = $5 AND s.school = e.school AND s.camera = $2
        AND s.start_at >= $3 AND s.start_at < $4 AND s.id = e.id AND s.status <> 'erased'
    RETURNING s.id
)
UPDATE erasures e SET matched = true FROM erased WHERE e.school = $1 AND e.id = erased.id RETURNING true"""
