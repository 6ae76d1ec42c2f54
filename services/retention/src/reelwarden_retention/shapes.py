"""The plan: the whole wanted state of one school, as the keeper signs it and the reaper believes it.

State, not orders: a reaper that missed a hundred plans needs the newest one only.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from reelwarden_common.errors import Refused
from reelwarden_common.events.base import Digest, Id, Instant, Model, SchoolId
from reelwarden_common.events.retention import CameraPeriod, Hold, PlanIssued
from reelwarden_retention.keys import key_id

MAX_HOLDS = 400
"""So many fit into one plan and one message; more at one school is no hold but a standing order."""
MAX_COUNT = 2**53 - 1
"""The largest number that canonical JSON carries exactly."""


class Superseded(Model):
    """A period that was replaced by a shorter one and counts on until the release delay has passed."""

    period: CameraPeriod
    until: Instant


class CameraPolicy(Model):
    """How long one camera's footage is kept (R3.1)."""

    period: CameraPeriod
    superseded: tuple[Superseded, ...] = ()


class Release(Model):
    """A hold is let go; not before this moment, and not before the site's own delay has passed."""

    hold: Id
    effective_at: Instant


class Plan(Model):
    """What the keeper signs. Absence of a hold is never a release, absence of a camera no shortening."""

    document: Literal["reelwarden.plan.v1"] = "reelwarden.plan.v1"
    """Keeps the signature from meaning anything elsewhere."""
    school: SchoolId
    epoch: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    version: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    previous: Digest | None
    """The plan before it in this epoch."""
    issued_at: Instant
    release_delay_minutes: Annotated[int, Field(ge=0, le=MAX_COUNT)]
    policies: tuple[CameraPolicy, ...]
    holds: Annotated[tuple[Hold, ...], Field(max_length=MAX_HOLDS)]
    releases: tuple[Release, ...]
    confirmed_sweeps: tuple[Id, ...]

    @property
    def text(self) -> str:
        """Canonical JSON (RFC 8785): what is signed."""
        # Field names in ASCII and no fractions: this is RFC 8785, in a tenth of the time. Readers check it.
        values = self.model_dump(mode="json")
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def wants(self, other: "Plan") -> bool:
        """Whether both want the same, whatever their numbers and times."""
        numbers = {"version", "previous", "issued_at"}
        return self.model_dump(exclude=numbers) == other.model_dump(exclude=numbers)


class UntrustedPlan(Refused):
    """A plan is not what a pinned key signed for this school: `reason` is a code, the message for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def digest_of_text(text: str) -> str:
    """SHA-256 of a plan's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def signed(plan: Plan, key: Ed25519PrivateKey) -> PlanIssued:
    """The plan as it travels."""
    text = plan.text
    return PlanIssued(
        epoch=plan.epoch,
        version=plan.version,
        digest=digest_of_text(text),
        plan=text,
        signature=base64.b64encode(key.sign(text.encode())).decode(),
        key=key_id(key.public_key()),
    )


def believed(event: PlanIssued, school: str, keys: Mapping[str, Ed25519PublicKey]) -> Plan:
    """The plan that the event carries, if a pinned key signed exactly this text for this school.

    Raises:
        UntrustedPlan: forged, other-school or malformed.
    """
    key = keys.get(event.key)
    if key is None:
        raise UntrustedPlan("forged", f"signed by {event.key!r}, a key that this site does not know")
    try:
        key.verify(base64.b64decode(event.signature, validate=True), event.plan.encode())
    except (InvalidSignature, ValueError) as error:
        raise UntrustedPlan("forged", "its signature does not fit its text") from error
    try:
        plan = Plan.model_validate_json(event.plan)
        canonical = rfc8785.dumps(json.loads(event.plan)).decode() == event.plan
    except (ValidationError, rfc8785.CanonicalizationError, ValueError) as error:
        raise UntrustedPlan("malformed", f"its text is no plan: {_first(error)}"[:500]) from error
    if plan.school != school:
        raise UntrustedPlan("other-school", f"it is the plan of {plan.school!r}")
    outside = (event.epoch, event.version, event.digest)
    if not canonical or outside != (plan.epoch, plan.version, digest_of_text(event.plan)):
        raise UntrustedPlan("malformed", "epoch, version or digest outside differ from the signed text")
    return plan


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def until_of(hold: Hold, other: Hold) -> datetime:
    """Of two words about one hold's end, the later counts."""
    return max(hold.until, other.until)


def joined(known: Hold, heard: Hold) -> Hold:
    """One hold from two words about it: never narrower or shorter than either.

    Raises:
        Refused: it names another camera; that is another hold.
    """
    if known.span.camera != heard.span.camera:
        raise Refused(f"hold {known.id} is on {known.span.camera}; it cannot move to {heard.span.camera}")
    span = known.span.model_copy(
        update={
            "start": min(known.span.start, heard.span.start),
            "end": max(known.span.end, heard.span.end),
        }
    )
    return heard.model_copy(update={"span": span, "until": until_of(known, heard)})
