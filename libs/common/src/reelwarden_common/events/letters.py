"""Dead letters as people see them: what a role could not handle, why, and what became of it."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import ActorId, Detail, Event, Id, Instant, Model, Reason, SchoolId

LetterId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$", max_length=200, examples=["SITE.17"])
]
"""Stream and sequence where the message lay: the same however often it is given up."""
Said = Annotated[str, Field(max_length=500)]
"""As the sender wrote it; empty where nothing was written."""
PAGE = 25
"""As many as fit into what a school's bus takes, whatever their senders wrote."""
MOST_SHOWN = 32 * 1024
"""Bytes of a letter's body that are shown."""


class Fault(StrEnum):
    """Whose a dead letter is: it decides what can be done."""

    MALFORMED = "malformed"
    """No message of ours, or of another release."""
    EARLY = "early"
    """What it builds on had not come within a quarter of an hour."""
    REFUSED = "refused"
    """Understood, and not to be done as it is."""
    UNFORESEEN = "unforeseen"
    """A fault of the software: five attempts failed."""


class Act(StrEnum):
    """What a person does about a dead letter."""

    REPLAY = "replay"
    DISMISS = "dismiss"


class Outcome(StrEnum):
    """What became of it."""

    REPLAYED = "replayed"
    DISMISSED = "dismissed"
    FAILED = "failed"
    """Handled again, with a failure again: the letter stays."""
    UNKNOWN = "unknown"
    """There is no such letter (any more)."""


class Letter(Model):
    """One message that a role gave up."""

    letter: LetterId
    at: Instant
    """When it was given up."""
    school: SchoolId
    subject: Annotated[str, Field(max_length=500, examples=["rw.s001.keeper.plan.issued"])]
    event_type: Said = ""
    event: Said = ""
    fault: Fault
    reason: Reason
    detail: Detail
    size: int
    """Bytes of the body as it came."""


class LettersQuery(Model):
    """Question to any role: which messages it gave up, the newest of each stream first."""

    before: LetterId | None = None
    """The last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=PAGE)] = PAGE


class LettersAnswer(Model):
    letters: Annotated[tuple[Letter, ...], Field(max_length=PAGE)]
    more: bool = False
    """There are others behind the last one."""
    total: int


class LetterQuery(Model):
    """Question to any role: one message that it gave up, with its body."""

    letter: LetterId


class LetterAnswer(Model):
    letter: Letter | None
    """None: there is no such letter (any more)."""
    body: Annotated[str, Field(max_length=MOST_SHOWN)] = ""
    """Its beginning, as UTF-8; what is none is replaced."""


class LetterTask(Model):
    """Task for any role: handle one of its dead letters again, or dismiss it."""

    letter: LetterId
    act: Act
    by: ActorId
    note: Detail = ""
    """Why, never a name; who dismisses must say it."""


class LetterTaskAnswer(Model):
    outcome: Outcome
    detail: Detail = ""
    """Why it failed again."""


class LetterSettled(Event):
    """A person had a dead letter handled again, or dismissed it (any role says it)."""

    SUBJECT: ClassVar[str] = "any.letter.settled"
    letter: LetterId
    subject_of: Annotated[str, Field(max_length=200, examples=["rw.s001.keeper.plan.issued"])]
    event: Id
    outcome: Reason
    """replayed or dismissed."""
    by: ActorId
    note: Detail = ""
