"""Refused attempts (R3.3, R5.2): heard from the desk, or made here by whoever signs."""

import uuid
from datetime import datetime, timedelta

from reelwarden_common.events.access import AccessDenied
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.letters import number_of
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.violation_rules import kind_of_denial

FORGIVEN, WITHIN = 2, timedelta(minutes=15)
"""A mistyped password, or a key that signed an older page, is a slip so often in so long; as at the desk."""
SLIPS = frozenset({"wrong_password", "no_password", "wrong_key"})


async def note(store: InspectorStore, school: str, name: str, at: datetime, event: AccessDenied) -> None:
    """A refused attempt: a finding, and a violation to be graded by a person; a slip is only recorded."""
    await store.refused(school, name, at, event)
    if event.slip:
        return
    about = {"actor": event.actor, "application": event.application}
    cause = f"{event.actor}:{event.act}:{event.application or ''}"
    facts = {"act": event.act, "rule": event.rule, **about}
    await store.open(school, Cause(Kind.DENIED, cause, facts=facts))
    await store.violate(school, kind_of_denial(event.act, event.rule), name, event.rule, **about)


async def note_here(store: InspectorStore, school: str, account: str, act: str, why: tuple[str, str]) -> None:
    """Somebody was refused at the dashboard itself; `why` is the code and the rule."""
    (code, rule), actor, now = why, number_of(account), store.clock()
    before = await store.conn.fetchval(
        "SELECT count(*) FROM refusal WHERE actor = $1 AND act = $2 AND at > $3", actor, act, now - WITHIN
    )
    slip = code in SLIPS and before < FORGIVEN
    await note(store, school, uuid.uuid4().hex, now, AccessDenied(actor=actor, act=act, rule=rule, slip=slip))
