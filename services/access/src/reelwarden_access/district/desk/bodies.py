"""What programs send: the fields of the forms."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from reelwarden_access.district.desk.acts.signing import Signed as SignedWith
from reelwarden_access.district.desk.application import Declaration, Draft, Outsider
from reelwarden_access.district.desk.extension import ExtensionDraft
from reelwarden_access.district.desk.watched import MarkKind
from reelwarden_common.events.access import Manner
from reelwarden_common.events.retention import HoldSource
from reelwarden_common.web.signing.passkeys import Assertion, Proof
from reelwarden_common.web.signing.statement import in_lines

_NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text."""
Line = Annotated[str, Field(max_length=200, pattern=_NO_NUL)]
Words = Annotated[str, Field(max_length=2000, pattern=_NO_NUL)]
Password = Annotated[str, Field(max_length=200, description="again: what is signed needs it anew")]
APPLICATION_ID = "^[0-9a-f]{32}$"
MOST_MS = 7 * 24 * 3600 * 1000
"""No viewing copy is longer."""
FormDigest = Annotated[
    str, Field(max_length=64, description="of what was shown and is signed; with an own key it is needed")
]


class Signed(BaseModel):
    """What is signed: with the password again, or with the signer's own key."""

    digest: FormDigest = ""
    password: Password = ""
    passkey: str = Field(
        default="", max_length=8000, pattern=_NO_NUL, description="own key's answer, in place of the password"
    )

    @property
    def words(self) -> str:
        """What the signer wrote; an own key signs it too."""
        return ""

    @property
    def proof(self) -> Proof:
        """How the signer shows that it is they."""
        return Assertion(self.passkey, self.digest, self.words) if self.passkey else self.password

    @property
    def signed(self) -> SignedWith:
        """All that came with a signed act."""
        return SignedWith(self.digest, self.words, self.proof)


class Signing(Signed):
    """A signature under a form."""

    digest: FormDigest = Field()


class Filing(Signed):
    """监控录像调取申请表: an application to view footage, or for a copy (R4.2)."""

    school: str = Field(max_length=63, examples=["s001"])
    cameras: list[str] = Field(max_length=64, examples=[["gate"]])
    start: datetime = Field(description="without a zone: the district's")
    end: datetime
    manner: Manner = Manner.VIEW
    reason: Words
    undertaking: bool = Field(description="保密承诺 is given (R4.4)")
    concerns_leader: bool = Field(default=False, description="then the district decides (R4.4)")
    relation: Line = ""
    phone: Line = ""
    documents: list[Line] = Field(default=[], max_length=20)
    outsider: Outsider | None = Field(default=None, description="through reception; none: staff")
    name: Line = Field(default="", description="the outsider's")
    unit: Line = ""
    identity_document: Line = ""
    authority_document: Line = Field(default="", description="of police and courts (条例 art. 20)")
    urgent: bool = Field(default=False, description="of police and courts: decided within hours (R4.2)")
    id: str | None = Field(
        default=None,
        pattern=APPLICATION_ID,
        description="of the application, if you make it: sent again, it is filed once",
    )

    def draft(self, zone: str) -> Draft:
        """As the rules take it."""
        return Draft(
            school=self.school,
            cameras=tuple(dict.fromkeys(self.cameras)),
            start=aware(self.start, zone),
            end=aware(self.end, zone),
            manner=self.manner,
            reason=self.reason,
            undertaking=self.undertaking,
            concerns_leader=self.concerns_leader,
            relation=self.relation,
            phone=self.phone,
            documents=tuple(d for d in self.documents if d.strip()),
            outsider=self.outsider,
            name=self.name,
            unit=self.unit,
            identity_document=self.identity_document,
            authority_document=self.authority_document,
            id=self.id,
            urgent=self.urgent,
        )


