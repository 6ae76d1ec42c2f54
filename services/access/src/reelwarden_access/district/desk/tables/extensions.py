"""Extensions of retention and the signatures under their steps (R3.1)."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from reelwarden_access.district.desk.application import Signature
from reelwarden_access.district.desk.extension import Extension, ExtensionStatus
from reelwarden_access.district.desk.tables.applications import signature_of
from reelwarden_common.events.retention import HoldSource
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.web.refusals import Missing

_MAX_LISTED = 200


@dataclass(frozen=True)
class SignedStep:
    """One signed step: which, by whom, and until when it has the footage kept."""

    version: int
    signature: Signature
    until: datetime | None


class ExtensionsTable:
    """Loads extensions as the rules see them, and writes what was decided."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(self, extension: Extension, form: dict[str, Any], filed_at: datetime) -> None:
        """Keep a new one."""
        await self._conn.execute(
            "INSERT INTO extensions (id, number, school, source, status, version, cameras, start_at, end_at,"
            " until, filer, form, form_digest, filed_at, decide_by)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            extension.id,
            extension.number,
            extension.school,
            extension.source.value,
            extension.status.value,
            extension.version,
            list(extension.cameras),
            extension.start,
            extension.end,
            extension.until,
            extension.filer,
            json.dumps(form, ensure_ascii=False),
            extension.form_digest,
            filed_at,
            extension.decide_by,
        )

    async def load(self, extension: str, *, lock: bool = False) -> Extension:
        """One extension; with `lock`, nobody else changes it until this unit of work ends.

        Raises:
            Missing: there is none.
        """
        query = "SELECT * FROM extensions WHERE id = $1"
        row = await self._conn.fetchrow(query + (" FOR UPDATE" if lock else ""), extension)
        if row is None:
            raise Missing
        return _extension(row)

    async def school_of(self, extension: str) -> str | None:
        """The school of an extension."""
        found = await self._conn.fetchval("SELECT school FROM extensions WHERE id = $1", extension)
        return str(found) if found else None

    async def form(self, extension: str) -> tuple[dict[str, Any], datetime]:
        """What was signed, and when it was filed."""
        row = await self._conn.fetchrow("SELECT form, filed_at FROM extensions WHERE id = $1", extension)
        if row is None:
            raise Missing
        return json.loads(row["form"]), row["filed_at"]

    async def listed(self, *, filer: str, schools: Collection[str]) -> list[Extension]:
        """The newest of a filer and of some schools; what ends soonest comes first among what stands."""
        rows = await self._conn.fetch(
            "SELECT * FROM extensions WHERE filer = $1 OR school = ANY($2)"
            " ORDER BY status IN ('ended', 'over'), until, filed_at DESC LIMIT $3",
            filer,
            list(schools),
            _MAX_LISTED,
        )
        return [_extension(row) for row in rows]

    async def may_end(self, now: datetime) -> list[Extension]:
        """Past a date, locked; those that another replica works on are left out."""
        rows = await self._conn.fetch(
            "SELECT * FROM extensions WHERE (status = 'filed' AND least(decide_by, until) < $1)"
            " OR (status = 'granted' AND until <= $1) ORDER BY until LIMIT 50 FOR UPDATE SKIP LOCKED",
            now,
        )
        return [_extension(row) for row in rows]

    async def change(
        self,
        extension: Extension,
        status: ExtensionStatus,
        *,
        until: datetime | None = None,
        outcome: str | None = None,
        version: int | None = None,
    ) -> None:
        """What a step made of it; `version` where the step is told on the bus."""
        await self._conn.execute(
            "UPDATE extensions SET status = $2, until = $3, outcome = $4, version = $5 WHERE id = $1",
            extension.id,
            status.value,
            until or extension.until,
            outcome or extension.outcome,
            version or extension.version,
        )

    async def reopen(
        self, extension: Extension, status: ExtensionStatus, version: int, decide_by: datetime
    ) -> None:
        """Its release was stopped: it stands again as `status`."""
        await self._conn.execute(
            "UPDATE extensions SET status = $2, version = $3, decide_by = $4, outcome = NULL WHERE id = $1",
            extension.id,
            status.value,
            version,
            decide_by,
        )

    async def sign(self, extension: str, step: SignedStep) -> None:
        """Put a signature under a step."""
        one = step.signature
        await self._conn.execute(
            "INSERT INTO extension_signatures (extension, version, capacity, signer, name, unit, role,"
            " opinion, digest, until, signed_at, own_key)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            extension,
            step.version,
            one.capacity.value,
            one.signer,
            one.name,
            one.unit,
            one.role,
            one.opinion,
            one.digest,
            step.until,
            one.signed_at,
            json.dumps(one.own_key) if one.own_key else None,
        )

    async def signatures(self, extension: str) -> list[SignedStep]:
        """All signatures, in order."""
        rows = await self._conn.fetch(
            "SELECT *, 'extension' AS form, NULL AS on_behalf_of, NULL AS principal FROM extension_signatures"
            " WHERE extension = $1 ORDER BY version",
            extension,
        )
        return [SignedStep(row["version"], signature_of(row), row["until"]) for row in rows]


def _extension(row: asyncpg.Record) -> Extension:
    return Extension(
        id=row["id"],
        number=row["number"],
        school=row["school"],
        source=HoldSource(row["source"]),
        status=ExtensionStatus(row["status"]),
        version=row["version"],
        cameras=tuple(row["cameras"]),
        start=row["start_at"],
        end=row["end_at"],
        until=row["until"],
        filer=row["filer"],
        form_digest=row["form_digest"],
        decide_by=row["decide_by"],
        outcome=row["outcome"],
    )
