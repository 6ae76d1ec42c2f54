"""Asking a role's checks page by page, as the command does, without a bus."""

from dataclasses import dataclass, field

from reelwarden_common.events.fsck import DayTotal, Depth, Difference, FsckQuery
from reelwarden_common.messaging.fsck import Fsck


@dataclass
class Checked:
    """What all pages together found."""

    pages: int = 0
    checked: int = 0
    bytes_read: int = 0
    differences: list[Difference] = field(default_factory=list)
    days: list[DayTotal] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        return sorted(one.kind for one in self.differences)

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(one.item for one in self.differences)


async def check(
    checks: Fsck, depth: Depth = Depth.PRESENCE, school: str = "", *, seconds: float = 3, pages: int = 10_000
) -> Checked:
    """Everything, or so many pages of it."""
    found, cursor = Checked(), None
    while found.pages < pages:
        query = FsckQuery(school=school, depth=depth, cursor=cursor, seconds=seconds)
        answer = await checks.look(query)
        found.pages += 1
        found.checked += answer.checked
        found.bytes_read += answer.bytes_read
        found.differences += answer.differences
        found.days += answer.days
        cursor = answer.cursor
        if cursor is None:
            return found
    return found


async def kinds_at(checks: Fsck, school: str = "") -> dict[Depth, list[str]]:
    """What is found at each depth."""
    return {depth: (await check(checks, depth, school)).kinds for depth in Depth}
