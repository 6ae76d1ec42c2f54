"""What people and programs see of an application; the same shapes feed the API and the pages."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from reelwarden_access.district.desk.application import (
    Application,
    Capacity,
    Declaration,
    HoldState,
    Outsider,
    Signature,
    Status,
)
from reelwarden_access.district.desk.attachment_shown import AttachmentShown, EarlierFormShown
from reelwarden_access.district.desk.tables.footage import HeldSpan
from reelwarden_access.district.desk.tables.signed_acts import SignedAct
from reelwarden_access.district.desk.waiting import Wait
from reelwarden_access.verify import key_fingerprint
from reelwarden_common.events.access import Manner, PackagedFile
from reelwarden_common.events.base import CameraSpan


class SignatureShown(BaseModel):
    """A signature with the signer as of that moment."""

    capacity: Capacity
    name: str
    unit: str
    role: str
    opinion: str
    on_behalf_of: str | None = Field(
        description="who signed on paper, attested by the signer; or for whom a deputy signed"
    )
    as_deputy: bool = False
    digest: str
    signed_at: datetime
    own_key: dict[str, Any] | None = Field(description="what the signer's own key signed; null: by password")

    @property
    def fingerprint(self) -> str:
        """Of the signer's own key; empty where the password was given again."""
        return key_fingerprint(self.own_key["key"]) if self.own_key else ""

    @classmethod
    def of(cls, one: Signature) -> "SignatureShown":
        """From the rules' own shape."""
        return cls(
            capacity=one.capacity,
            name=one.name,
            unit=one.unit,
            role=one.role,
            opinion=one.opinion,
            on_behalf_of=one.on_behalf_of,
            as_deputy=one.principal is not None,
            digest=one.digest,
            signed_at=one.signed_at,
            own_key=one.own_key,
        )


