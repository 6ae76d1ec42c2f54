"""Dead letters as people see them: what a role could not handle, why, and what became of it."""

from typing import Annotated

from pydantic import Field

from reelwarden_common.events.base import Detail, Instant, Model, Reason, SchoolId

LetterId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$", max_length=200, examples=["SITE.17"])
]
"""Stream and sequence where the message lay: the same however often it is given up."""
PAGE = 50


class Letter(Model):
    """One message that a role gave up."""

    letter: LetterId
    at: Instant
    """When it was given up."""
    school: SchoolId
    subject: Annotated[str, Field(max_length=500, examples=["rw.s001.keeper.plan.issued"])]
    event_type: Annotated[str, Field(max_length=500)] = ""
    """The CloudEvents type, as the sender wrote it; empty where there was none."""
    event: Annotated[str, Field(max_length=500)] = ""
    reason: Reason
    detail: Detail
    size: int
    """Bytes of the body as it came."""


class LettersQuery(Model):
    """Question to any role: which messages it gave up, the newest first."""

    before: LetterId | None = None
    """The last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=PAGE)] = PAGE


class LettersAnswer(Model):
    letters: Annotated[tuple[Letter, ...], Field(max_length=PAGE)]
    more: bool = False
    """There are others before the last one."""
    total: int
