"""Signing (R5.1): whoever signs proves anew who they are, and signs exactly what was shown."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from pydantic import Json

from reelwarden_common.district import PersonRole
from reelwarden_common.events.report import ReportSigned
from reelwarden_common.web import N_, Denied, Person, Text, Wrong
from reelwarden_common.web.signing.statement import key_fingerprint
from reelwarden_report.district.inspector.shapes import ReportView, Shape
from reelwarden_report.district.inspector.store import InspectorStore

SIGNERS = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
"""The safety department signs (R5.1)."""
READERS = (PersonRole.LEADER, PersonRole.DISTRICT_OFFICER, PersonRole.AUDITOR)
"""To whom a signed report is delivered: leaders and departments."""


class Signature(Shape):
    """Who signed a report, in which role, over which PDF."""

    name: str
    role: str
    digest: str
    at: datetime
    own_key: Json[dict[str, Any]] | None = None
    """What the signer's own key signed; None: the password was given again."""


class Reading(Shape):
    """Somebody acknowledged having read it."""

    person: str
    name: str
    role: str
    at: datetime


@dataclass(frozen=True)
class Signed:
    """What became of a report after it was written."""

    signature: Signature | None
    readings: tuple[Reading, ...]

    def read_by(self, person: Person) -> bool:
        """Whether somebody has acknowledged it."""
        return any(one.person == person.id for one in self.readings)


def _role_at(person: Person, school: str, roles: tuple[PersonRole, ...]) -> str:
    """The role in which somebody acts; kept with the act, for they may lose it later."""
    found = next((role for role in person.roles_at(school) if role in roles), None)
    if found is None:
        raise Denied("no_right", Text(N_("Your account has no right to this.")), "R5.1")
    return found.value


async def sign_report(
    store: InspectorStore, person: Person, report: ReportView, own_key: dict[str, Any] | None
) -> None:
    """Sign once, over what was shown; that delivers it.

    Raises:
        Denied: not of the safety department.
        Wrong: it was signed before.
    """
    role = _role_at(person, report.school, SIGNERS)
    fresh = await store.conn.fetchval(
        "INSERT INTO report_signature VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
        " RETURNING true",
        report.report,
        person.id,
        person.name,
        role,
        report.digest,
        store.clock(),
        json.dumps(own_key) if own_key else None,
    )
    if not fresh:
        raise Wrong("signed_before", Text(N_("It is signed already.")), "R5.1", 409)
    event = ReportSigned(report=report.report, number=report.number, kind=report.kind, digest=report.digest)
    store.publish(report.school, event)


async def acknowledge_report(store: InspectorStore, person: Person, report: ReportView) -> None:
    """A leader or a department says that they have read it; once is enough.

    Raises:
        Denied: it was not delivered to them.
        Wrong: it is not signed yet.
    """
    role = _role_at(person, report.school, READERS)
    if not await store.conn.fetchval("SELECT true FROM report_signature WHERE report = $1", report.report):
        raise Wrong("not_signed", Text(N_("It is not signed yet, so it was not delivered.")), "R5.1", 409)
    await store.conn.execute(
        "INSERT INTO report_reading VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        report.report,
        person.id,
        person.name,
        role,
        store.clock(),
    )


async def signed(pool: asyncpg.Pool, report: str) -> Signed:
    """Signature and readings of one report."""
    row = await pool.fetchrow("SELECT * FROM report_signature WHERE report = $1", report)
    rows = await pool.fetch("SELECT * FROM report_reading WHERE report = $1 ORDER BY at", report)
    return Signed(
        Signature.model_validate(dict(row)) if row else None,
        tuple(Reading.model_validate(dict(one)) for one in rows),
    )


def means(own_key: dict[str, Any] | None) -> Text:
    """By what somebody signed, as it is printed."""
    if own_key is None:
        return Text(N_("by giving the password again"))
    return Text(N_("with a key of their own, %(key)s"), key=key_fingerprint(own_key["key"])[:16])
