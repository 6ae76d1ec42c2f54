"""What the desk speaks of: applications, drafts, signatures, and the numbers that rules set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner
from reelwarden_common.web.text import N_


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
    RETRIEVER = "retriever"
    SUPERVISOR = "supervisor"
    RECIPIENT = "recipient"


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
    """The numbers of R4.4; every one is a setting."""

    max_footage: timedelta = timedelta(hours=8)
    max_open: int = 10
    decide_within: timedelta = timedelta(days=7)
    valid_for: timedelta = timedelta(days=7)
    use_within: timedelta = timedelta(days=30)
    hold_when_filed: timedelta = timedelta(days=30)
    hold_when_approved: timedelta = timedelta(days=90)
    supervise_at_most: timedelta = timedelta(hours=4)


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, with the roles that count at the school concerned."""

    id: str
    account: str
    name: str
    unit: str
    roles: frozenset[PersonRole]

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
    """Who signed on paper, when reception attests it."""


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

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved so far."""
        return tuple(one.signer for one in self.approvals)


@dataclass(frozen=True)
class Supervision:
    """An open supervision (R4.3)."""

    id: str
    supervisor: str
    name: str
    unit: str = ""
    present: tuple[str, ...] = ()


STATUS_WORDS: Mapping[Status, str] = {
    Status.FILED: N_("waiting for approval"),
    Status.APPROVED: N_("approved, being exported"),
    Status.READY: N_("ready for retrieval"),
    Status.RETRIEVED: N_("viewed"),
    Status.RELEASED: N_("copy released"),
    Status.RECORDED: N_("recorded and signed"),
    Status.CLOSED: N_("closed"),
    Status.REJECTED: N_("rejected"),
    Status.WITHDRAWN: N_("withdrawn"),
    Status.LAPSED: N_("lapsed"),
}
HOLD_WORDS: Mapping[HoldState, str] = {
    HoldState.NOT_YET: N_("not held yet"),
    HoldState.IN_PART: N_("held in part, not complete yet"),
    HoldState.IN_FORCE: N_("held, in force"),
    HoldState.GONE: N_("part was gone already"),
    HoldState.OVER: N_("hold is over"),
}
MANNER_WORDS: Mapping[Manner, str] = {Manner.VIEW: N_("view"), Manner.COPY: N_("copy")}
OUTSIDER_WORDS: Mapping[Outsider, str] = {
    Outsider.STUDENT: N_("student"),
    Outsider.GUARDIAN: N_("guardian"),
    Outsider.POLICE: N_("police"),
    Outsider.COURT: N_("court"),
    Outsider.DISTRICT: N_("district authority"),
    Outsider.OTHER: N_("other"),
}
STAFF_WORD = N_("staff")
ROLE_WORDS: Mapping[PersonRole, str] = {
    PersonRole.APPLICANT: N_("applicant"),
    PersonRole.LEADER: N_("school leader"),
    PersonRole.SAFETY: N_("safety department"),
    PersonRole.RETRIEVER: N_("retriever"),
    PersonRole.RECEPTION: N_("reception"),
    PersonRole.AUDITOR: N_("auditor"),
    PersonRole.DISTRICT_OFFICER: N_("district officer"),
    PersonRole.DISTRICT_OPERATOR: N_("district operator"),
}
CAPACITY_WORDS: Mapping[Capacity, str] = {
    Capacity.APPLICANT: N_("applicant"),
    Capacity.APPROVER: N_("approver"),
    Capacity.RETRIEVER: N_("operator"),
    Capacity.SUPERVISOR: N_("supervisor"),
    Capacity.RECIPIENT: N_("recipient"),
}
DECLARATION_WORDS: Mapping[Declaration, str] = {
    Declaration.RETURNED: N_("returned"),
    Declaration.DESTROYED: N_("destroyed"),
    Declaration.TRANSFERRED: N_("transferred to a case"),
}
STEP_WORDS: Mapping[Status, str] = {
    Status.FILED: N_("Filed"),
    Status.APPROVED: N_("Approved"),
    Status.READY: N_("Exported"),
    Status.RETRIEVED: N_("Viewed"),
    Status.RELEASED: N_("Released"),
    Status.RECORDED: N_("Recorded"),
    Status.CLOSED: N_("Closed"),
}
ACT_WORDS: Mapping[str, str] = {
    "file": N_("file an application"),
    "approve": N_("approve"),
    "reject": N_("reject"),
    "withdraw": N_("withdraw"),
    "export_again": N_("ask for the export again"),
    "supervise": N_("supervise"),
    "close_supervision": N_("close a supervision"),
    "view": N_("open footage"),
    "stop_viewing": N_("stop a viewing"),
    "release": N_("release a copy"),
    "take": N_("take a copy"),
    "record": N_("fill in a record"),
    "sign": N_("sign a record"),
    "declare": N_("declare the use"),
    "close": N_("close an application"),
    "confirm_sweep": N_("confirm a sweep"),
    "restore": N_("restore footage"),
    "read": N_("read an application"),
    "list": N_("list applications"),
    "denials": N_("read refused attempts"),
    "lost": N_("read lost segments"),
    "sweeps": N_("read stopped sweeps"),
    "coverage": N_("ask what footage exists"),
}
SWEEP_WORDS: Mapping[str, str] = {
    "first-sweep": N_("the first erasure at this school"),
    "too-many": N_("more than is usual"),
    "mismatch": N_("a file is not what the catalogue says; it was put back"),
    "storage-unbound": N_("the storage is not mounted, or is another school's"),
    "clock-unbelievable": N_("the school's clock cannot be believed"),
}
SWEEPS_THAT_ASK = frozenset({"first-sweep", "too-many"})
"""The others only tell: nothing was erased, and nobody's confirmation changes that."""
