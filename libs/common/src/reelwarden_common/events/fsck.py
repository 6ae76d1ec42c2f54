"""Checks of what a role owns: what is asked, what differs, and what may be mended."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from reelwarden_common.events.base import CameraId, Day, Digest, Instant, Model, Reason

ITEMS = 100
"""So many are looked at again, or mended, at once."""
LONGEST_ITEM = 4200
ItemId = Annotated[str, Field(max_length=LONGEST_ITEM, examples=["row:0c9d1f6e5b7a4e0f8a3b2c1d0e9f8a7b"])]
"""What a role can look at again by itself; only the role knows how to read it."""
Cursor = Annotated[str, Field(max_length=LONGEST_ITEM, examples=["rows:gate/2026-03-02"])]
"""How far a role has come; only the role knows how to read it."""
Said = Annotated[str, Field(max_length=200)]


class Depth(StrEnum):
    """How closely to look; each includes the ones before."""

    PRESENCE = "presence"
    SIZE = "size"
    DIGEST = "digest"
    """Everything is read and hashed."""


class Difference(Model):
    """One thing that is not as the role's own records say."""

    item: ItemId
    kind: Reason
    camera: CameraId | None = None
    start: Instant | None = None
    where: Annotated[str, Field(max_length=400)]
    """Path, key or camera-day, for a person."""
    expected: Said = ""
    found: Said = ""
    repairable: bool = False
    """The role can mend it without touching what it may not touch; it looks again before it does."""


class DayTotal(Model):
    """What a role has of one camera-day (UTC), to be compared with what another has.

    It is the item `days:<camera>/<day>`.
    """

    camera: CameraId
    day: Day
    count: int
    digest: Digest
    """SHA-256 over the sorted ids, each followed by a newline."""


class FsckQuery(Model):
    """Question to a role: look on from `cursor`, for a while, at what you own.

    With `items`, look at these again instead: what is being worked on just now differs for a moment only.
    """

    school: str = ""
    """Only roles at the district need it; others answer for their own school."""
    depth: Depth = Depth.PRESENCE
    cursor: Cursor | None = None
    seconds: Annotated[float, Field(ge=0, le=10)] = 3
    bytes_per_second: Annotated[int, Field(ge=1)] = 50_000_000
    """At most so much is read."""
    items: Annotated[tuple[ItemId, ...], Field(max_length=ITEMS)] = ()


class FsckAnswer(Model):
    """What one page of a check found."""

    checked: int
    total: int | None = None
    """About how many there are in all; on the first page."""
    bytes_read: int = 0
    cursor: Cursor | None
    """Where the next page begins; None: this was the last."""
    differences: tuple[Difference, ...] = ()
    days: tuple[DayTotal, ...] = ()


class RepairTask(Model):
    """Task for a role: mend these, as far as that is provably safe."""

    school: str = ""
    items: Annotated[tuple[ItemId, ...], Field(max_length=ITEMS)]


class Repair(Model):
    """What became of one."""

    item: ItemId
    done: bool
    what: Said
    """A code: what was done, or why nothing was."""


class RepairAnswer(Model):
    repairs: tuple[Repair, ...]
