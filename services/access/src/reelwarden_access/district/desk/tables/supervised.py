"""Who was in the room, what the player said, and the stills that were taken (R4.3)."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from reelwarden_access.district.desk.watched import Mark, MarkKind
from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class Presence:
    """Somebody in the room."""

    name: str
    arrived_at: datetime
    left_at: datetime | None


@dataclass(frozen=True)
class Still:
    """A frame that was taken, without its picture."""

    viewing: str
    number: int
    application: str
    file: str
    position_ms: int
    camera: str | None
    shown_at: datetime | None
    taken_at: datetime
    digest: str


class SupervisedTable:
    """Written while a supervision is open."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def arrive(self, supervision: str, name: str, at: datetime) -> None:
        """Somebody comes in; who is there already stays."""
        await self._conn.execute(
            "INSERT INTO presences (supervision, name, arrived_at) SELECT $1, $2, $3 WHERE NOT EXISTS"
            " (SELECT FROM presences WHERE supervision = $1 AND name = $2 AND left_at IS NULL)"
            " ON CONFLICT DO NOTHING",
            supervision,
            name,
            at,
        )

    async def leave(self, supervision: str, at: datetime, name: str | None = None) -> None:
        """Somebody goes out; with the end of the supervision, everybody."""
        await self._conn.execute(
            "UPDATE presences SET left_at = $2 WHERE supervision = $1 AND left_at IS NULL"
            " AND ($3::text IS NULL OR name = $3)",
            supervision,
            at,
            name,
        )

    async def presences(self, supervision: str) -> list[Presence]:
        """Who was there, and when, in the order in which they came."""
        rows = await self._conn.fetch(
            "SELECT p.name, arrived_at, left_at FROM presences p JOIN supervisions s ON s.id = p.supervision"
            " WHERE supervision = $1 ORDER BY arrived_at, array_position(s.present, p.name), p.name",
            supervision,
        )
        return [Presence(**row) for row in rows]

    async def present_at(self, application: str) -> list[str]:
        """Everybody who was in the room at any supervision of an application."""
        rows = await self._conn.fetch(
            "SELECT p.name FROM presences p JOIN supervisions s ON s.id = p.supervision"
            " WHERE s.application = $1 GROUP BY p.name"
            " ORDER BY min(arrived_at), min(array_position(s.present, p.name)), p.name",
            application,
        )
        return [row["name"] for row in rows]

    async def mark(self, viewing: str, mark: Mark, at: datetime) -> None:
        """The player says something."""
        await self._conn.execute(
            "INSERT INTO marks (viewing, at, kind, file, position_ms, from_ms)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            viewing,
            at,
            mark.kind,
            mark.file,
            mark.position_ms,
            mark.from_ms,
        )

    async def last_marks(self, viewing: str, most: int) -> list[Mark]:
        """Where the player of a viewing is, and before that its last acts, the newest first."""
        rows = await self._conn.fetch(
            "(SELECT * FROM marks WHERE viewing = $1 ORDER BY id DESC LIMIT 1) UNION"
            " (SELECT * FROM marks WHERE viewing = $1 AND kind <> 'at' ORDER BY id DESC LIMIT $2)"
            " ORDER BY id DESC",
            viewing,
            most,
        )
        return [_mark(row) for row in rows]

    async def marks(self, application: str) -> list[list[Mark]]:
        """All that players said, viewing by viewing."""
        rows = await self._conn.fetch(
            "SELECT m.* FROM marks m JOIN viewings v ON v.id = m.viewing WHERE v.application = $1"
            " ORDER BY m.id",
            application,
        )
        found: dict[str, list[Mark]] = {}
        for row in rows:
            found.setdefault(row["viewing"], []).append(_mark(row))
        return list(found.values())

    async def fetched(self, application: str) -> list[str]:
        """The files of which bytes went out."""
        rows = await self._conn.fetch(
            "SELECT DISTINCT w.file FROM viewed w JOIN viewings v ON v.id = w.viewing"
            " WHERE v.application = $1 AND w.bytes > 0",
            application,
        )
        return [row["file"] for row in rows]

    async def stills_of_viewing(self, viewing: str) -> int:
        """How many stills a viewing has."""
        return int(await self._conn.fetchval("SELECT count(*) FROM stills WHERE viewing = $1", viewing))

    async def add_still(self, still: Still, picture: bytes) -> None:
        """Keep a still."""
        await self._conn.execute(
            "INSERT INTO stills (viewing, number, application, file, position_ms, camera, shown_at, taken_at,"
            " digest, picture) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            still.viewing,
            still.number,
            still.application,
            still.file,
            still.position_ms,
            still.camera,
            still.shown_at,
            still.taken_at,
            still.digest,
            picture,
        )

    async def stills(self, application: str) -> list[Still]:
        """The stills of an application, in order."""
        rows = await self._conn.fetch(
            f"SELECT {', '.join(Still.__dataclass_fields__)} FROM stills"  # noqa: S608 - names from code
            " WHERE application = $1 ORDER BY taken_at, number",
            application,
        )
        return [Still(**row) for row in rows]

    async def picture(self, viewing: str, number: int) -> bytes | None:
        """A still's JPEG, while it is kept."""
        found = await self._conn.fetchval(
            "SELECT picture FROM stills WHERE viewing = $1 AND number = $2", viewing, number
        )
        return bytes(found) if found is not None else None

    async def pictures(self, application: str) -> dict[str, bytes]:
        """The pictures of an application's stills, by the names of files."""
        rows = await self._conn.fetch(
            "SELECT picture FROM stills WHERE application = $1 AND picture IS NOT NULL"
            " ORDER BY taken_at, number",
            application,
        )
        return {f"{number:03d}.jpg": bytes(row["picture"]) for number, row in enumerate(rows, start=1)}

    async def forget_pictures(self, application: str) -> None:
        """The application is over: what was taken stays on record, the pictures go (条例 art. 17)."""
        await self._conn.execute("UPDATE stills SET picture = NULL WHERE application = $1", application)


def _mark(row: asyncpg.Record) -> Mark:
    return Mark(MarkKind(row["kind"]), row["file"], row["position_ms"], row["from_ms"], row["at"])
