"""What is known of the footage of an application: its holds and its export."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from reelwarden_access.district.desk.application import HoldState
from reelwarden_common.events.access import ExportReady, PackagedFile
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import Hold, HoldInForce
from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class HeldSpan:
    """A hold as the screens show it."""

    id: str
    camera: str | None
    start: datetime | None
    end: datetime | None
    until: datetime | None
    state: HoldState
    segments: int | None
    complete_to: datetime | None
    gone: tuple[CameraSpan, ...]
    gaps: tuple[CameraSpan, ...]
    released_at: datetime | None


@dataclass(frozen=True)
class Export:
    """The footage part in the store, or why there is none."""

    bucket: str
    folder: str
    files: tuple[PackagedFile, ...]
    gaps: tuple[CameraSpan, ...]
    sources: tuple[str, ...]
    ready_at: datetime | None
    problem: str | None

    def file(self, name: str) -> PackagedFile | None:
        """The file of that name."""
        return next((one for one in self.files if one.name == name), None)


class HoldsTable:
    """Written from what keeper and reaper say, in whatever order it arrives."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def asked(self, hold: Hold, at: datetime) -> None:
        """The keeper asked the site for it."""
        await self._conn.execute(
            "INSERT INTO holds (id, application, camera, start_at, end_at, until, asked_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET camera = excluded.camera,"
            " start_at = excluded.start_at, end_at = excluded.end_at,"
            " until = coalesce(holds.until, excluded.until), asked_at = excluded.asked_at",
            hold.id,
            hold.cause,
            hold.span.camera,
            hold.span.start,
            hold.span.end,
            hold.until,
            at,
        )

    async def decided(self, hold: Hold, at: datetime) -> None:
        """It stands for longer than provisionally, or its release was stopped; what was said later stays."""
        await self.asked(hold, at)
        await self._conn.execute(
            "UPDATE holds SET until = $2, decided_at = $3, said_at = $3, released_at = NULL, lapsed_at = NULL"
            " WHERE id = $1 AND (said_at IS NULL OR said_at <= $3)",
            hold.id,
            hold.until,
            at,
        )

    async def answered(self, answer: HoldInForce, at: datetime) -> None:
        """The site answered; an older answer never overwrites a newer one."""
        await self._conn.execute(
            "INSERT INTO holds (id, application, answered_at, complete, complete_to, segments, bytes,"
            " digest, gone, gaps) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " ON CONFLICT (id) DO UPDATE SET answered_at = excluded.answered_at,"
            " complete = excluded.complete, complete_to = excluded.complete_to,"
            " segments = excluded.segments, bytes = excluded.bytes, digest = excluded.digest,"
            " gone = excluded.gone, gaps = excluded.gaps"
            " WHERE holds.answered_at IS NULL OR holds.answered_at <= excluded.answered_at",
            answer.hold,
            answer.cause,
            at,
            answer.complete,
            answer.complete_to,
            answer.segments,
            answer.bytes,
            answer.digest,
            _dump(answer.gone),
            _dump(answer.gaps),
        )

    async def released(self, hold: str, effective_at: datetime, at: datetime) -> None:
        """A signed release was issued; what was said later stays."""
        await self._conn.execute(
            "UPDATE holds SET released_at = $2, said_at = $3"
            " WHERE id = $1 AND (said_at IS NULL OR said_at <= $3)",
            hold,
            effective_at,
            at,
        )

    async def release_waits(self, cause: str, now: datetime) -> bool:
        """Whether a release of what an application or extension holds has still to take effect."""
        query = "SELECT count(*) FROM holds WHERE application = $1 AND released_at > $2"
        return bool(await self._conn.fetchval(query, cause, now))

    async def lapsed(self, hold: str, at: datetime) -> None:
        """It reached its end date."""
        await self._conn.execute("UPDATE holds SET lapsed_at = $2 WHERE id = $1", hold, at)

    async def of(self, application: str) -> list[HeldSpan]:
        """The holds of an application or extension."""
        rows = await self._conn.fetch(
            "SELECT * FROM holds WHERE application = $1 ORDER BY camera, start_at, id", application
        )
        return [_held(row) for row in rows]


class ExportsTable:
    """Written from what the exporter says."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def ready(self, export: ExportReady, at: datetime) -> None:
        """The footage part is in the store."""
        await self._conn.execute(
            "INSERT INTO exports (application, bucket, folder, files, gaps, sources, manifest, ready_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (application) DO UPDATE SET"
            " bucket = excluded.bucket, folder = excluded.folder, files = excluded.files,"
            " gaps = excluded.gaps, sources = excluded.sources, manifest = excluded.manifest,"
            " ready_at = excluded.ready_at, problem = NULL, problem_at = NULL",
            export.application,
            export.bucket,
            export.folder,
            json.dumps([f.model_dump(mode="json") for f in export.files]),
            _dump(export.gaps),
            list(export.sources),
            export.manifest,
            at,
        )

    async def failed(self, application: str, problem: str, at: datetime) -> None:
        """The exporter could not make it; kept until it could."""
        await self._conn.execute(
            "INSERT INTO exports (application, problem, problem_at) VALUES ($1, $2, $3)"
            " ON CONFLICT (application) DO UPDATE SET problem = excluded.problem,"
            " problem_at = excluded.problem_at WHERE exports.ready_at IS NULL",
            application,
            problem,
            at,
        )

    async def asked_again(self, application: str) -> None:
        """The exporter tries once more: what it said last is over."""
        await self._conn.execute(
            "UPDATE exports SET problem = NULL, problem_at = NULL WHERE application = $1", application
        )

    async def of(self, application: str) -> Export | None:
        """The export of an application."""
        row = await self._conn.fetchrow("SELECT * FROM exports WHERE application = $1", application)
        if row is None:
            return None
        return Export(
            bucket=row["bucket"] or "",
            folder=row["folder"] or "",
            files=tuple(PackagedFile.model_validate(f) for f in json.loads(row["files"])),
            gaps=_load(row["gaps"]),
            sources=tuple(row["sources"]),
            ready_at=row["ready_at"],
            problem=row["problem"],
        )


def _dump(spans: Sequence[CameraSpan]) -> str:
    return json.dumps([span.model_dump(mode="json") for span in spans])


def _load(text: str) -> tuple[CameraSpan, ...]:
    return tuple(CameraSpan.model_validate(span) for span in json.loads(text))


def _held(row: asyncpg.Record) -> HeldSpan:
    return HeldSpan(
        id=row["id"],
        camera=row["camera"],
        start=row["start_at"],
        end=row["end_at"],
        until=row["until"],
        state=HoldState.of(
            answered=row["answered_at"] is not None,
            complete=bool(row["complete"]),
            anything_gone=row["gone"] != "[]",
            over=row["lapsed_at"] is not None,
        ),
        segments=row["segments"],
        complete_to=row["complete_to"],
        gone=_load(row["gone"]),
        gaps=_load(row["gaps"]),
        released_at=row["released_at"],
    )