def aware(moment: datetime, zone: str) -> datetime:
    """A moment without a zone is meant in the district's."""
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def end_of_day(day: date, zone: str) -> datetime:
    """The midnight that ends a local day."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(zone))


class Deciding(Signing):
    """A decision, signed."""

    opinion: Words = Field(default="", description="required to reject")
    interested: bool = Field(
        default=False, description="an interest of one's own: then somebody else decides"
    )

    @property
    def words(self) -> str:
        """The opinion."""
        return self.opinion


class Extending(Signed):
    """延期保存申请: keep footage for longer (R3.1)."""

    school: str = Field(max_length=63, examples=["s001"])
    cameras: list[str] = Field(max_length=64, examples=[["gate"]])
    start: datetime = Field(description="without a zone: the district's")
    end: datetime
    source: Literal["extension", "case"] = "extension"
    reason: Words
    until: date = Field(description="kept to the end of this day")
    case_number: Line = Field(default="", description="required for a case")
    id: str | None = Field(
        default=None, pattern=APPLICATION_ID, description="if you make it: sent again, it is filed once"
    )

    def draft(self, zone: str) -> ExtensionDraft:
        """As the rules take it."""
        return ExtensionDraft(
            school=self.school,
            cameras=tuple(dict.fromkeys(self.cameras)),
            start=aware(self.start, zone),
            end=aware(self.end, zone),
            source=HoldSource(self.source),
            reason=self.reason,
            until=end_of_day(self.until, zone),
            case_number=self.case_number,
            id=self.id,
        )


class Reviewing(Deciding):
    """A review, signed: the purpose still stands."""

    until: date = Field(description="kept to the end of this day")

    @property
    def words(self) -> str:
        """The day and the opinion."""
        return in_lines(until=self.until.isoformat(), opinion=self.opinion)


class Supervising(BaseModel):
    """Who is in the room."""

    present: list[Line] = Field(max_length=50, examples=[["王芳"]])
    minutes: int | None = Field(default=None, ge=1, le=1440, description="none: the longest that may be")


class Coming(BaseModel):
    """Somebody comes into the room, or leaves it."""

    name: Line
    here: bool = Field(description="false: they have left")


class Pulse(BaseModel):
    """What the player on the retriever's screen says: at each act, and every two seconds while it plays."""

    kind: MarkKind
    file: Line
    position_ms: int = Field(ge=0, le=MOST_MS)
    from_ms: int | None = Field(default=None, ge=0, le=MOST_MS, description="of a seek: where it was")


class Beat(BaseModel):
    """What the player is told: over, at once, or by when."""

    over: bool
    until: datetime | None


class StillAsked(BaseModel):
    """Which frame."""

    file: Line
    position_ms: int = Field(ge=0, le=MOST_MS)


class StillShown(BaseModel):
    """A still that was taken; `url` shows it while the viewing is open."""

    number: int
    url: str
    camera: str | None
    shown_at: datetime | None
    digest: str = Field(description="SHA-256 of the picture")


class Releasing(Signed):
    """To whom the copy is handed, and on what."""

    recipient: Line = Field(description="must be the one named in the application")
    medium: Line = Field(default="", examples=["USB 0421"])

    @property
    def words(self) -> str:
        """To whom, on what."""
        return in_lines(recipient=self.recipient, medium=self.medium)


class Recording(BaseModel):
    """监控录像调取记录表: what only the operator knows (R4.3)."""

    content: Words = Field(description="what the footage shows")
    outcome: Words
    copies: int = Field(default=1, ge=1, le=9)


class Declaring(Signed):
    """What became of a copy (R4.4)."""

    declaration: Declaration
    note: Words = Field(default="", description="the receipt, when transferred to a case")

    @property
    def words(self) -> str:
        """What became of it, and the receipt."""
        return in_lines(declaration=self.declaration, note=self.note)


class Confirming(Signed):
    """A confirmation, signed."""


class AttachmentsSigned(BaseModel):
    """A form that was signed anew."""

    digest: str = Field(description="of the form with its files")


class OnPaper(BaseModel):
    """What stands on the back of a numbered paper form, and who signed it (R4.2, R4.3)."""

    approver: str = Field(max_length=200, description="an account of the directory")
    approved_at: datetime = Field(description="without a zone: the district's")
    operator: str = Field(max_length=200)
    supervisor: str = Field(max_length=200)
    retrieved_at: datetime
    present: list[Line] = Field(default=[], max_length=50)
    content: Words
    outcome: Words
    medium: Line = ""
    again: bool = Field(default=False, description="another sheet that bears a number entered already")
    password: Password

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """When it was approved, and when the footage was retrieved."""
        return aware(self.approved_at, zone), aware(self.retrieved_at, zone)


class ReviewingPaper(Signed):
    """Somebody looked at what was made on paper."""

    decision: Literal["in_order", "not_in_order"]
    opinion: Words

    @property
    def words(self) -> str:
        """What they found, and why."""
        return in_lines(decision=self.decision, opinion=self.opinion)


class ReviewingParts(Signed):
    """The district has looked at two parts held by one person."""

    opinion: Words

    @property
    def words(self) -> str:
        """The opinion."""
        return self.opinion


class Filed(BaseModel):
    """An application that was acted on."""

    id: str
    number: str


class FileShown(BaseModel):
    """A file of an open viewing, and what it shows."""

    name: str
    kind: str
    media_type: str
    url: str
    camera: str | None
    start: datetime | None
    end: datetime | None


class ViewingOpened(BaseModel):
    """An open viewing: where its files are streamed from, and what is missing in them."""

    viewing: str
    page: str
    files: list[FileShown]
    gaps: list[dict[str, str]]


class Released(BaseModel):
    """A copy that may be taken now, once."""

    package: str = Field(description="SHA-256")
    size: int
    download: str


class TrainingState(BaseModel):
    """Whether the rules in force are acknowledged."""

    rules_version: int
    acknowledged: bool
    text: str | None = Field(description="the rules in Markdown, as they were published")
