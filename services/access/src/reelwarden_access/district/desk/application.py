"""What the desk speaks of: applications, drafts, signatures, and the numbers that rules set."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner


class Status(StrEnum):
    """Where an application stands."""

    FILED = "filed"
    APPROVED = "approved"
    READY = "ready"
    RETRIEVED = "retrieved"
    RELEASED = "released"
    RECORDED = "recorded"
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


OPEN = frozenset(
    {Status.FILED, Status.APPROVED, Status.READY, Status.RETRIEVED, Status.RELEASED, Status.RECORDED}
)
BEFORE_RETRIEVAL = frozenset({Status.FILED, Status.APPROVED, Status.READY})


class Outsider(StrEnum):
    """身份 of an applicant who is not staff and comes to reception."""

    STUDENT = "student"
    GUARDIAN = "guardian"
    POLICE = "police"
    COURT = "court"
    DISTRICT = "district"
    OTHER = "other"


STATE_ORGANS = frozenset({Outsider.POLICE, Outsider.COURT})
AUTHORITIES = STATE_ORGANS | {Outsider.DISTRICT}
"""Whoever applies for one of these names it as their unit."""
MAY_HAVE_COPY = STATE_ORGANS | {Outsider.DISTRICT}
"""R4.4: a copy goes by default only to police, courts and the district."""


class Declaration(StrEnum):
    """What became of a copy."""

    RETURNED = "returned"
    DESTROYED = "destroyed"
    TRANSFERRED = "transferred"


class Capacity(StrEnum):
    """In what capacity somebody signs."""

    APPLICANT = "applicant"
    APPROVER = "approver"
    DEPARTMENT = "department"
    RETRIEVER = "retriever"
    SUPERVISOR = "supervisor"
    RECIPIENT = "recipient"
    REVIEWER = "reviewer"
    """Whoever looked again whether an extension's purpose still stands."""


class HoldState(StrEnum):
    """How far the site has got with a hold: never shown better than it is."""

    NOT_YET = "not_yet"
    IN_PART = "in_part"
    IN_FORCE = "in_force"
    GONE = "gone"
    OVER = "over"

    @classmethod
    def of(cls, *, answered: bool, complete: bool, anything_gone: bool, over: bool) -> "HoldState":
        """From what the site said last."""
        if over:
            return cls.OVER
        if not answered:
            return cls.NOT_YET
        if anything_gone:
            return cls.GONE
        return cls.IN_FORCE if complete else cls.IN_PART


@dataclass(frozen=True)
class Rules:
    """The numbers of R3.1 and R4.4; every one is a setting."""

    max_footage: timedelta = timedelta(hours=8)
    max_open: int = 10
    decide_within: timedelta = timedelta(days=7)
    decide_urgent_within: timedelta = timedelta(hours=2)
    record_within: timedelta = timedelta(days=3)
    """For filling in the record, and again for signing it; and for closing what is complete."""
    review_within: timedelta = timedelta(days=7)
    """For the district to look at two parts held by one person."""
    paper_within: timedelta = timedelta(days=3)
    """To review a form on paper that was entered, and to account for a number that was passed over."""
    valid_for: timedelta = timedelta(days=7)
    use_within: timedelta = timedelta(days=30)
    hold_when_filed: timedelta = timedelta(days=30)
    hold_when_approved: timedelta = timedelta(days=90)
    supervise_at_most: timedelta = timedelta(hours=4)
    extend_at_most: timedelta = timedelta(days=180)
    case_at_most: timedelta = timedelta(days=90)
    extend_span: timedelta = timedelta(days=31)


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, with the roles that count at the school concerned."""

    id: str
    account: str
    name: str
    unit: str
    roles: frozenset[PersonRole]
    stands_for: frozenset[str] = frozenset()
    """Leaders whose deputy they are there now."""

    def has(self, *roles: PersonRole) -> bool:
        """Whether they hold one of these."""
        return bool(self.roles.intersection(roles))


@dataclass(frozen=True)
class Signature:
    """A name under a form: who, as what, when, under which text."""

    form: str
    capacity: Capacity
    signer: str
    name: str
    unit: str
    role: str
    digest: str
    signed_at: datetime
    opinion: str = ""
    on_behalf_of: str | None = None
    """Who signed on paper, when reception attests it; for whom a deputy signed, or instead of whom."""
    principal: str | None = None
    """For whom a deputy signed."""
    own_key: dict[str, Any] | None = None
    """What the signer's own key signed (WebAuthn), as `verify.py` checks it; None: by password."""


@dataclass(frozen=True)
class Draft:
    """What an applicant fills in; the form's other fields follow from it."""

    school: str
    cameras: tuple[str, ...]
    start: datetime
    end: datetime
    manner: Manner
    reason: str
    undertaking: bool
    concerns_leader: bool = False
    relation: str = ""
    phone: str = ""
    documents: tuple[str, ...] = ()
    outsider: Outsider | None = None
    name: str = ""
    unit: str = ""
    identity_document: str = ""
    authority_document: str = ""
    id: str | None = None
    """The application's, made when its form was opened: sent twice, it is filed once."""
    urgent: bool = False


@dataclass(frozen=True)
class Application:
    """An application as the rules see it."""

    id: str
    number: str
    school: str
    status: Status
    version: int
    manner: Manner
    cameras: tuple[str, ...]
    start: datetime
    end: datetime
    filer: str
    outsider: Outsider | None
    concerns_leader: bool
    applicant_name: str
    form_digest: str
    decide_by: datetime
    valid_until: datetime | None = None
    use_by: datetime | None = None
    declaration: Declaration | None = None
    approvals: tuple[Signature, ...] = ()
    opinions: tuple[Signature, ...] = ()
    """Of the department, given before the decision."""
    conflicted: frozenset[str] = frozenset()
    """Who declared an interest of their own."""
    urgent: bool = False
    unit: str = ""
    """The applicant's."""
    opinion_first: bool = False
    """The school wants the department's opinion before a leader signs."""
    few_people: bool = False
    """The school has too few people for four different ones."""

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved so far, and for whom."""
        signers = [one.signer for one in self.approvals]
        return tuple(signers + [one.principal for one in self.approvals if one.principal is not None])


FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Supervision:
    """An open supervision (R4.3)."""

    id: str
    supervisor: str
    name: str
    unit: str = ""
    present: tuple[str, ...] = ()
    until: datetime = FAR
    """The time that was set when it was opened: it supervises nothing after."""


SWEEPS_THAT_ASK = frozenset({"first-sweep", "too-many"})
"""The others only tell: nothing was erased, and nobody's confirmation changes that."""