class SignedActShown(BaseModel):
    """A signed act that has no form of its own: a release, a declaration, a review."""

    act: str
    name: str
    unit: str
    role: str
    shown: dict[str, Any] = Field(description="what was shown; `digest` is its SHA-256 (RFC 8785)")
    digest: str
    words: str = Field(description="what the signer wrote with it")
    own_key: dict[str, Any] | None = Field(description="what the signer's own key signed; null: by password")
    signed_at: datetime

    @property
    def fingerprint(self) -> str:
        """Of the signer's own key; empty where the password was given again."""
        return key_fingerprint(self.own_key["key"]) if self.own_key else ""

    @classmethod
    def of(cls, one: SignedAct) -> "SignedActShown":
        """As it was kept."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class HoldShown(BaseModel):
    """How far the site has got: nothing is shown better than it is."""

    id: str
    camera: str | None
    state: HoldState
    until: datetime | None
    segments: int | None = Field(description="held: one beyond each end of the span too")
    complete_to: datetime | None
    gone: list[CameraSpan] = Field(description="recorded, and no longer there when the hold arrived")
    gaps: list[CameraSpan] = Field(description="no recording is known of")
    released_at: datetime | None

    @classmethod
    def of(cls, held: HeldSpan) -> "HoldShown":
        """From what the site and the keeper said."""
        return cls(
            id=held.id,
            camera=held.camera,
            state=held.state,
            until=held.until,
            segments=held.segments,
            complete_to=held.complete_to,
            gone=list(held.gone),
            gaps=list(held.gaps),
            released_at=held.released_at,
        )


class ExportShown(BaseModel):
    """The footage part, or why there is none."""

    ready_at: datetime | None
    files: list[PackagedFile]
    gaps: list[CameraSpan] = Field(description="spans asked for that no footage covers")
    sources: list[str]
    problem: str | None


class SupervisionShown(BaseModel):
    """An open supervision."""

    id: str
    name: str
    unit: str
    present: list[str] = Field(description="in the room now")
    until: datetime


class ViewingShown(BaseModel):
    """A viewing, with how much was really watched."""

    id: str
    name: str
    started_at: datetime
    stopped_at: datetime | None
    requests: int
    bytes: int


class WatchedShown(BaseModel):
    """A stretch of footage that was played, or a file of which bytes went out and no player told."""

    camera: str | None
    file: str
    start: datetime | None
    end: datetime | None
    played: bool


class StillTakenShown(BaseModel):
    """A still that was taken; its picture stands in no page."""

    camera: str | None
    shown_at: datetime | None
    taken_at: datetime
    digest: str = Field(description="SHA-256 of the picture")


class CombinedShown(BaseModel):
    """Two parts by one person, at a school that has too few (R4.3)."""

    name: str
    parts: list[Capacity]
    at: datetime
    reviewer_name: str | None
    opinion: str | None
    reviewed_at: datetime | None


class WaitShown(BaseModel):
    """What is missing before the next step."""

    what: Wait
    who: list[str] = Field(description="names of those who can do it, where people must")


class ReleaseShown(BaseModel):
    """A copy that left."""

    recipient: str
    medium: str
    package: str = Field(description="SHA-256 of the evidence package")
    size: int
    released_at: datetime
    handed_over_at: datetime | None


class RecordShown(BaseModel):
    """The retrieval record form."""

    form: dict[str, Any]
    digest: str
    filled_at: datetime
    complete_at: datetime | None
    signatures: list[SignatureShown]
    missing: list[Capacity]


class PaperShown(BaseModel):
    """The numbered paper form on which it was made, and its review."""

    number: str
    entered_at: datetime
    review_by: datetime
    reviewed_at: datetime | None
    reviewer_name: str | None
    in_order: bool | None
    opinion: str | None


class ApplicationShort(BaseModel):
    """An application in a list."""

    id: str
    number: str
    school: str
    school_name: str
    status: Status
    manner: Manner
    cameras: list[str]
    start: datetime
    end: datetime
    applicant: str
    outsider: Outsider | None
    concerns_leader: bool
    urgent: bool
    decide_by: datetime
    approvals: int
    approvals_needed: int


class ApplicationShown(ApplicationShort):
    """An application with all that belongs to it."""

    form: dict[str, Any] = Field(description="what is signed; `digest` is its SHA-256 (RFC 8785)")
    digest: str
    filed_at: datetime
    valid_until: datetime | None
    use_by: datetime | None
    declaration: Declaration | None
    declaration_note: str | None
    outcome: str | None
    signatures: list[SignatureShown]
    holds: list[HoldShown]
    export: ExportShown | None
    supervision: SupervisionShown | None
    viewings: list[ViewingShown]
    watched: list[WatchedShown]
    stills: list[StillTakenShown]
    release: ReleaseShown | None
    record: RecordShown | None
    combined: list[CombinedShown] = Field(description="two parts by one person; the district reviews it")
    attachments: list[AttachmentShown]
    earlier_forms: list[EarlierFormShown] = Field(description="as they were signed before a file was added")
    paper: PaperShown | None = Field(description="made on paper, and entered afterwards")
    waits: list[WaitShown] = Field(description="what is missing before the next step")
    may: list[str] = Field(description="what whoever asks may do next")
    to_sign: dict[str, str] = Field(description="by act: the digest of what is shown, to be signed")
    acts: list[SignedActShown] = Field(description="signed acts that have no form of their own")


def short(application: Application, needed: int, school_name: str) -> dict[str, Any]:
    """The fields of a list entry."""
    return {
        "id": application.id,
        "number": application.number,
        "school": application.school,
        "school_name": school_name,
        "status": application.status,
        "manner": application.manner,
        "cameras": list(application.cameras),
        "start": application.start,
        "end": application.end,
        "applicant": application.applicant_name,
        "outsider": application.outsider,
        "concerns_leader": application.concerns_leader,
        "urgent": application.urgent,
        "decide_by": application.decide_by,
        "approvals": len(application.approvals),
        "approvals_needed": needed,
    }
