"""Applications and the signatures under their forms."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from reelwarden_access.district.desk.application import (
    OPEN,
    Application,
    Capacity,
    Declaration,
    Outsider,
    Signature,
    Status,
)
from reelwarden_access.district.desk.wanted import Wanted
from reelwarden_common.events.access import Manner
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.web.refusals import Missing


class ApplicationsTable:
    """Loads applications as the rules see them, and writes what was decided."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def next_number(self, school: str, year: int) -> str:
        """The next number of a school's year, without holes: `s001-2026-0001`."""
        last = await self._conn.fetchval(
            "INSERT INTO numbers (school, year, last) VALUES ($1, $2, 1)"
            " ON CONFLICT (school, year) DO UPDATE SET last = numbers.last + 1 RETURNING last",
            school,
            year,
        )
        return f"{school}-{year}-{last:04d}"

    async def add(self, application: Application, form: dict[str, Any], filed_at: datetime) -> None:
        """Keep a new application."""
        await self._conn.execute(
            "INSERT INTO applications (id, number, school, status, version, manner, cameras, start_at,"
            " end_at, filer, outsider, concerns_leader, form, form_digest, filed_at, decide_by, urgent)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            application.id,
            application.number,
            application.school,
            application.status,
            application.version,
            application.manner,
            list(application.cameras),
            application.start,
            application.end,
            application.filer,
            application.outsider,
            application.concerns_leader,
            json.dumps(form, ensure_ascii=False),
            application.form_digest,
            filed_at,
            application.decide_by,
            application.urgent,
        )

    async def load(self, application: str, *, lock: bool = False) -> Application:
        """One application; with `lock`, nobody else changes it until this unit of work ends.

        Raises:
            Missing: there is none.
        """
        query = "SELECT * FROM applications WHERE id = $1"
        row = await self._conn.fetchrow(query + (" FOR UPDATE" if lock else ""), application)
        if row is None:
            raise Missing
        signed = await self.signatures(application, "application")
        return application_of(row, signed, (await self._conflicted([application])).get(application, ()))

    async def _conflicted(self, applications: Collection[str]) -> dict[str, list[str]]:
        """Who declared an interest of their own in which of these."""
        rows = await self._conn.fetch(
            "SELECT application, actor FROM conflicts WHERE application = ANY($1)", list(applications)
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["application"], []).append(row["actor"])
        return found

    async def declare_conflict(self, application: str, actor: str, at: datetime) -> None:
        """Somebody has an interest of their own in the matter."""
        await self._conn.execute(
            "INSERT INTO conflicts (application, actor, declared_at) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING",
            application,
            actor,
            at,
        )

    async def known(self, application: str) -> bool:
        """Whether it is one of ours."""
        return bool(await self._conn.fetchval("SELECT true FROM applications WHERE id = $1", application))

    async def school_of(self, application: str) -> str | None:
        """The school of an application."""
        found = await self._conn.fetchval("SELECT school FROM applications WHERE id = $1", application)
        return str(found) if found else None

    async def row(self, application: str) -> dict[str, Any]:
        """All columns, the form decoded: for showing."""
        row = await self._conn.fetchrow("SELECT * FROM applications WHERE id = $1", application)
        if row is None:
            raise Missing
        return dict(row) | {"form": json.loads(row["form"])}

    async def listed(
        self,
        *,
        filer: str | None,
        schools: Collection[str] | None,
        statuses: Collection[Status],
        wanted: Wanted,
    ) -> list[Application]:
        """The newest applications of a filer, or of some schools (None: of all), as far as wanted."""
        rows = await self._conn.fetch(
            "SELECT * FROM applications WHERE ($1::text IS NULL OR filer = $1)"
            " AND ($2::text[] IS NULL OR school = ANY($2)) AND status = ANY($3)"
            " AND ($4::text IS NULL OR school = $4) AND ($5::timestamptz IS NULL OR filed_at >= $5)"
            " AND ($6::timestamptz IS NULL OR filed_at < $6) AND strpos(lower(number), lower($7)) > 0"
            " ORDER BY urgent AND status = 'filed' DESC, filed_at DESC, id LIMIT $8 OFFSET $9",
            filer,
            None if schools is None else list(schools),
            wanted.statuses(statuses),
            wanted.school,
            wanted.since,
            wanted.until,
            wanted.number,
            wanted.most,
            wanted.skip,
        )
        signed = await self._conn.fetch(
            "SELECT * FROM signatures WHERE application = ANY($1) AND form = 'application'",
            [row["id"] for row in rows],
        )
        by_application: dict[str, list[Signature]] = {}
        for one in signed:
            by_application.setdefault(one["application"], []).append(signature_of(one))
        interested = await self._conflicted([row["id"] for row in rows])
        return [
            application_of(row, by_application.get(row["id"], []), interested.get(row["id"], ()))
            for row in rows
        ]

    async def count_open(self, filer: str) -> int:
        """How many applications of a person are not over."""
        return int(
            await self._conn.fetchval(
                "SELECT count(*) FROM applications"
                " WHERE filer = $1 AND outsider IS NULL AND status = ANY($2)",
                filer,
                [str(s) for s in OPEN],
            )
        )

    async def may_lapse(self, now: datetime) -> list[Application]:
        """Applications past a deadline, locked; those that another replica works on are left out."""
        rows = await self._conn.fetch(
            "SELECT * FROM applications WHERE (status = 'filed' AND decide_by < $1)"
            " OR (status IN ('approved', 'ready') AND valid_until < $1)"
            " ORDER BY filed_at LIMIT 50 FOR UPDATE SKIP LOCKED",
            now,
        )
        return [application_of(row, []) for row in rows]

    async def update(self, application: str, **changes: Any) -> None:  # noqa: ANN401 - columns' values
        """Write columns; names come from code, never from a request."""
        names = list(changes)
        assignments = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, start=2))
        await self._conn.execute(
            f"UPDATE applications SET {assignments} WHERE id = $1",  # noqa: S608 - names come from code
            application,
            *changes.values(),
        )

    async def sign(self, application: str, one: Signature) -> None:
        """Put a signature under a form."""
        await self._conn.execute(
            "INSERT INTO signatures (application, form, capacity, signer, name, unit, role, opinion,"
            " on_behalf_of, digest, signed_at, own_key, principal)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            application,
            one.form,
            one.capacity,
            one.signer,
            one.name,
            one.unit,
            one.role,
            one.opinion,
            one.on_behalf_of,
            one.digest,
            one.signed_at,
            json.dumps(one.own_key) if one.own_key else None,
            one.principal,
        )

    async def signatures(self, application: str, form: str) -> list[Signature]:
        """All signatures under a form, in order."""
        rows = await self._conn.fetch(
            "SELECT * FROM signatures WHERE application = $1 AND form = $2 ORDER BY signed_at, signer",
            application,
            form,
        )
        return [signature_of(row) for row in rows]


