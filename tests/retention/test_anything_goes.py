"""A site through anything: files, holds, releases, sweeps, vaulting, crashes, deletions, time, in any order.

After every step: what a standing hold covers was not erased by us and, once in the vault, is there; what
was erased was due, was certified once, and whole until then.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reelwarden_common.events.ingest import Segment
from reelwarden_common.events.retention import Hold, HoldInForce, SegmentsErased
from reelwarden_retention.periods import keep_period
from reelwarden_retention.shapes import Release
from tests.support.retention import DELAY, NOW, TEN, Site, hold, period, plan, released

FIRST = NOW - timedelta(days=32)
PLACES = st.integers(0, 11)
"""Twelve segments on three days, the last of which is not due yet."""


class Crash(BaseException):
    """The process ends here: nothing of it handles this."""


def start_of(place: int) -> datetime:
    return FIRST + timedelta(days=place // 4) + (place % 4) * TEN


class AnythingGoes(RuleBasedStateMachine):
    """The model: which segments were written, which holds were acknowledged, which releases heard."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.Runner()
        self.site = self._ready(Site(self.folder / "storage", self.folder / "state"))
        self.die_at = 0
        self.version = 0
        self.segments: dict[int, Segment] = {}
        self.holds: dict[str, Hold] = {}
        self.heard_of: dict[str, datetime] = {}
        self.deleted: set[str] = set()
        self.gone_before: dict[str, set[str]] = {}
        self.in_force: dict[str, set[str]] = {}

    def teardown(self) -> None:
        self.site.close()
        self.loop.close()
        shutil.rmtree(self.folder)

    def _reached(self, _: str) -> None:
        self.die_at -= 1
        if self.die_at == 0:
            raise Crash

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it; if it dies, start again as a new process would."""
        try:
            self.loop.run(work)
        except Crash:
            self.site.conn.close()
            before = self.site
            self.site = self._ready(Site(before.root, before.state, before.time, before.key))
            self.site.recorded = before.recorded
        self.die_at = 0

    def _ready(self, site: Site) -> Site:
        site.conn.execute("PRAGMA synchronous=OFF")  # processes die here, machines do not
        site.eraser._reached = self._reached
        return site

    def _plan(self) -> None:
        self.version += 1
        releases: tuple[Release, ...] = tuple(released(name, NOW) for name in self.heard_of)
        wanted = plan(
            self.version,
            holds=tuple(self.holds.values()),
            releases=releases,
            issued_at=self.site.time.now,
        )
        self._do(self.site.hear(wanted))

    @initialize(places=st.sets(PLACES, min_size=6))
    def begin(self, places: set[int]) -> None:
        """A site that erased before: its first sweep's brake has tests of its own."""
        for place in sorted(places):
            self.a_recorder_writes(place)
        self.site.conn.execute("INSERT INTO meta VALUES ('erased', 'yes')")
        self._plan()

    @rule(place=PLACES)
    def a_recorder_writes(self, place: int) -> None:
        if place not in self.segments:
            [self.segments[place]] = self.loop.run(self.site.record(start_of(place)))

    @rule(place=PLACES, length=st.integers(1, 4), days=st.integers(1, 40))
    def somebody_applies(self, place: int, length: int, days: int) -> None:
        if len(self.holds) < 4:
            name, start = f"h{len(self.holds)}", start_of(place)
            until = self.site.time.now + timedelta(days=days)
            self.holds[name] = hold(name, start, start + length * TEN, until=until)
            self.gone_before[name] = {s.id for s in self.segments.values() if not self._whole(s)}
            self._plan()

    @rule(number=st.integers(0, 3))
    def a_hold_is_released(self, number: int) -> None:
        if f"h{number}" in self.holds:
            self.heard_of.setdefault(f"h{number}", self.site.time.now)
            self._plan()

    @rule()
    def it_sweeps(self) -> None:
        self._do(self.site.sweeper.turn())

    @rule(die_at=st.integers(1, 20))
    def it_dies_while_it_sweeps(self, die_at: int) -> None:
        self.die_at = die_at
        self._do(self.site.sweeper.turn())

    @rule()
    def it_vaults(self) -> None:
        self._do(self.site.vault.turn())
        for event in self.site.said(HoldInForce):
            if not event.gone and event.complete:
                span = self.holds[event.hold].span
                self.in_force[event.hold] = {
                    s.digest for s in self.segments.values() if s.start < span.end and s.end > span.start
                } & self._vaulted()

    @rule(place=PLACES)
    def somebody_deletes(self, place: int) -> None:
        segment = self.segments.get(place)
        if segment is not None and self.site.exists(segment):
            (self.site.root / segment.locator).unlink()
            self.deleted.add(segment.id)

    @rule(hours=st.sampled_from([1, 30, 73, 24 * 20]))
    def time_passes(self, hours: int) -> None:
        self.site.time.pass_(timedelta(hours=hours))

    def _vaulted(self) -> set[str]:
        return {path.stem for path in (self.site.root / ".reelwarden/vault").rglob("*.mp4")}

    def _stands(self, name: str, moment: datetime) -> bool:
        heard = self.heard_of.get(name)
        return moment < self.holds[name].until and (heard is None or moment < heard + DELAY)

    @invariant()
    def nothing_held_was_erased_and_all_that_was_erased_was_due(self) -> None:
        certificates = [c for event in self.site.said(SegmentsErased) for c in event.certificates]
        assert len({c.segment for c in certificates}) == len(certificates)
        for one in certificates:
            assert keep_period(period()).due(one.end) <= one.erased_at
            for name, held in self.holds.items():
                if one.segment in self.gone_before[name] or not self._stands(name, one.erased_at):
                    continue
                assert held.span.end <= one.start or held.span.start >= one.end

    @invariant()
    def every_file_is_whole_somewhere_or_certified_or_deleted_by_others(self) -> None:
        certified = {c.segment for event in self.site.said(SegmentsErased) for c in event.certificates}
        for segment in self.segments.values():
            if segment.id in certified:
                assert not self.site.exists(segment)
                continue
            there = self._whole(segment)
            assert there or segment.id in self.deleted or self._interrupted(segment)
            for path in there:
                assert hashlib.sha256(path.read_bytes()).hexdigest() == segment.digest

    def _whole(self, segment: Segment) -> list[Path]:
        places = [segment.locator, f".reelwarden/trash/{segment.id}"]
        places.append(f".reelwarden/vault/gate/{segment.digest}.mp4")
        return [self.site.root / place for place in places if (self.site.root / place).exists()]

    def _interrupted(self, segment: Segment) -> bool:
        """Unlinked by a sweep that died before it could say so: the next one does."""
        query = "SELECT 1 FROM journal WHERE footage = ? AND step = 'condemned'"
        return self.site.conn.execute(query, (segment.id,)).fetchone() is not None

    @invariant()
    def what_is_in_force_stays_in_the_vault(self) -> None:
        for name, digests in self.in_force.items():
            if self._stands(name, self.site.time.now):
                assert digests <= self._vaulted()


AnythingGoes.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking a story takes longer than reading it
)
TestAnythingGoes = AnythingGoes.TestCase
