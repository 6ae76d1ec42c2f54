"""What the inspector finds and what the notaries sign."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import (
    ActorId,
    CameraId,
    CameraSpan,
    Day,
    Detail,
    Digest,
    Event,
    Id,
    Instant,
    Model,
    Reason,
    SchoolId,
)
from reelwarden_common.events.letters import Fault, LetterId


class Severity(StrEnum):
    """How bad a finding is; sets its deadline (GB 55029: faults mended within 24 h)."""

    INFO = "info"
    WARNING = "warning"
    SERIOUS = "serious"


class SiteAlive(Event):
    """The school's pulse, each minute: who does not hear it must not show green."""

    SUBJECT: ClassVar[str] = "notary.site.alive"
    at: Instant
    software: Annotated[str, Field(examples=["0.1.0"])]
    plan_epoch: int | None = None
    plan_version: int | None = None
    disk_total: int | None = None
    disk_free: int | None = None
    backlog: int = 0
    """Segments that are not backed up yet."""
    clock_believed: bool = True
    clock_doubt: Reason | None = None
    """Why the clock is not believed, as the reaper said last."""


class SignedCheckpoint(Event):
    """A custody log up to `size` entries, as a C2SP signed note.

    `consistency` proves (RFC 6962) that it continues the checkpoint of `since` entries signed before it.
    """

    size: int
    root: Annotated[str, Field(examples=["cm9vdA=="])]
    note: Annotated[str, Field(max_length=4000, examples=["log\n1\ncm9vdA==\n"])]
    key: Annotated[str, Field(max_length=300, examples=["log+530d903a+AekyeRrm56hA"])] = ""
    """The signer's C2SP verifier key; pinned by the other side at first sight."""
    since: int = 0
    consistency: Annotated[tuple[str, ...], Field(max_length=128)] = ()


class CheckpointSigned(SignedCheckpoint):
    """What the site's notary wrote down so far."""

    SUBJECT: ClassVar[str] = "notary.checkpoint.signed"


class CountersignedCheckpoint(Event):
    """The other side's checkpoint with our cosignature (C2SP tlog-cosignature) added to its note."""

    size: int
    note: Annotated[str, Field(max_length=4000, examples=["log\n1\ncm9vdA==\n"])]
    key: Annotated[str, Field(max_length=300, examples=["log+530d903a+AekyeRrm56hA"])] = ""
    """The cosigner's C2SP verifier key."""


class CheckpointCountersigned(CountersignedCheckpoint):
    """The site's notary saw the district's checkpoint and signs it too."""

    SUBJECT: ClassVar[str] = "notary.checkpoint.countersigned"


class DistrictCheckpointSigned(SignedCheckpoint):
    """What the district's registrar wrote down about one school so far."""

    SUBJECT: ClassVar[str] = "registrar.checkpoint.signed"
    TO_SCHOOL: ClassVar[bool] = True


class SiteCheckpointCountersigned(CountersignedCheckpoint):
    """The registrar saw the site's checkpoint and signs it too."""

    SUBJECT: ClassVar[str] = "registrar.checkpoint.countersigned"
    TO_SCHOOL: ClassVar[bool] = True


class KeyChanged(Event):
    """A key that others go by was taken into use, or out of it (any role says it).

    The key itself is public or a fingerprint; whoever goes by it compares it with the one they pinned.
    """

    SUBJECT: ClassVar[str] = "any.key.changed"
    of: Annotated[Reason, Field(examples=["plans"])]
    """What it signs: plans, packages, log, or person."""
    key: Annotated[str, Field(max_length=300, examples=["log+530d903a+AekyeRrm56hA"])] = ""
    """Verifier key, id or fingerprint of the one in use from now on; empty: none took its place."""
    before: Annotated[str, Field(max_length=300, examples=["ab" * 32])] = ""
    """The one that it replaces; empty: the first."""
    person: ActorId | None = None
    """Whose own it is, by the desk's number."""


class InspectionCompleted(Event):
    """One inspection of one school (R5.1)."""

    SUBJECT: ClassVar[str] = "inspector.inspection.completed"
    inspection: Id
    kind: Reason
    """daily, weekly or monthly."""
    cameras: int
    findings: int
    open: int


class FindingOpened(Event):
    """A cause needs attention (R5.1); said again, without `planned`, when it outlasts planned work."""

    SUBJECT: ClassVar[str] = "inspector.finding.opened"
    finding: Id
    kind: Reason
    severity: Severity
    camera: CameraId | None = None
    deadline: Instant
    detail: Detail
    planned: Id | None = None
    """The maintenance window that covers it: it is shown, and nobody is sent a notice."""


class FindingAssigned(Event):
    SUBJECT: ClassVar[str] = "inspector.finding.assigned"
    finding: Id
    owner: Reason


class FindingClosed(Event):
    SUBJECT: ClassVar[str] = "inspector.finding.closed"
    finding: Id
    reason: Reason


