"""How a role is: asked by the people who run the district."""

from typing import Annotated

from pydantic import Field

from reelwarden_common.events.base import Detail, Instant, Model

Count = Annotated[int, Field(ge=0)]


class StatusQuery(Model):
    """Asks one replica of a role; whichever takes it answers for itself."""


class Waiting(Model):
    """What waits for a role in one stream."""

    stream: Annotated[str, Field(max_length=20, examples=["SITE"])]
    pending: Count
    """Messages that it was not given yet."""
    unconfirmed: Count
    """Given, and not done with."""


class StatusAnswer(Model):
    """One replica of a role."""

    version: Annotated[str, Field(max_length=40, examples=["0.1.0"])]
    started_at: Instant
    problem: Detail = ""
    """Why it is not ready; empty where it is."""
    unsaid: Count = 0
    """Events in its outbox that the bus has not confirmed."""
    waiting: Annotated[tuple[Waiting, ...], Field(max_length=10)] = ()
    letters: Count = 0
    """Messages that it gave up (`reelwarden dlq`)."""