def application_of(
    row: asyncpg.Record, signatures: Sequence[Signature], conflicted: Collection[str] = ()
) -> Application:
    """An application as the rules see it."""
    applicant = json.loads(row["form"])["applicant"]
    return Application(
        id=row["id"],
        number=row["number"],
        school=row["school"],
        status=Status(row["status"]),
        version=row["version"],
        manner=Manner(row["manner"]),
        cameras=tuple(row["cameras"]),
        start=row["start_at"],
        end=row["end_at"],
        filer=row["filer"],
        outsider=Outsider(row["outsider"]) if row["outsider"] else None,
        concerns_leader=row["concerns_leader"],
        applicant_name=applicant["name"],
        form_digest=row["form_digest"],
        decide_by=row["decide_by"],
        valid_until=row["valid_until"],
        use_by=row["use_by"],
        declaration=Declaration(row["declaration"]) if row["declaration"] else None,
        approvals=tuple(s for s in signatures if s.capacity is Capacity.APPROVER),
        opinions=tuple(s for s in signatures if s.capacity is Capacity.DEPARTMENT),
        conflicted=frozenset(conflicted),
        urgent=row["urgent"],
        unit=applicant["unit"],
    )


def signature_of(row: asyncpg.Record) -> Signature:
    """A signature as it was kept, the signer as of that moment."""
    return Signature(
        form=row["form"],
        capacity=Capacity(row["capacity"]),
        signer=row["signer"],
        name=row["name"],
        unit=row["unit"],
        role=row["role"],
        digest=row["digest"],
        signed_at=row["signed_at"],
        opinion=row["opinion"],
        on_behalf_of=row["on_behalf_of"],
        principal=row["principal"],
        own_key=json.loads(row["own_key"]) if row["own_key"] else None,
    )
