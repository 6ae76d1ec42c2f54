"""One check of a district: every role that owns something is asked page by page, and twice what differs.

All that it knows is its progress, which is written down after each page: it may be stopped and resumed.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from nats.aio.client import Client
from pydantic import BaseModel, Field

from reelwarden_common.errors import Transient
from reelwarden_common.events.base import DISTRICT_SCHOOL
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
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import FSCK, FSCK_REPAIR, ROLES, Place

OWNERS = {role.name: role.place for role in ROLES if FSCK in role.answers}
"""The roles that own something, and where they run."""
COMPARED = {"index": ("scanner", "day-differs", True), "ledger": ("replicator", "copies-differ", False)}
"""Whose camera-days must be as another role counts them, the difference, and whether it can be mended."""
PAGE_SECONDS = 3.0
ANSWER_SECONDS = 60.0
REPAIR_SECONDS = 300.0
ITEMS_AT_ONCE, REPAIRS_AT_ONCE = 40, 10
SCHOOLS_AT_ONCE = 8
TRIES, PAUSE = 4, 5.0
Key = tuple[str, str]


class Part(BaseModel):
    """What one role owns of one school."""

    school: str
    role: str
    cursor: str | None = None
    done: bool = False
    checked: int = 0
    total: int | None = None
    bytes_read: int = 0
    differences: list[Difference] = Field(default_factory=list)
    days: list[DayTotal] = Field(default_factory=list)
    unseen: str = ""
    """Why it could not be looked at, or not to the end."""
    repairs: list[Repair] = Field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.school}/{self.role}"


class Progress(BaseModel):
    """A whole check, as it is written down."""

    depth: Depth
    started: datetime
    parts: list[Part]
    settled: bool = False
    """What differed was looked at again."""

    @classmethod
    def begin(cls, depth: Depth, keys: list[Key]) -> "Progress":
        """Nothing looked at yet."""
        return cls(depth=depth, started=datetime.now(UTC), parts=[Part(school=s, role=r) for s, r in keys])

    def save(self, path: Path) -> None:
        """Write it down, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(self.model_dump_json(), encoding="utf-8")
        draft.replace(path)


Tell = Callable[[Part], None]


