"""Supervisions, viewings, releases, records: what happened with the footage (R4.3)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from reelwarden_access.district.desk.application import Supervision
from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class Viewing:
    """Footage opened by a retriever under a supervision."""

    id: str
    application: str
    supervision: str
    retriever: str
    name: str
    """The retriever's."""
    started_at: datetime
    stopped_at: datetime | None
    supervised_until: datetime | None
    """By when its supervision ends by itself; None: it was closed."""


@dataclass(frozen=True)
class Release:
    """A copy on its way out, or out."""

    application: str
    claim: str
    claimed_at: datetime
    retriever: str
    supervision: str
    recipient: str
    medium: str
    digest: str | None
    size: int | None
    released_at: datetime | None
    handed_over_at: datetime | None
    manifest: str | None = None
    """SHA-256 of the package's manifest."""


@dataclass(frozen=True)
class Record:
    """The retrieval record form."""

    application: str
    form: dict[str, Any]
    digest: str
    retriever: str
    supervisor: str
    filled_at: datetime
    complete_at: datetime | None


class RetrievalsTable:
    """Written under the lock of the application concerned."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def open_supervision(
        self, supervision: Supervision, application: str, present: list[str], at: datetime
    ) -> None:
        """The safety department is there."""
        await self._conn.execute(
            "INSERT INTO supervisions (id, application, supervisor, name, unit, present, opened_at, until)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            supervision.id,
            application,
            supervision.supervisor,
            supervision.name,
            supervision.unit,
            present,
            at,
            supervision.until,
        )

    async def supervision(self, application: str, now: datetime) -> Supervision | None:
        """The open supervision of an application; one whose time is over is none."""
        found = await self.unclosed_supervision(application)
        return found if found is not None and now < found.until else None

    async def unclosed_supervision(self, application: str) -> Supervision | None:
        """A supervision that nobody has closed, be its time over or not."""
        row = await self._conn.fetchrow(
            "SELECT * FROM supervisions WHERE application = $1 AND closed_at IS NULL", application
        )
        return _supervision(row) if row else None

    async def supervision_by_id(self, supervision: str) -> Supervision:
        """A supervision, open or not."""
        row = await self._conn.fetchrow("SELECT * FROM supervisions WHERE id = $1", supervision)
        assert row is not None  # noqa: S101 - a foreign key leads here
        return _supervision(row)

    async def supervisions(self, application: str) -> list[dict[str, Any]]:
        """All supervisions of an application, for showing."""
        rows = await self._conn.fetch(
            "SELECT * FROM supervisions WHERE application = $1 ORDER BY opened_at", application
        )
        return [dict(row) for row in rows]

    async def supervisions_over(self, now: datetime) -> list[tuple[str, Supervision]]:
        """Open beyond their time, with their applications; what another replica closes is left out."""
        rows = await self._conn.fetch(
            "SELECT * FROM supervisions WHERE closed_at IS NULL AND until <= $1"
            " LIMIT 50 FOR UPDATE SKIP LOCKED",
            now,
        )
        return [(row["application"], _supervision(row)) for row in rows]

    async def supervisions_by(self, supervisor: str) -> list[tuple[str, Supervision]]:
        """Open ones of a supervisor, with their applications."""
        rows = await self._conn.fetch(
            "SELECT * FROM supervisions WHERE closed_at IS NULL AND supervisor = $1 FOR UPDATE", supervisor
        )
        return [(row["application"], _supervision(row)) for row in rows]

    async def close_supervision(self, supervision: str, reason: str, at: datetime) -> None:
        """The supervisor leaves, or the time is over."""
        query = "UPDATE supervisions SET closed_at = $2, ended_because = $3 WHERE id = $1"
        await self._conn.execute(query, supervision, at, reason)

    async def start_viewing(self, viewing: Viewing, unit: str) -> None:
        """Footage is opened."""
        await self._conn.execute(
            "INSERT INTO viewings (id, application, supervision, retriever, name, unit, started_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            viewing.id,
            viewing.application,
            viewing.supervision,
            viewing.retriever,
            viewing.name,
            unit,
            viewing.started_at,
        )

    async def viewing(self, viewing: str) -> Viewing | None:
        """A viewing."""
        row = await self._conn.fetchrow(_VIEWING + " WHERE v.id = $1", viewing)
        return _viewing(row) if row else None

    async def open_viewings(self, application: str) -> list[Viewing]:
        """The viewings that were not stopped."""
        rows = await self._conn.fetch(
            _VIEWING + " WHERE v.application = $1 AND v.stopped_at IS NULL", application
        )
        return [_viewing(row) for row in rows]

    async def viewings(self, application: str) -> list[dict[str, Any]]:
        """All viewings of an application with what was watched, for showing."""
        rows = await self._conn.fetch(
            "SELECT v.*, coalesce(sum(w.requests), 0)::bigint AS requests,"
            " coalesce(sum(w.bytes), 0)::bigint AS bytes FROM viewings v"
            " LEFT JOIN viewed w ON w.viewing = v.id WHERE v.application = $1"
            " GROUP BY v.id ORDER BY v.started_at",
            application,
        )
        return [dict(row) for row in rows]

    async def stop_viewing(self, viewing: str, by: str, reason: str, at: datetime) -> None:
        """Footage is closed."""
        await self._conn.execute(
            "UPDATE viewings SET stopped_at = $4, stopped_by = $2, reason = $3 WHERE id = $1",
            viewing,
            by,
            reason,
            at,
        )

    async def count(self, viewing: str, file: str, size: int, at: datetime) -> None:
        """Some bytes of a file were watched."""
        await self._conn.execute(
            "INSERT INTO viewed (viewing, file, requests, bytes, first_at, last_at)"
            " VALUES ($1, $2, 1, $3, $4, $4) ON CONFLICT (viewing, file)"
            " DO UPDATE SET requests = viewed.requests + 1,"
            " bytes = viewed.bytes + excluded.bytes, last_at = excluded.last_at",
            viewing,
            file,
            size,
            at,
        )

    async def retrievers(self, application: str) -> set[str]:
        """Whoever viewed or released it."""
        rows = await self._conn.fetch(
            "SELECT retriever FROM viewings WHERE application = $1 UNION"
            " SELECT retriever FROM releases WHERE application = $1",
            application,
        )
        return {row["retriever"] for row in rows}

    async def claim_release(self, release: Release, stale_before: datetime) -> bool:
        """Begin to build a package; False while another does (and is not stale), or once it left."""
        taken = await self._conn.fetchval(
            "INSERT INTO releases (application, claim, claimed_at, retriever, supervision, recipient, medium)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (application) DO UPDATE SET"
            " claim = excluded.claim, claimed_at = excluded.claimed_at, retriever = excluded.retriever,"
            " supervision = excluded.supervision, recipient = excluded.recipient, medium = excluded.medium"
            " WHERE releases.released_at IS NULL AND releases.claimed_at < $8 RETURNING true",
            release.application,
            release.claim,
            release.claimed_at,
            release.retriever,
            release.supervision,
            release.recipient,
            release.medium,
            stale_before,
        )
        return bool(taken)

    async def give_up_release(self, application: str, claim: str) -> None:
        """The package could not be built: the copy has not left."""
        await self._conn.execute(
            "DELETE FROM releases WHERE application = $1 AND claim = $2 AND released_at IS NULL",
            application,
            claim,
        )

    async def released(
        self, application: str, claim: str, package: tuple[str, int, str], at: datetime
    ) -> bool:
        """The package, as digest, size and manifest, leaves; False if somebody else's did meanwhile."""
        done = await self._conn.fetchval(
            "UPDATE releases SET digest = $3, size = $4, manifest = $5, released_at = $6"
            " WHERE application = $1 AND claim = $2 AND released_at IS NULL RETURNING true",
            application,
            claim,
            *package,
            at,
        )
        return bool(done)

    async def signed_with(self, key: str, now: datetime) -> str | None:
        """Note the key that signed a package; the one that it took the place of, if it did."""
        before = await self._conn.fetchval("SELECT key FROM package_keys ORDER BY since DESC LIMIT 1")
        if before == key:
            return None
        await self._conn.execute("INSERT INTO package_keys VALUES ($1, $2) ON CONFLICT DO NOTHING", now, key)
        return str(before) if before else None

    async def release(self, application: str) -> Release | None:
        """The release of an application."""
        row = await self._conn.fetchrow("SELECT * FROM releases WHERE application = $1", application)
        return Release(**row) if row else None

    async def waiting(self) -> list[Release]:
        """Packages that were released and not taken yet, of applications that are not over."""
        rows = await self._conn.fetch(
            "SELECT r.* FROM releases r JOIN applications a ON a.id = r.application"
            " WHERE r.released_at IS NOT NULL AND r.handed_over_at IS NULL AND a.ended_at IS NULL"
        )
        return [Release(**row) for row in rows]

    async def handed_over(self, application: str, at: datetime) -> bool:
        """The last bytes of the package leave now; False if they did before."""
        fresh = await self._conn.fetchval(
            "UPDATE releases SET handed_over_at = $2 WHERE application = $1 AND handed_over_at IS NULL"
            " RETURNING true",
            application,
            at,
        )
        return bool(fresh)

    async def fill_record(self, record: Record) -> None:
        """Keep the record form, in place of one that nobody has signed."""
        await self._conn.execute(
            "INSERT INTO records (application, form, digest, retriever, supervisor, filled_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (application) DO UPDATE SET form = excluded.form,"
            " digest = excluded.digest, retriever = excluded.retriever, supervisor = excluded.supervisor,"
            " filled_at = excluded.filled_at",
            record.application,
            json.dumps(record.form, ensure_ascii=False),
            record.digest,
            record.retriever,
            record.supervisor,
            record.filled_at,
        )

    async def record(self, application: str) -> Record | None:
        """The record form of an application."""
        row = await self._conn.fetchrow("SELECT * FROM records WHERE application = $1", application)
        return Record(**{**row, "form": json.loads(row["form"])}) if row else None

    async def complete_record(self, application: str, at: datetime) -> None:
        """The last signature is there."""
        await self._conn.execute(
            "UPDATE records SET complete_at = $2 WHERE application = $1", application, at
        )


_VIEWING = (
    "SELECT v.*, CASE WHEN s.closed_at IS NULL THEN s.until END AS supervised_until FROM viewings v"
    " JOIN supervisions s ON s.id = v.supervision"
)


def _viewing(row: asyncpg.Record) -> Viewing:
    return Viewing(
        row["id"],
        row["application"],
        row["supervision"],
        row["retriever"],
        row["name"],
        row["started_at"],
        row["stopped_at"],
        row["supervised_until"],
    )


def _supervision(row: asyncpg.Record) -> Supervision:
    return Supervision(
        row["id"], row["supervisor"], row["name"], row["unit"], tuple(row["present"]), row["until"]
    )
