"""What happens at the desk (applications, viewings, copies) and at the exporter. Never a name."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import (
    ActorId,
    CameraId,
    CameraSpan,
    Detail,
    Digest,
    Event,
    Id,
    Instant,
    Model,
    Reason,
)
from reelwarden_common.events.retention import HoldSource


class Manner(StrEnum):
    """方式: how footage is retrieved (R4.4: viewing is the rule, a copy the exception)."""

    VIEW = "view"
    COPY = "copy"


class ApplicationEvent(Event):
    """One step of an application; `version` counts its steps from 1."""

    application: Id
    version: Annotated[int, Field(ge=1, examples=[1])]


class ApplicationFiled(ApplicationEvent):
    """An application was filed: its footage is held at once (R4.2)."""

    SUBJECT: ClassVar[str] = "desk.application.filed"
    number: Annotated[str, Field(examples=["s001-2026-0001"])]
    manner: Manner
    spans: tuple[CameraSpan, ...]
    purpose: Reason
    applicant: ActorId
    outsider: Reason | None = None
    """police, court, guardian …: filed through reception."""
    hold_until: Instant
    paper: Reason | None = None
    """Made on the numbered paper form of this name, and entered afterwards."""


class ApplicationApproved(ApplicationEvent):
    SUBJECT: ClassVar[str] = "desk.application.approved"
    approvers: tuple[ActorId, ...]
    approver_roles: tuple[Reason, ...]
    form_digest: Digest
    valid_until: Instant
    hold_until: Instant


class ApplicationRejected(ApplicationEvent):
    SUBJECT: ClassVar[str] = "desk.application.rejected"
    approver: ActorId
    reason: Reason


class ApplicationWithdrawn(ApplicationEvent):
    SUBJECT: ClassVar[str] = "desk.application.withdrawn"


class ApplicationLapsed(ApplicationEvent):
    SUBJECT: ClassVar[str] = "desk.application.lapsed"
    reason: Reason


class ApplicationClosed(ApplicationEvent):
    SUBJECT: ClassVar[str] = "desk.application.closed"
    outcome: Reason


class ExtensionEvent(Event):
    """One step of an extension of retention; `version` counts its steps from 1."""

    extension: Id
    version: Annotated[int, Field(ge=1, examples=[1])]


class ExtensionFiled(ExtensionEvent):
    """Somebody asks to keep footage for longer (R3.1): it is held until that is decided."""

    SUBJECT: ClassVar[str] = "desk.extension.filed"
    number: Annotated[str, Field(examples=["s001-2026-0002"])]
    source: HoldSource
    """Extension or case."""
    spans: tuple[CameraSpan, ...]
    purpose: Reason
    applicant: ActorId
    until: Instant


class ExtensionGranted(ExtensionEvent):
    """The safety department approved it, or renewed it by a signed review (R3.1)."""

    SUBJECT: ClassVar[str] = "desk.extension.granted"
    signer: ActorId
    form_digest: Digest
    review: bool
    until: Instant


class ExtensionEnded(ExtensionEvent):
    """Rejected, withdrawn, not decided in time, or its purpose is achieved (条例 art. 17)."""

    SUBJECT: ClassVar[str] = "desk.extension.ended"
    reason: Reason
    by: ActorId | None = None
    """None: nobody; its time was over."""


class ReleaseStopped(Event):
    """A release that has not taken effect yet is taken back: the holds of its cause go on to their end."""

    SUBJECT: ClassVar[str] = "desk.release.stopped"
    cause: Id
    """The application or extension."""
    version: Annotated[int, Field(ge=1, examples=[4])]
    """A step of that application or extension like its others."""
    actor: ActorId


class RetrievalAuthorised(Event):
    """The exporter may make the footage part: ids, cameras and spans, no names."""

    SUBJECT: ClassVar[str] = "desk.retrieval.authorised"
    TO_SCHOOL: ClassVar[bool] = True
    application: Id
    number: Annotated[str, Field(examples=["s001-2026-0001"])]
    manner: Manner
    native: bool
    """Native segments go in (police and courts)."""
    spans: tuple[CameraSpan, ...]
    deadline: Instant


class ViewingStarted(Event):
    """A retriever opened footage under an open supervision (R4.3)."""

    SUBJECT: ClassVar[str] = "desk.viewing.started"
    application: Id
    viewing: Id
    retriever: ActorId
    supervisor: ActorId


class ViewingStopped(Event):
    SUBJECT: ClassVar[str] = "desk.viewing.stopped"
    application: Id
    viewing: Id
    by: ActorId
    reason: Reason


class StillTaken(Event):
    """A single picture was taken in a viewing, with the recipient's mark burnt in (R4.3, R4.4)."""

    SUBJECT: ClassVar[str] = "desk.still.taken"
    application: Id
    viewing: Id
    retriever: ActorId
    camera: CameraId | None = None
    shown_at: Instant | None = None
    """The moment of the footage that it shows."""
    digest: Digest


class CopyReleased(Event):
    """The package left, once, to the recipient named (R4.3, R4.4)."""

    SUBJECT: ClassVar[str] = "desk.copy.released"
    application: Id
    package: Digest
    recipient: Reason
    supervisor: ActorId
    use_by: Instant


