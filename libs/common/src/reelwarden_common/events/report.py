"""What the inspector finds and what the notaries sign."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import (
    CameraId,
    Detail,
    Digest,
    Event,
    Id,
    Instant,
    Model,
    Reason,
    SchoolId,
)


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
    SUBJECT: ClassVar[str] = "inspector.finding.opened"
    finding: Id
    kind: Reason
    severity: Severity
    camera: CameraId | None = None
    deadline: Instant
    detail: Detail


class FindingAssigned(Event):
    SUBJECT: ClassVar[str] = "inspector.finding.assigned"
    finding: Id
    owner: Reason


class FindingClosed(Event):
    SUBJECT: ClassVar[str] = "inspector.finding.closed"
    finding: Id
    reason: Reason


class ViolationRecorded(Event):
    """Someone acted against the rules; graded and handled (R5.2)."""

    SUBJECT: ClassVar[str] = "inspector.violation.recorded"
    violation: Id
    kind: Reason
    severity: Severity
    rule: Reason


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


class FeedbackReceived(Event):
    """A suggestion by staff (R5.3); its text stays at the report."""

    SUBJECT: ClassVar[str] = "inspector.feedback.received"
    feedback: Id


class RulesPublished(Event):
    """A version of the rule set, with the day it takes effect (R6)."""

    SUBJECT: ClassVar[str] = "inspector.rules.published"
    TO_SCHOOL: ClassVar[bool] = True
    version: int
    effective_from: Instant
    digest: Digest
    text: Annotated[str, Field(max_length=20_000, examples=["# Rules"])] = ""
    """Markdown, of this digest: what people read and acknowledge."""


class CustodyQuery(Model):
    """Question to the registrar: what the school's log at the district says of these, with proofs."""

    school: SchoolId
    application: Id
    holds: tuple[Id, ...] = ()


class CustodyEntry(Model):
    """One log entry: the canonical JSON that was hashed, and its inclusion proof (C2SP tlog-proof)."""

    index: int
    entry: str
    proof: str


class CustodyAnswer(Model):
    entries: tuple[CustodyEntry, ...]
    checkpoint: str
    """The newest signed note."""
    size: int
    key: str = ""
    """The log's C2SP verifier key, to be compared with the published one."""


class MessageRefused(Event):
    """A role dead-lettered a message: somebody must look (any role says it)."""

    SUBJECT: ClassVar[str] = "any.message.refused"
    subject_of: Annotated[str, Field(max_length=200, examples=["rw.s001.scanner.segment.recorded"])]
    event: Id
    reason: Reason
    detail: Detail
