"""What the keeper decides and what the reaper did about it."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import (
    CameraId,
    CameraSpan,
    Detail,
    Digest,
    Event,
    Id,
    Instant,
    Locator,
    Model,
    Reason,
)


class HoldSource(StrEnum):
    """What a hold comes from (R3.1, R4.2)."""

    APPLICATION = "application"
    EXTENSION = "extension"
    CASE = "case"
    FREEZE = "freeze"


class Hold(Model):
    """A standing predicate: footage that overlaps it is not erased before `until`.

    A hold has a purpose and an end date (art. 17); it ends by that date or by a signed release that
    names it, never by being absent.
    """

    id: Id
    source: HoldSource
    cause: Id
    """The application, extension, case or freeze that it serves."""
    span: CameraSpan
    purpose: Reason
    until: Instant


class PlanIssued(Event):
    """The whole wanted state of one school, signed (R3.1).

    `plan` is the RFC 8785 text that was signed with Ed25519; the reaper reads nothing else.
    """

    SUBJECT: ClassVar[str] = "keeper.plan.issued"
    TO_SCHOOL: ClassVar[bool] = True
    epoch: Annotated[int, Field(ge=1, examples=[1])]
    version: Annotated[int, Field(ge=1, examples=[7])]
    digest: Digest
    plan: Annotated[str, Field(max_length=200_000, examples=['{"version":7}'])]
    signature: Annotated[str, Field(examples=["c2lnbmF0dXJl"])]
    """Base64 of the 64 bytes."""
    key: Id


class HoldAsked(Event):
    SUBJECT: ClassVar[str] = "keeper.hold.asked"
    hold: Hold


class HoldDecided(Event):
    """The hold stands for longer than provisionally: its cause was approved."""

    SUBJECT: ClassVar[str] = "keeper.hold.decided"
    hold: Hold


class HoldReleased(Event):
    """A signed release was issued; it takes effect at `effective_at`, until then it can be stopped."""

    SUBJECT: ClassVar[str] = "keeper.hold.released"
    hold: Id
    cause: Id
    reason: Reason
    effective_at: Instant


class HoldLapsed(Event):
    """A hold reached its end date."""

    SUBJECT: ClassVar[str] = "keeper.hold.lapsed"
    hold: Id
    cause: Id


class CameraPeriod(Model):
    """How long one camera's footage is kept, and who erases it: what `KeepPeriod` is made from."""

    camera: CameraId
    days: Annotated[int, Field(ge=1, le=3650, examples=[30])]
    grace_minutes: Annotated[int, Field(ge=0, le=90 * 24 * 60, examples=[720])]
    zone: Annotated[str, Field(max_length=64, examples=["Asia/Shanghai"])]
    managed: bool
    """True: we erase. False: the camera's recorder does, and we watch."""


class PlanApplied(Event):
    """The site goes by this plan now; said again when a shortening in it takes effect."""

    SUBJECT: ClassVar[str] = "reaper.plan.applied"
    epoch: int
    version: int
    digest: Digest
    effective_at: Instant
    """When the last of its shortenings and releases takes effect; the time of taking it where it has none."""
    periods: Annotated[tuple[CameraPeriod, ...], Field(max_length=1000)] = ()
    """What counts at the site now: the longer one while a shortening waits."""


class PlanRefused(Event):
    """A plan was not taken: forged, outdated, for another school, below the site's floor."""

    SUBJECT: ClassVar[str] = "reaper.plan.refused"
    epoch: int
    version: int
    digest: Digest
    reason: Reason
    detail: Detail


class HoldInForce(Event):
    """The site answers for a hold: catalogue complete, every covered segment vaulted, digests checked.

    `complete` is False while the hold's span is not over or part of it is not catalogued yet;
    `gone` names what was recorded and was no longer there when the hold arrived.
    """

    SUBJECT: ClassVar[str] = "reaper.hold.inforce"
    hold: Id
    cause: Id
    complete: bool
    segments: int
    bytes: int
    digest: Digest
    """SHA-256 over the sorted digests of the vaulted segments, each followed by a newline."""
    complete_to: Instant | None = None
    gone: tuple[CameraSpan, ...] = ()
    gaps: tuple[CameraSpan, ...] = ()
    """What the site knows no recording of. Sites before this field named gaps as `gone` too."""


class VaultMeasured(Event):
    """How much a site's held footage is, and how much of its disk it may take (R3.1).

    Over the budget nothing is released or refused: a person has to make room.
    """

    SUBJECT: ClassVar[str] = "reaper.vault.measured"
    files: Annotated[int, Field(ge=0, examples=[120])]
    bytes: Annotated[int, Field(ge=0, examples=[300_000_000])]
    extra: Annotated[int, Field(ge=0, examples=[25_000_000])]
    """Bytes that would be free without the vault: copies, and files whose recorder let go of them."""
    budget: Annotated[int, Field(ge=0, examples=[800_000_000_000])]
    """What `extra` should stay below."""


class ClockJudged(Event):
    """Whether the site believes its machine's clock; while it does not, nothing is erased there."""

    SUBJECT: ClassVar[str] = "reaper.clock.judged"
    doubt: Reason | None = None
    """Why not; None: it is believed."""


class HoldFrozen(Event):
    """A school officer froze footage locally; the keeper merges it."""

    SUBJECT: ClassVar[str] = "reaper.hold.frozen"
    hold: Hold
    actor: Reason


class HoldsKept(Event):
    """All holds that the site keeps, so that a restored keeper re-adopts them."""

    SUBJECT: ClassVar[str] = "reaper.hold.kept"
    epoch: int
    version: int
    holds: Annotated[tuple[Hold, ...], Field(max_length=500)]


class Certificate(Model):
    """What was observed when one segment was erased (invariant 3)."""

    segment: Id
    camera: CameraId
    start: Instant
    end: Instant
    digest: Digest
    size: int
    locator: Locator
    due: Instant
    erased_at: Instant
    plan: Digest
    copies: tuple[Reason, ...] = ("disk",)


class SegmentsErased(Event):
    """Segments were erased on their day; one certificate each (R3.1)."""

    SUBJECT: ClassVar[str] = "reaper.segment.erased"
    certificates: Annotated[tuple[Certificate, ...], Field(max_length=200)]


class SweepStopped(Event):
    """The brake: a sweep would erase more than expected, so it stopped and asks a person."""

    SUBJECT: ClassVar[str] = "reaper.sweep.stopped"
    sweep: Id
    reason: Reason
    segments: int
    bytes: int
    oldest: Instant
    newest: Instant