class RecordSigned(Event):
    """The retrieval record form was signed by one of those involved (R4.3)."""

    SUBJECT: ClassVar[str] = "desk.record.signed"
    application: Id
    form_digest: Digest
    signer: ActorId
    capacity: Reason
    complete: bool
    """True with the last signature."""


class UseDeclared(Event):
    """A recipient declared a copy returned, destroyed or transferred to a case (R4.4)."""

    SUBJECT: ClassVar[str] = "desk.use.declared"
    application: Id
    declaration: Reason


class AccessDenied(Event):
    """Someone was refused; the attempt is recorded (R3.3, invariant 4)."""

    SUBJECT: ClassVar[str] = "desk.access.denied"
    actor: ActorId
    act: Reason
    rule: Reason
    application: Id | None = None
    slip: bool = False
    """Mistyped, clicked twice, from a page that was over: recorded, but no violation (R5.2)."""


class PartsCombined(Event):
    """At a school with too few people somebody approved and then supervised or retrieved (R4.3)."""

    SUBJECT: ClassVar[str] = "desk.parts.combined"
    application: Id
    number: Annotated[str, Field(examples=["s001-2026-0001"])]
    actor: ActorId
    parts: tuple[Reason, ...]


class PartsReviewed(Event):
    """The district has looked at two parts held by one person (R4.3)."""

    SUBJECT: ClassVar[str] = "desk.parts.reviewed"
    application: Id
    actor: ActorId


class TaskEvent(Event):
    """Something that a role has to do with an application by a deadline; never who.

    Of a numbered paper form that was passed over, or stands on two sheets, the application is `paper-` with
    school and number.
    """

    application: Id
    number: Annotated[str, Field(examples=["s001-2026-0001"])]
    task: Annotated[str, Field(max_length=64, examples=["decide"])]
    """decide, retrieve, record, sign, declare, close, review, review_paper, paper_skipped or paper_twice."""
    for_role: Annotated[str, Field(max_length=64, examples=["leader"])]
    """Whose task it is, as `district.toml` calls roles."""
    deadline: Instant
    urgent: bool = False


class TaskDue(TaskEvent):
    """Its deadline comes near: told once."""

    SUBJECT: ClassVar[str] = "desk.task.due"


class TaskOverdue(TaskEvent):
    """Its deadline is past: told once, also to the role above."""

    SUBJECT: ClassVar[str] = "desk.task.overdue"
    escalated_to: Annotated[str, Field(max_length=64, examples=["safety"])]


class TaskDone(Event):
    """What was told to be due or overdue is done, or no longer to be done."""

    SUBJECT: ClassVar[str] = "desk.task.done"
    application: Id
    task: Annotated[str, Field(max_length=64, examples=["decide"])]


class TrainingAcknowledged(Event):
    """A person acknowledged the rules and their training (R6, R7)."""

    SUBJECT: ClassVar[str] = "desk.training.acknowledged"
    actor: ActorId
    rules_version: int


class TrainingCounted(Event):
    """How many of a school's people acknowledged the rules in force (R6, R7); who has not, the desk lists."""

    SUBJECT: ClassVar[str] = "desk.training.counted"
    rules_version: int
    people: Annotated[int, Field(ge=0, examples=[12])]
    """Who touch footage or decide about it."""
    acknowledged: Annotated[int, Field(ge=0, examples=[11])]


class AccessChanged(Event):
    """Somebody left, or came back: all that is open to them ends, or begins again (R3.3). Names nobody.

    `person` is the HMAC of the account by the key that the district's roles sign sessions with.
    """

    SUBJECT: ClassVar[str] = "desk.access.changed"
    person: Digest
    allowed: bool
    at: Instant


class SweepConfirmed(Event):
    """A district officer looked at a stopped sweep and lets it go on."""

    SUBJECT: ClassVar[str] = "desk.sweep.confirmed"
    sweep: Id
    actor: ActorId


class RestoreAsked(Event):
    """A person asks for a lost segment to be brought back from the backup."""

    SUBJECT: ClassVar[str] = "desk.restore.asked"
    segment: Id
    actor: ActorId


class PackagedFile(Model):
    """One file of the footage part, below the export's folder in the store."""

    name: Annotated[str, Field(max_length=500, examples=["view/gate.mp4"])]
    size: int
    digest: Digest
    kind: Reason
    """view, still, native or gaps."""
    media_type: Annotated[str, Field(examples=["video/mp4"])]
    span: CameraSpan | None = None
    """What of which camera it shows."""


class ExportReady(Event):
    """The footage part of the evidence package is in the store."""

    SUBJECT: ClassVar[str] = "exporter.export.ready"
    application: Id
    bucket: Annotated[str, Field(examples=["rw-exports-s001"])]
    folder: Annotated[str, Field(examples=["s001-2026-0001/"])]
    files: tuple[PackagedFile, ...]
    gaps: tuple[CameraSpan, ...]
    sources: Annotated[tuple[Reason, ...], Field(examples=[["disk"]])]
    """Where the segments came from: disk, vault, backup."""
    manifest: Digest
    """Of digests.json, which lists every file: also those of the next field."""
    more_files: int = 0
    """Native segments that only digests.json lists, where they are too many for an event."""
    more_gaps: int = 0
    """Gaps that only gaps.json lists."""


class ExportFailed(Event):
    SUBJECT: ClassVar[str] = "exporter.export.failed"
    application: Id
    reason: Reason
    detail: Detail
