"""Violations that the facts show by themselves (R5.2): looked for now and then, recorded once each."""

import json
from datetime import datetime

from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.violation_rules import (
    PAIR_WITHIN,
    RECORD_WITHIN,
    Decided,
    in_two_roles,
    quarter_of,
    repeated_pairs,
)

_UNRECORDED = """
SELECT application, min(at) AS since FROM application_step s
WHERE school = $1 AND step IN ('viewing-stopped', 'copy-released') AND NOT EXISTS (
    SELECT FROM application_step r WHERE r.school = s.school AND r.application = s.application
        AND r.step = 'record-signed' AND (r.facts->>'complete')::boolean)
GROUP BY application HAVING min(at) < $2
"""
_STEPS = """
SELECT application, step, facts, at FROM application_step
WHERE school = $1 AND at > $2 AND step IN
    ('filed', 'approved', 'viewing-started', 'copy-released', 'parts-combined')
"""


async def detect(store: InspectorStore, school: str) -> None:
    """Overdue record forms, the same two people again and again, one person in two roles."""
    now = store.clock()
    await _records(store, school, now)
    await _people(store, school, now)


async def _records(store: InspectorStore, school: str, now: datetime) -> None:
    """Shown or handed over, and no record form that all have signed (R4.3)."""
    for row in await store.conn.fetch(_UNRECORDED, school, now - RECORD_WITHIN):
        application = row["application"]
        await store.violate(school, "record-overdue", application, "R4.3", application=application)


async def _people(store: InspectorStore, school: str, now: datetime) -> None:
    applicants: dict[str, str] = {}
    approvers: dict[str, tuple[list[str], datetime]] = {}
    others: dict[str, dict[str, str]] = {}
    told: set[str] = set()
    """Whose combined parts the desk told of: the district reviews them as a finding."""
    for row in await store.conn.fetch(_STEPS, school, now - PAIR_WITHIN):
        facts, application = json.loads(row["facts"]), row["application"]
        if row["step"] == "filed":
            applicants[application] = facts["applicant"]
        elif row["step"] == "approved":
            approvers[application] = (facts["approvers"], row["at"])
        elif row["step"] == "parts-combined":
            told.add(application)
        else:
            roles = {name: facts[name] for name in ("retriever", "supervisor") if facts.get(name)}
            others.setdefault(application, {}).update(roles)
    decided = [
        Decided(applicants[application], one, at)
        for application, (signers, at) in approvers.items()
        if application in applicants
        for one in signers
    ]
    for applicant, approver in repeated_pairs(decided, now):
        cause = f"{applicant}:{approver}:{quarter_of(now)}"
        await store.violate(school, "repeated-pair", cause, "R4.2", actor=approver)
    for application, roles in others.items():
        if application in told:
            continue
        signers = approvers.get(application, ([], now))[0]
        for person in in_two_roles(signers, roles.get("retriever"), roles.get("supervisor")):
            await store.violate(
                school, "small-school", application, "R4.3", actor=person, application=application
            )