class Check:
    """Carries one check out."""

    def __init__(self, client: Client, progress: Progress, file: Path, tell: Tell, settle: float) -> None:
        self._client, self._progress, self._file, self._tell = client, progress, file, tell
        self._settle = settle
        """Seconds between two looks at what differs."""
        self.bytes_per_second = 50_000_000

    async def run(self) -> None:
        """Look at everything that was not looked at, then again at what differs."""
        if self._progress.settled:
            return
        gate = asyncio.Semaphore(SCHOOLS_AT_ONCE)

        async def of(school: str) -> None:
            async with gate:
                for part in self._progress.parts:
                    if part.school == school and not part.done:
                        await self._part(part)

        await asyncio.gather(*(of(school) for school in sorted({p.school for p in self._progress.parts})))
        differing = dict(self._differing_days())
        if differing or any(part.differences for part in self._progress.parts):
            await asyncio.sleep(self._settle)
        for part in self._progress.parts:
            await self._again(part)
        await self._compare(differing)
        self._progress.settled = not any(part.unseen for part in self._progress.parts)
        self._progress.save(self._file)

    async def _part(self, part: Part) -> None:
        part.unseen = ""
        while not part.done:
            query = FsckQuery(
                school=part.school,
                depth=self._progress.depth,
                cursor=part.cursor,
                seconds=PAGE_SECONDS,
                bytes_per_second=self.bytes_per_second,
            )
            try:
                answer = await self._ask(part, query)
            except Transient as error:
                part.unseen = str(error)
                self._tell(part)
                return
            part.checked += answer.checked
            part.total = answer.total if part.cursor is None else part.total
            part.bytes_read += answer.bytes_read
            part.differences += answer.differences
            part.days += answer.days
            part.cursor, part.done = answer.cursor, answer.cursor is None
            self._progress.save(self._file)
            self._tell(part)

    async def _ask(self, part: Part, query: FsckQuery) -> FsckAnswer:
        return await ask(self._client, FSCK, _place(part), query, FsckAnswer, ANSWER_SECONDS, role=part.role)

    async def _again(self, part: Part) -> None:
        """Believe only what differs twice: what was being worked on is well by now."""
        if part.done:
            part.unseen = ""
        found: list[Difference] = []
        for start in range(0, len(part.differences), ITEMS_AT_ONCE):
            items = tuple(one.item for one in part.differences[start : start + ITEMS_AT_ONCE])
            answer = await self._items(part, items)
            if answer is None:
                return
            found += answer.differences
        part.differences = found

    async def _items(self, part: Part, items: tuple[str, ...]) -> FsckAnswer | None:
        """Look at these again; None: it could not be, and that is noted."""
        query = FsckQuery(school=part.school, depth=self._progress.depth, items=items)
        reason = ""
        for _ in range(TRIES):
            try:
                return await self._ask(part, query)
            except Transient as error:
                reason = str(error)
                await asyncio.sleep(min(PAUSE, self._settle))
        part.unseen = reason
        return None

    def _pairs(self) -> Iterator[tuple[Part, Part]]:
        """Those that must count the same, where both were counted whole."""
        parts = {(part.school, part.role): part for part in self._progress.parts if part.done}
        for (school, role), part in parts.items():
            other = parts.get((school, COMPARED[role][0])) if role in COMPARED else None
            if other is not None:
                yield part, other

    def _differing_days(self) -> Iterator[tuple[Key, list[str]]]:
        for part, other in self._pairs():
            if days := _differing(part.days, other.days):
                yield (part.school, part.role), days

    async def _compare(self, differing: Mapping[Key, list[str]]) -> None:
        for part, other in self._pairs():
            days = differing.get((part.school, part.role), [])
            _, kind, repairable = COMPARED[part.role]
            for start in range(0, len(days), ITEMS_AT_ONCE):
                items = tuple(f"days:{day}" for day in days[start : start + ITEMS_AT_ONCE])
                own, its = await self._items(part, items), await self._items(other, items)
                if own is None or its is None:
                    break
                known = {one.item for one in part.differences}
                counts = {f"{d.camera}/{d.day}": d.count for d in its.days}
                have = {f"{d.camera}/{d.day}": d.count for d in own.days}
                part.differences += [
                    _day_differs(day, kind, counts.get(day, 0), have.get(day, 0), repairable=repairable)
                    for day in _differing(own.days, its.days)
                    if f"days:{day}" not in known
                ]

    async def repair(self) -> None:
        """Have the roles mend what they can; each looks again before it does."""
        for part in self._progress.parts:
            items = [one.item for one in part.differences if one.repairable]
            try:
                for start in range(0, len(items), REPAIRS_AT_ONCE):
                    task = RepairTask(school=part.school, items=tuple(items[start : start + REPAIRS_AT_ONCE]))
                    answer = await ask(
                        self._client,
                        FSCK_REPAIR,
                        _place(part),
                        task,
                        RepairAnswer,
                        REPAIR_SECONDS,
                        role=part.role,
                    )
                    part.repairs += answer.repairs
                    self._progress.save(self._file)
            except Transient as error:
                part.unseen = str(error)


def keys_of(schools: Sequence[str], school: str | None, role: str | None) -> list[Key]:
    """Which role to ask about which school: a role at the district answers for each school by itself."""
    return [
        (one, name) for one in schools if school in (None, one) for name in OWNERS if role in (None, name)
    ]


def _place(part: Part) -> str:
    return part.school if OWNERS[part.role] is Place.SCHOOL else DISTRICT_SCHOOL


def _differing(one: Sequence[DayTotal], other: Sequence[DayTotal]) -> list[str]:
    left = {f"{d.camera}/{d.day}": d.digest for d in one}
    right = {f"{d.camera}/{d.day}": d.digest for d in other}
    return sorted(day for day in left.keys() | right.keys() if left.get(day) != right.get(day))


def _day_differs(day: str, kind: str, expected: int, found: int, *, repairable: bool) -> Difference:
    camera, _, date = day.partition("/")
    return Difference(
        item=f"days:{day}",
        kind=kind,
        camera=camera,
        start=datetime.fromisoformat(f"{date}T00:00:00+00:00"),
        where=day,
        expected=f"{expected}",
        found=f"{found}",
        repairable=repairable,
    )
