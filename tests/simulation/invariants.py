"""The oracle: what the world itself knows of footage, holds and time, and what must follow.

It knows nothing of the roles' rules; it hears what they say once it is committed, and looks at the disk.
The numbers are those of docs/invariants.md.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reelwarden_common.envelope import Message, decode
from reelwarden_common.events.backup import ObjectRestored, ObjectsErased, ObjectVerified
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import SegmentsLost, SegmentsRecorded
from reelwarden_common.events.retention import (
    Certificate,
    Hold,
    HoldFrozen,
    HoldInForce,
    HoldsKept,
    PlanApplied,
    PlanIssued,
    SegmentsErased,
    SweepStopped,
)
from reelwarden_retention.shapes import Plan
from tests.simulation.clock import Time
from tests.simulation.objects import Objects
from tests.simulation.processes import Broken
from tests.simulation.school import DAYS, DELAY, GRACE, LIMITS, School
from tests.simulation.storage import LENGTH, Piece

SLACK = timedelta(minutes=10)
"""Clocks agree this well."""
EAST = timedelta(hours=8)
"""Shanghai is so far ahead of UTC, summer and winter."""
LATE = timedelta(days=1)


def due(end: datetime, days: int) -> datetime:
    """The midnight that ends the N-th local day after the recording day, plus grace: counted by hand."""
    local = end + EAST
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=days + 1) - EAST + GRACE


@dataclass
class Counted:
    """A period of a camera: from when, and until when at least, nothing may be erased earlier."""

    days: int
    until: datetime | None = None


@dataclass
class Acknowledged:
    """A hold that the site said it keeps."""

    hold: Hold
    until: datetime
    at: int
    """How many words had been heard before."""
    released: datetime | None = None
    """When the first plan in a row was made that releases it."""
    kept: set[str] = field(default_factory=set)
    """What was whole when the site said that it is in force."""

    def stands(self, now: datetime) -> bool:
        return now < self.until - SLACK and (self.released is None or now < self.released + DELAY - SLACK)

    def covers(self, one: Piece, margin: timedelta = timedelta(0)) -> bool:
        span = self.hold.span
        return one.camera == span.camera and one.start < span.end + margin and one.end > span.start - margin


@dataclass(frozen=True)
class Unlinked:
    """When a file went, how many words had been heard before, and when it was due as far as they told."""

    at: datetime
    words: int
    due: datetime


class Oracle:
    """Of one school."""

    def __init__(self, school: School, time: Time, objects: Objects) -> None:
        self.school, self.time, self.objects = school, time, objects
        self.pieces: dict[str, Piece] = {}
        self.damaged: set[str] = set()
        """Pieces of which somebody outside destroyed the last copy."""
        self.recorded: set[str] = set()
        self.away: set[str] = set()
        """Told as lost, and nothing was at its place then: other content may lie there later."""
        """Pieces that the scanner told of."""
        self.certified: dict[str, Certificate] = {}
        self.certified_at: dict[str, datetime] = {}
        self.junk: dict[str, datetime] = {}
        """What somebody else wrote over footage: digest and time."""
        self.vanished: dict[str, Unlinked] = {}
        """Not yet certified."""
        self.words = 0
        self.restored: set[str] = set()
        """Brought back from the store, perhaps after it was erased: then it goes and is certified again."""
        self.holds: dict[str, Acknowledged] = {}
        self.periods: dict[str, list[Counted]] = {}
        self.plans: dict[str, tuple[Plan, datetime]] = {}
        """By digest, with the true time of their making."""
        self.releasing: dict[str, datetime] = {}
        """What the plan in force releases, and when the first plan in a row was made that does."""
        self.stops: dict[str, set[str]] = {}
        self.confirmed: set[str] = set()
        self.erased_before = False
        self.under_way: set[str] = set()
        """Unlinked by a sweep that died, before the present one began."""
        self.sweep: list[str] = []
        """Certified since the present sweep began."""
        self.size = 0

    # what is on the disk

    def whole(self, one: Piece) -> list[str]:
        """Where a piece lies as it was recorded."""
        places = [
            one.locator,
            f".reelwarden/vault/{one.camera}/{one.digest}.mp4",
            f".reelwarden/trash/{one.id}",
        ]
        return [place for place in places if self._holds(place, one.content)]

    def _holds(self, place: str, content: bytes) -> bool:
        try:
            with open(f"{self.school.root}/{place}", "rb", buffering=0) as file:  # noqa: PTH123 - called very often
                return file.read() == content
        except OSError:
            return False

    def left(self) -> set[str]:
        """Ids of all that is whole somewhere."""
        return {one.id for one in self.pieces.values() if self.whole(one)}

    def outside(self, before: set[str]) -> None:
        """Somebody outside did something: what is gone by that is not ours to answer for."""
        self.damaged |= before - self.left() - self.vanished.keys()

    # what is said

    def hears(self, said: Iterable[Message]) -> None:
        """A role committed these words."""
        for one in said:
            self.words += 1
            event, envelope = decode(one.subject, one.headers, one.body)
            if envelope.school == self.school.name:
                self._hears(event)

    def _hears(self, event: Event) -> None:
        words: dict[type[Event], Callable[[Any], None]] = {
            PlanIssued: lambda e: self.plan_made(Plan.model_validate_json(e.plan), e.digest),
            PlanApplied: lambda e: self._applied(*self.plans[e.digest]),
            HoldsKept: lambda e: self._acknowledged(e.holds),
            HoldFrozen: lambda e: self._acknowledged([e.hold]),
            HoldInForce: self._in_force,
            SegmentsRecorded: lambda e: self._recorded({one.id for one in e.segments}),
            SegmentsErased: self._all_erased,
            SegmentsLost: lambda e: self._lost(one.id for one in e.segments),
            SweepStopped: self._stopped,
            ObjectVerified: lambda e: self._verified(e.objects),
            ObjectRestored: lambda e: self.restored.add(e.segment),
            ObjectsErased: lambda e: self._copies_erased([one.segment for one in e.objects]),
        }
        if (heard := words.get(type(event))) is not None:
            heard(event)

    def _all_erased(self, event: SegmentsErased) -> None:
        for certificate in event.certificates:
            self._erased(certificate)

    def _recorded(self, identifiers: set[str]) -> None:
        self.recorded |= identifiers
        self.away -= identifiers

    def _lost(self, identifiers: Iterable[str]) -> None:
        self.away |= {
            one for one in identifiers if not (self.school.root / self.pieces[one].locator).exists()
        }

    def _stopped(self, event: SweepStopped) -> None:
        query = "SELECT footage FROM sweep_items WHERE sweep = ?"
        items = self.school.processes["reaper"].conn.execute(query, (event.sweep,))
        self.stops[event.sweep] = {row["footage"] for row in items}

    def plan_made(self, plan: Plan, digest: str) -> None:
        """By the keeper, or by a thief."""
        self.plans[digest] = (plan, self.time.now)

    def _applied(self, plan: Plan, made: datetime) -> None:
        named = {hold.id for hold in plan.holds}
        releases = {release.hold for release in plan.releases}
        self.releasing = {name: self.releasing.get(name, made) for name in releases}
        for name, known in self.holds.items():
            waits = known.released is not None and self.time.now < known.released + DELAY
            if name in releases:
                known.released = known.released or made
            elif waits or name in named:
                known.released = None
        for policy in plan.policies:
            counted = self.periods.setdefault(policy.period.camera, [])
            if counted and counted[-1].days == policy.period.days:
                continue
            if counted:
                counted[-1].until = made + DELAY
            counted.append(Counted(policy.period.days))

    def _acknowledged(self, holds: Iterable[Hold]) -> None:
        for hold in holds:
            new = Acknowledged(hold, hold.until, self.words, self.releasing.get(hold.id))
            known = self.holds.setdefault(hold.id, new)
            known.until = max(known.until, hold.until)

    def _in_force(self, event: HoldInForce) -> None:
        known = self.holds.get(event.hold)
        if known is not None:
            covered = [
                one for one in self.pieces.values() if known.covers(one) and one.id not in self.certified
            ]
            known.kept |= {one.id for one in covered if any("/vault/" in place for place in self.whole(one))}

    # 1, 2, 3 and the brake

    def due_of(self, one: Piece, at: datetime) -> datetime:
        """The latest due time by every period that counts then."""
        counted = self.periods.get(one.camera, [])
        days = [period.days for period in counted if period.until is None or at < period.until - SLACK]
        return due(one.end, max(days, default=DAYS))

    def held(self, one: Piece, at: datetime, words: int) -> str | None:
        """The hold that covers it then, among those that so many words had told of."""
        known = ((h, a) for h, a in self.holds.items() if a.at <= words)
        return next((h for h, a in known if a.stands(at) and a.covers(one)), None)

    def _may_be_held(self, one: Piece, since: datetime) -> bool:
        """Holds reach one segment further than they say."""
        holds = [a for a in self.holds.values() if a.covers(one, LENGTH + SLACK)]
        return any(
            a.until + SLACK > since and (a.released is None or a.released + DELAY + SLACK > since)
            for a in holds
        )

    def _erased(self, certificate: Certificate) -> None:
        one = self.pieces.get(certificate.segment)
        if one is None:
            self._junk_erased(certificate)
            return
        if one.id in self.certified and one.id not in self.restored:
            raise Broken(f"3: {one.locator} was certified twice")
        self.restored.discard(one.id)
        gone = self.vanished.pop(one.id, None) or self._unlinked(one)
        if gone.at < gone.due - SLACK:
            raise Broken(f"2: {one.locator} of {one.end} was erased at {gone.at}, due {gone.due}")
        if hold := self.held(one, gone.at, gone.words):
            raise Broken(f"1: {one.locator} was erased at {gone.at} under hold {hold}")
        self.certified[one.id], self.certified_at[one.id] = certificate, self.time.now
        if certificate.digest != one.digest and certificate.digest not in self.junk:
            raise Broken(f"3: the certificate of {one.locator} names another content")
        others = [p for p in self.pieces.values() if p.digest == one.digest and p.id not in self.certified]
        if (places := self.whole(one)) and not others:
            raise Broken(f"3: {one.locator} was certified and lies at {places}")
        if one.id not in self.under_way:
            self.sweep.append(one.id)

    def _unlinked(self, one: Piece) -> Unlinked:
        return Unlinked(self.time.now, self.words, self.due_of(one, self.time.now))

    def _junk_erased(self, certificate: Certificate) -> None:
        """A file that was no footage, or could not be taken for some while its times were not believed."""
        twin = next((one for one in self.pieces.values() if one.digest == certificate.digest), None)
        written = twin.end if twin else self.junk.get(certificate.digest)
        if written is None:
            raise Broken(f"3: a certificate for {certificate.locator}, which nobody wrote")
        if self.time.now < due(written, DAYS) - SLACK:
            raise Broken(f"2: {certificate.locator}, written {written}, was erased at {self.time.now}")
        if twin and (hold := self.held(twin, self.time.now, self.words)):
            raise Broken(f"1: {twin.locator} was erased under hold {hold}")
        if twin and not self.whole(twin):
            self.certified.setdefault(twin.id, certificate)
            self.certified_at.setdefault(twin.id, self.time.now)

    def sweep_begins(self) -> None:
        """The reaper turns its sweep."""
        self.sweep.clear()
        self.under_way = set(self.vanished)
        self.size = len(self.pieces) - len(self.certified)

    def sweep_ended(self) -> None:
        """The brake: what is unusual was confirmed by a person, file by file."""
        allowed = [self.stops[sweep] for sweep in self.confirmed if sweep in self.stops]
        unasked = [one for one in self.sweep if not any(one in items for items in allowed)]
        first = not self.erased_before and len(self.certified) == len(self.sweep)
        if unasked and (first or len(unasked) > max(LIMITS.segments, LIMITS.share * self.size)):
            raise Broken(f"2: the brake let {len(unasked)} files pass that nobody confirmed")

    def look(self) -> None:
        """After every step: what was recorded is there, or certified, or under way with an intent."""
        now = self.time.now
        for one in self.pieces.values():
            if one.id in self.certified or one.id in self.damaged or one.id in self.vanished:
                continue
            if self.whole(one):
                continue
            if not self._intended(one):
                raise Broken(f"3: {one.locator} of {one.end} is gone: no intent, no certificate")
            self.vanished[one.id] = self._unlinked(one)
            if hold := self.held(one, now, self.words):
                raise Broken(f"1: {one.locator} was unlinked under hold {hold}")
        for name, known in self.holds.items():
            if not known.stands(now):
                known.kept.clear()
            for one in (self.pieces[identifier] for identifier in known.kept):
                if not self._holds(f".reelwarden/vault/{one.camera}/{one.digest}.mp4", one.content):
                    raise Broken(f"1: {one.locator} was in force under hold {name} and left the vault")

    def _intended(self, one: Piece) -> bool:
        query = "SELECT 1 FROM journal WHERE footage = ? AND step = 'condemned'"
        return self.school.processes["reaper"].conn.execute(query, (one.id,)).fetchone() is not None

    # 7

    def _verified(self, identifiers: Iterable[str]) -> None:
        for one in (self.pieces[identifier] for identifier in identifiers):
            read = {digest for key, digest in self.objects.read_back if one.id in key}
            if one.digest not in read:
                raise Broken(f"7: a copy of {one.locator} counts that nobody read back whole")

    def copies(self, one: Piece) -> int:
        """How many versions of it lie in the store."""
        return sum(len(v) for (_, key), v in self.objects.versions_of.items() if one.id in key)

    def _unlocked_copies(self, one: Piece) -> bool:
        """Whether one may be erased: a lock outlives a period that was shortened."""
        before = self.time.now - LATE
        copies = [c for (_, key), v in self.objects.versions_of.items() if one.id in key for c in v.values()]
        return any(copy.locked_until is None or copy.locked_until < before for copy in copies)

    def _copies_erased(self, identifiers: Sequence[str]) -> None:
        for one in (self.pieces[identifier] for identifier in identifiers):
            if one.id in self.certified or self.copies(one):
                continue
            now = self.time.now
            if now < self.due_of(one, now) - SLACK:
                raise Broken(f"7: the copies of {one.locator} went before it was due")

    # at last

    def came_right(self, index: sqlite3.Connection, keeper: sqlite3.Connection) -> None:
        """After days of calm: what is due went, district and school say the same."""
        now = self.time.now
        for one in self.pieces.values():
            late = self.due_of(one, now) + LATE < now and not self._may_be_held(one, now - LATE)
            if (
                one.id not in self.certified
                and late
                and one.id in self.recorded
                and (places := self.whole(one))
            ):
                raise Broken(f"2: {one.locator} of {one.end} outlives its due time at {places}")
            long_gone = one.id in self.certified and self.certified_at[one.id] + LATE < now
            if long_gone and self._unlocked_copies(one) and self.due_of(one, now) + LATE < now:
                raise Broken(f"7: {one.locator} was erased, its copy is still in the store")
        self._index_tells_the_truth(index)
        self._same_holds(keeper)

    def _index_tells_the_truth(self, index: sqlite3.Connection) -> None:
        rows = {row["id"].hex(): row["status"] for row in index.execute("SELECT id, status FROM segments")}
        for one in self.pieces.values():
            said = rows.get(one.id)
            if one.id in self.recorded and said != (true := self._truth(one)):
                raise Broken(f"6: {one.locator} is {true}, the index says {said}")
        if strange := rows.keys() - self.pieces.keys():
            raise Broken(f"6: the index knows {strange}, which nobody recorded")

    def _truth(self, one: Piece) -> str:
        if one.id in self.certified:
            return "erased"
        if self._holds(one.locator, one.content):
            return "recorded"
        there = (self.school.root / one.locator).exists()
        return "altered" if there and one.id not in self.away else "lost"

    def _same_holds(self, keeper: sqlite3.Connection) -> None:
        now = self.time.now
        found = keeper.execute("SELECT * FROM holds WHERE state <> 'lapsed'").fetchall()
        theirs = {
            row["id"]
            for row in found
            if datetime.fromisoformat(row["ends_at"]) > now
            and (row["released_at"] is None or datetime.fromisoformat(row["released_at"]) > now)
        }
        ours = {
            row["id"]
            for row in self.school.processes["reaper"].conn.execute("SELECT * FROM holds")
            if row["until_us"] > now.timestamp() * 1e6
            and (row["released_us"] is None or row["released_us"] > now.timestamp() * 1e6)
        }
        if theirs != ours:
            raise Broken(f"6: the keeper holds {sorted(theirs)}, the school {sorted(ours)}")
