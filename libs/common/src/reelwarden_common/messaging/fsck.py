"""Checks of what a role owns, page by page, beside its other work.

A page is bounded in time, in bytes read and in the size of its answer.
Nothing is remembered between two pages: whoever asks keeps the cursor, may stop at any time and go on later.
A page may see something in the middle of a change; whoever asks looks at it again before believing it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from reelwarden_common.errors import Refused
from reelwarden_common.events.fsck import (
    DayTotal,
    Depth,
    Difference,
    FsckAnswer,
    FsckQuery,
    Repair,
    RepairAnswer,
    RepairTask,
)
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import FSCK, FSCK_REPAIR

ROOM = 150_000
"""Bytes of differences in one answer; a school's line takes 256 KB."""
AT_ONCE = 2000
"""Cheap things looked at between two looks at the clock."""
READ_SHARE = 500
"""So many times fewer files are read than looked at."""
_ORDER = tuple(Depth)


@dataclass(frozen=True)
class Look:
    """Whose things to look at, and how closely."""

    school: str
    depth: Depth

    def at(self, depth: Depth) -> bool:
        """Whether this look goes as deep as that."""
        return _ORDER.index(self.depth) >= _ORDER.index(depth)


@dataclass
class Portion:
    """What was found in one go."""

    checked: int = 0
    bytes_read: int = 0
    differences: list[Difference] = field(default_factory=list)
    days: list[DayTotal] = field(default_factory=list)

    def __iadd__(self, other: "Portion") -> Self:
        self.checked += other.checked
        self.bytes_read += other.bytes_read
        self.differences += other.differences
        self.days += other.days
        return self

    @property
    def size(self) -> int:
        """Bytes that it takes in an answer."""
        return sum(len(one.model_dump_json()) + 1 for one in (*self.differences, *self.days))


class Check(Protocol):
    """One kind of things that a role owns, in an order in which one can go on from anywhere.

    An item of it is `<name>:<key>`, a cursor `<name>:<after>`.
    """

    name: str

    async def total(self, look: Look) -> int:
        """About how many there are."""
        ...

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """Look at the next ones; where to go on, None at the end. `after` is empty at first.

        `limit` is how many, where a look costs next to nothing; of what costs more, accordingly fewer.

        Raises:
            Transient: nothing can be seen now.
        """
        ...

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Look at these once more; what is gone for a good reason is no difference."""
        ...

    async def repair(self, look: Look, key: str) -> str:
        """Mend one that still differs; tells what was done, as a code.

        Raises:
            Refused: it is not safe, or not needed any more; the message is a code.
        """
        ...


def item(check: Check, key: str) -> str:
    """How one thing is named on the bus."""
    return f"{check.name}:{key}"


class Fsck:
    """All checks of one role."""

    def __init__(self, *checks: Check, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._checks = {check.name: check for check in checks}
        self._order = list(self._checks)
        self._monotonic = monotonic

    def answers(self) -> tuple[Answer, ...]:
        """What operators may ask and order."""
        return Answer(FSCK, FsckQuery, self.look), Answer(FSCK_REPAIR, RepairTask, self.repair)

    async def look(self, query: FsckQuery) -> FsckAnswer:
        """One page, or some items again.

        Raises:
            Transient: what is to be looked at cannot be seen now.
            Refused: the cursor or an item is not ours.
        """
        look, began = Look(query.school, query.depth), self._monotonic()
        if query.items:
            found = Portion()
            for check, keys in self._by_check(query.items):
                found += await check.again(look, keys)
            return _answer(found, None, None)
        check, after = self._place(query.cursor)
        total = None if query.cursor else sum([await one.total(look) for one in self._checks.values()])
        found, cursor = await self._page(query, look, check, after)
        # Slow enough for others who read the same disk.
        await asyncio.sleep(max(0, began + found.bytes_read / query.bytes_per_second - self._monotonic()))
        return _answer(found, cursor, total)

    async def _page(
        self, query: FsckQuery, look: Look, check: Check, after: str
    ) -> tuple[Portion, str | None]:
        found, limit = Portion(), AT_ONCE
        deadline = self._monotonic() + query.seconds
        while True:
            portion, then = await check.on(look, after, limit)
            if found.size + portion.size > ROOM:
                if found.differences or found.days:
                    return found, item(check, after)
                if limit > 1:
                    limit = max(1, limit // 4)
                    continue
            found += portion
            if then is None:
                following = self._order[self._order.index(check.name) + 1 :]
                if not following:
                    return found, None
                check, then = self._checks[following[0]], ""
            after = then
            spent = found.bytes_read / query.bytes_per_second
            if self._monotonic() >= deadline or spent >= query.seconds:
                return found, item(check, after)

    async def repair(self, task: RepairTask) -> RepairAnswer:
        """Mend these, each by itself: what cannot be mended is said, and costs the others nothing.

        Raises:
            Refused: an item is not ours.
        """
        look = Look(task.school, Depth.DIGEST)
        repairs = []
        for check, keys in self._by_check(task.items):
            for key in keys:
                try:
                    what, done = await check.repair(look, key), True
                except Refused as error:
                    what, done = str(error), False
                repairs.append(Repair(item=item(check, key), done=done, what=what[:200]))
        return RepairAnswer(repairs=tuple(repairs))

    def _place(self, cursor: str | None) -> tuple[Check, str]:
        if cursor is None:
            return self._checks[self._order[0]], ""
        name, _, after = cursor.partition(":")
        if name not in self._checks:
            raise Refused(f"no such place to go on from: {cursor[:100]!r}; begin anew")
        return self._checks[name], after

    def _by_check(self, items: Sequence[str]) -> list[tuple[Check, list[str]]]:
        keys: dict[str, list[str]] = {}
        for one in items:
            name, _, key = one.partition(":")
            if name not in self._checks:
                raise Refused(f"no such item: {one[:100]!r}")
            keys.setdefault(name, []).append(key)
        return [(self._checks[name], found) for name, found in keys.items()]


def _answer(found: Portion, cursor: str | None, total: int | None) -> FsckAnswer:
    return FsckAnswer(
        checked=found.checked,
        total=total,
        bytes_read=found.bytes_read,
        cursor=cursor,
        differences=tuple(found.differences),
        days=tuple(found.days),
    )
