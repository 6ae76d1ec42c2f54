"""The ledger's rules: what reading a copy back says about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

TRIES = 2
"""How often an object may fail to be read, while the store answers otherwise, before it counts as corrupt."""
ASK_AGAIN = timedelta(seconds=5)
UNLOCKED_ASK_AGAIN = timedelta(hours=1)
"""A missing object whose lock is over was probably erased on its day, and its certificate is on the way."""
CLAIM = timedelta(minutes=30)
"""How long a replica may take over a batch before another takes it over."""


@dataclass(frozen=True)
class SetTimes:
    """Within what time copies are read back (R4.1)."""

    first: timedelta
    """A new one, from when it was heard of."""
    again: timedelta
    """Each one again, from when it was read back last."""

    @property
    def next(self) -> timedelta:
        """When to begin with reading one again, so that it is done in time."""
        return self.again * 0.9


class Outcome(StrEnum):
    """What a reading found."""

    VERIFIED = "verified"
    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    AGAIN = "again"
    """Nothing certain yet: read again later."""


class Seen(StrEnum):
    """What the store did when it was asked for an object."""

    READ = "read"
    NOT_THERE = "not-there"
    FAILED = "failed"
    """It failed for this object, and answers for others."""


@dataclass(frozen=True)
class Object:
    """One stored version as the ledger knows it."""

    school: str
    segment: str
    object_version: str
    camera: str
    start: datetime
    digest: str
    size: int
    bucket: str
    key: str
    locked_until: datetime | None
    tries: int


@dataclass(frozen=True)
class Reading:
    """What was seen of one object."""

    object: Object
    seen: Seen
    found: str | None = None
    """The SHA-256 of what was read."""


@dataclass(frozen=True)
class Verdict:
    """What follows from a reading; `again_at` is set when it must be read again."""

    object: Object
    outcome: Outcome
    found: str | None
    again_at: datetime | None = None

    @property
    def is_bad(self) -> bool:
        """Whether this copy can no longer be counted on."""
        return self.outcome in (Outcome.CORRUPT, Outcome.UNREADABLE, Outcome.MISSING)


def judge(reading: Reading, now: datetime) -> Verdict:
    """Judge a reading: only content proves a copy (invariant 7), one failure disproves none."""
    one = reading.object
    if reading.seen is Seen.READ:
        outcome = Outcome.VERIFIED if reading.found == one.digest else Outcome.CORRUPT
        return Verdict(one, outcome, reading.found)
    if reading.seen is Seen.NOT_THERE and (one.locked_until is None or one.locked_until <= now):
        return Verdict(one, Outcome.AGAIN, None, now + UNLOCKED_ASK_AGAIN)
    if one.tries + 1 < TRIES:
        return Verdict(one, Outcome.AGAIN, None, now + ASK_AGAIN)
    return Verdict(one, Outcome.MISSING if reading.seen is Seen.NOT_THERE else Outcome.UNREADABLE, None)