class FindingEscalated(Event):
    """A finding was not mended in time: the next one up is told (R5.1)."""

    SUBJECT: ClassVar[str] = "inspector.finding.escalated"
    finding: Id
    kind: Reason
    severity: Severity
    to: Annotated[Reason, Field(examples=["leader"])]
    """The role that must see to it now: leader, then district_officer."""
    opened_at: Instant


class ViolationRecorded(Event):
    """Someone acted against the rules; graded and handled (R5.2)."""

    SUBJECT: ClassVar[str] = "inspector.violation.recorded"
    violation: Id
    kind: Reason
    severity: Severity
    rule: Reason
    grade: Annotated[Reason | None, Field(examples=["minor"])] = None
    """minor, serious or grave, as the table of grades says; None from releases that did not grade."""


class ViolationClosed(Event):
    SUBJECT: ClassVar[str] = "inspector.violation.closed"
    violation: Id
    outcome: Reason


class ReportPublished(Event):
    """A written report to leaders and departments (R5.1)."""

    SUBJECT: ClassVar[str] = "inspector.report.published"
    report: Id
    number: Annotated[str, Field(examples=["s001-INS-2026-0001"])]
    kind: Reason
    digest: Digest
    """Of the PDF."""


class ReportSigned(Event):
    """The safety department signed a report: it is delivered to leaders and departments (R5.1)."""

    SUBJECT: ClassVar[str] = "inspector.report.signed"
    report: Id
    number: Annotated[str, Field(examples=["s001-INS-2026-0001"])]
    kind: Reason
    digest: Digest
    """Of the PDF that was shown to whoever signed."""


class FeedbackReceived(Event):
    """A suggestion by staff (R5.3); its text stays at the report."""

    SUBJECT: ClassVar[str] = "inspector.feedback.received"
    feedback: Id


class RuleSettings(Model):
    """The numbers that a version of the rule set speaks of; None: it leaves the setting as it is.

    Whoever heeds one stays within floors of its own: none makes footage be kept for less than the law says.
    """

    keep_days: Annotated[int | None, Field(gt=0, examples=[30])] = None
    """R3.1: of cameras and schools for which `district.toml` says nothing of its own."""
    max_footage_hours: Annotated[float | None, Field(gt=0, examples=[8])] = None
    """R4.4: that one application may cover."""
    decide_days: Annotated[float | None, Field(gt=0, examples=[7])] = None
    """R4.2: within which an application is decided, or lapses."""
    valid_days: Annotated[float | None, Field(gt=0, examples=[7])] = None
    """R4.2: during which an approval may be used."""
    use_days: Annotated[float | None, Field(gt=0, examples=[30])] = None
    """R4.4: until the use of a copy must be declared."""
    case_days: Annotated[float | None, Field(gt=0, examples=[90])] = None
    """R3.1: after which the hold of a case needs a signed review."""


class RulesPublished(Event):
    """A version of the rule set, with the day it takes effect (R6)."""

    SUBJECT: ClassVar[str] = "inspector.rules.published"
    TO_SCHOOL: ClassVar[bool] = True
    version: int
    effective_from: Instant
    digest: Digest
    text: Annotated[str, Field(max_length=20_000, examples=["# Rules"])] = ""
    """Markdown, of this digest: what people read and acknowledge."""
    settings: RuleSettings | None = None
    """The numbers that it sets."""


class CustodyQuery(Model):
    """Question to the registrar: what the school's log at the district says of these, with proofs."""

    school: SchoolId
    application: Id
    holds: tuple[Id, ...] = ()


class HistoryQuery(Model):
    """Question to the registrar: what its log of a school says of something, the newest first, with proofs.

    One of `about`, `person`, or `camera` with `start` and `end`; without any, all that the log holds.
    """

    school: SchoolId
    about: Id | None = None
    """An application, extension, case or hold."""
    person: ActorId | None = None
    """Somebody's acts, by the number that the desk gave them: the log knows no names."""
    camera: CameraId | None = None
    start: Instant | None = None
    end: Instant | None = None
    before: Annotated[int | None, Field(ge=0, examples=[1200])] = None
    """Only entries with a smaller index: to go on where an answer ended."""


class CustodyEntry(Model):
    """One log entry: the canonical JSON that was hashed, and its inclusion proof (C2SP tlog-proof)."""

    index: int
    entry: str
    proof: str


class EarlierCheckpoint(Model):
    """A checkpoint that the newest one continues, with the proof of that (RFC 6962)."""

    size: int
    note: Annotated[str, Field(max_length=4000, examples=["log\n1\ncm9vdA==\n"])]
    consistency: Annotated[tuple[str, ...], Field(max_length=128)] = ()


