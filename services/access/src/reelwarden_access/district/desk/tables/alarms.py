"""Refused attempts, stopped sweeps, lost segments: what somebody must look at."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from reelwarden_common.events.access import AccessDenied
from reelwarden_common.events.ingest import LostSegment
from reelwarden_common.events.retention import SweepStopped
from reelwarden_common.messaging.postgres import Connection

_MAX_LISTED = 200


class AlarmsTable:
    """Three short lists."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def denied(self, school: str, denied: AccessDenied, code: str, at: datetime) -> None:
        """Somebody was refused (R3.3)."""
        await self._conn.execute(
            "INSERT INTO denials (at, actor, school, act, code, rule, application, slip)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            at,
            denied.actor,
            school,
            denied.act,
            code,
            denied.rule,
            denied.application,
            denied.slip,
        )

    async def refusals(self, actor: str, code: str, since: datetime) -> int:
        """How often somebody was refused for the same reason since a moment."""
        found = await self._conn.fetchval(
            "SELECT count(*) FROM denials WHERE actor = $1 AND code = $2 AND at > $3", actor, code, since
        )
        return int(found)

    async def denials(self, schools: Collection[str] | None) -> list[dict[str, Any]]:
        """The newest refusals at some schools (None: everywhere), with the account."""
        rows = await self._conn.fetch(
            "SELECT d.*, p.account, a.number FROM denials d JOIN people p USING (actor)"
            " LEFT JOIN applications a ON a.id = d.application"
            " WHERE $1::text[] IS NULL OR d.school = ANY($1) ORDER BY d.id DESC LIMIT $2",
            None if schools is None else list(schools),
            _MAX_LISTED,
        )
        return [dict(row) for row in rows]

    async def sweep_stopped(self, school: str, sweep: SweepStopped, at: datetime) -> None:
        """The brake stopped a sweep."""
        await self._conn.execute(
            "INSERT INTO sweeps (school, id, reason, segments, bytes, oldest, newest, stopped_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            school,
            sweep.sweep,
            sweep.reason,
            sweep.segments,
            sweep.bytes,
            sweep.oldest,
            sweep.newest,
            at,
        )

    async def sweeps(self) -> list[dict[str, Any]]:
        """Stopped sweeps, unconfirmed ones first."""
        rows = await self._conn.fetch(
            "SELECT * FROM sweeps ORDER BY confirmed_at IS NOT NULL, stopped_at DESC LIMIT $1", _MAX_LISTED
        )
        return [dict(row) for row in rows]

    async def sweep(self, sweep: str) -> dict[str, Any] | None:
        """One stopped sweep."""
        row = await self._conn.fetchrow("SELECT * FROM sweeps WHERE id = $1", sweep)
        return dict(row) if row else None

    async def sweep_school(self, sweep: str) -> str | None:
        """The school whose sweep it is."""
        found = await self._conn.fetchval("SELECT school FROM sweeps WHERE id = $1", sweep)
        return str(found) if found else None

    async def confirm_sweep(self, school: str, sweep: str, actor: str, at: datetime) -> bool:
        """Let it go on; False if it was let go on before."""
        done = await self._conn.fetchval(
            "UPDATE sweeps SET confirmed_at = $4, confirmed_by = $3"
            " WHERE school = $1 AND id = $2 AND confirmed_at IS NULL RETURNING true",
            school,
            sweep,
            actor,
            at,
        )
        return bool(done)

    async def lost(self, school: str, segments: Sequence[LostSegment], at: datetime) -> None:
        """Segments vanished before they were due; one that is lost again after a restore counts anew."""
        await self._conn.executemany(
            "INSERT INTO lost (school, segment, camera, start_at, end_at, noticed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (school, segment) DO UPDATE SET"
            " noticed_at = excluded.noticed_at, asked_at = NULL, asked_by = NULL, restored_at = NULL"
            " WHERE lost.restored_at < excluded.noticed_at",
            [(school, s.id, s.camera, s.start, s.end, at) for s in segments],
        )

    async def lost_segments(self, schools: Collection[str] | None) -> list[dict[str, Any]]:
        """What is or was lost at some schools (None: everywhere), open ones first."""
        rows = await self._conn.fetch(
            "SELECT * FROM lost WHERE $1::text[] IS NULL OR school = ANY($1)"
            " ORDER BY restored_at IS NOT NULL OR erased_at IS NOT NULL, noticed_at DESC LIMIT $2",
            None if schools is None else list(schools),
            _MAX_LISTED,
        )
        return [dict(row) for row in rows]

    async def lost_school(self, segment: str) -> str | None:
        """The school that lost a segment."""
        found = await self._conn.fetchval("SELECT school FROM lost WHERE segment = $1", segment)
        return str(found) if found else None

    async def ask_restore(self, segment: str, actor: str, at: datetime) -> bool:
        """Ask for it from the backup; False if there is nothing to restore. May be asked again."""
        done = await self._conn.fetchval(
            "UPDATE lost SET asked_at = $3, asked_by = $2 WHERE segment = $1 AND restored_at IS NULL"
            " AND erased_at IS NULL RETURNING true",
            segment,
            actor,
            at,
        )
        return bool(done)

    async def restored(self, school: str, segment: str, at: datetime) -> None:
        """It is back on the disk."""
        await self._conn.execute(
            "UPDATE lost SET restored_at = $3 WHERE school = $1 AND segment = $2", school, segment, at
        )

    async def erased(self, school: str, segments: Sequence[str], at: datetime) -> None:
        """It was due and is gone for good: nothing to restore any more."""
        await self._conn.execute(
            "UPDATE lost SET erased_at = $3 WHERE school = $1 AND segment = ANY($2)",
            school,
            list(segments),
            at,
        )