class CustodyAnswer(Model):
    entries: tuple[CustodyEntry, ...]
    """In their order in the log."""
    more: bool = False
    """There are others, older ones, that this answer has no room for."""
    checkpoint: str
    """The newest signed note."""
    size: int
    key: str = ""
    """The log's C2SP verifier key, to be compared with the published one."""
    witness_key: str = ""
    """The C2SP key by which the school's notary countersigned; empty: it has not yet."""
    countersigned: EarlierCheckpoint | None = None
    """The newest that both sides signed."""
    stamped: EarlierCheckpoint | None = None
    """The newest that a time-stamp authority saw (RFC 3161)."""
    stamp: str = ""
    """What that authority answered: DER in base64."""


class HoldsQuery(Model):
    """Question to the inspector: what is held at a school, since when, why, until when (R3.1)?"""

    school: SchoolId
    over: bool = False
    """Also what was released or has lapsed."""


class KnownHold(Model):
    """One hold as it was told."""

    hold: Id
    source: Reason | None = None
    cause: Id
    number: str | None = None
    """Of the application or extension."""
    purpose: Reason | None = None
    camera: CameraId | None = None
    start: Instant | None = None
    end: Instant | None = None
    asked_at: Instant | None = None
    in_force_at: Instant | None = None
    """None: the school has not answered for it yet."""
    until: Instant | None = None
    ended_at: Instant | None = None
    """When its release takes effect, or it lapsed."""
    status: Reason
    complete: bool
    segments: int | None = None
    gone: tuple[CameraSpan, ...] = ()


class HoldsAnswer(Model):
    holds: tuple[KnownHold, ...]
    more: bool = False
    """There are older ones."""


class ErasedQuery(Model):
    """Question to the inspector: what was erased of the footage of these days, by which rule (R3.1)?"""

    school: SchoolId
    camera: CameraId | None = None
    first_day: Day | None = None
    """The first local day of the footage."""
    last_day: Day | None = None
    """The last one."""


class ErasedDay(Model):
    """What was certified erased of one camera's local day under one plan."""

    camera: CameraId
    day: Day
    segments: int
    bytes: int
    start: Instant
    end: Instant
    due: Instant
    """The latest day that any of it was due on."""
    erased_from: Instant
    erased_to: Instant
    plan: Digest
    plan_epoch: int | None = None
    plan_version: int | None = None
    keep_days: int | None = None
    """What that plan demanded for the camera; None: the plan was not heard of."""


class ErasedAnswer(Model):
    days: tuple[ErasedDay, ...]
    more: bool = False
    """There are older ones."""


class CamerasQuery(Model):
    """Question to the inspector: how many days does each camera of a school hold, and will it?"""

    school: SchoolId


class CameraDays(Model):
    """One camera's days against the rule (R3.1)."""

    camera: CameraId
    name: str
    keep_days: int
    days_held: int
    """Of the last `keep_days`, those with footage."""
    oldest: Instant | None = None
    newest: Instant | None = None
    first: Instant | None = None
    """When its first footage was ever recorded: a young camera cannot hold its days yet."""
    forecast_days: float | None = None
    """How many days of it the storage will hold at the present rate; None: not told."""
    short: bool
    """It holds fewer days than it should, or will."""


class CamerasAnswer(Model):
    cameras: tuple[CameraDays, ...]


class MessageRefused(Event):
    """A role dead-lettered a message: somebody must look (any role says it)."""

    SUBJECT: ClassVar[str] = "any.message.refused"
    subject_of: Annotated[str, Field(max_length=200, examples=["rw.s001.scanner.segment.recorded"])]
    event: Id
    reason: Reason
    detail: Detail
    letter: LetterId | None = None
    """By which the role finds it; None from releases that did not say."""
    fault: Fault | None = None


class TokenAct(StrEnum):
    """What an operator does about the keys of programs."""

    LIST = "list"
    MAKE = "make"
    REVOKE = "revoke"


class TokenTask(Model):
    """Task for the inspector: list, make or revoke keys by which programs read."""

    act: TokenAct
    by: Annotated[str, Field(max_length=64, examples=["zhou"])] = ""
    """The operator's account, not their name."""
    name: Annotated[str, Field(max_length=100, examples=["Night watch board"])] = ""
    schools: Annotated[tuple[SchoolId, ...], Field(max_length=5000)] = ()
    """`district` for all of them."""
    days: Annotated[int, Field(ge=1, le=730, examples=[365])] = 365
    token: Annotated[str, Field(max_length=64, examples=["3f2b9c0d1e4a"])] = ""
    """Which one is revoked."""


class KnownToken(Model):
    """A token, without its key."""

    token: Annotated[str, Field(examples=["3f2b9c0d1e4a"])]
    name: Annotated[str, Field(examples=["Night watch board"])]
    schools: tuple[SchoolId, ...]
    made_by: Annotated[str, Field(examples=["zhou"])]
    made_at: Instant
    ends_at: Instant
    used_at: Instant | None = None
    revoked_at: Instant | None = None


class TokenAnswer(Model):
    tokens: tuple[KnownToken, ...] = ()
    key: str = ""
    """Of the one that was made; told this once."""
    done: bool
    """False: there is no such token, or it was revoked before."""
