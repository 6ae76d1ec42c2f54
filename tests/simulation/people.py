"""What people do: apply, decide, freeze, confirm sweeps, change periods, want footage back, steal keys."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.envelope import encode
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationFiled,
    ApplicationRejected,
    Manner,
    ReleaseStopped,
    RestoreAsked,
    SweepConfirmed,
)
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.retention import Hold, HoldSource
from reelwarden_retention.shapes import CameraPolicy, Plan, Release, Superseded, signed
from reelwarden_retention.site.reaper.freezes import Freeze, leave
from tests.simulation.bus import HUB, Bus
from tests.simulation.clock import Time
from tests.simulation.invariants import Oracle
from tests.simulation.school import DAYS, School
from tests.simulation.storage import CAMERAS, Piece


@dataclass
class Application:
    """One application, how far its events have come."""

    name: str
    until: datetime
    version: int = 1
    released: bool = False


class People:
    """Of one school, and the thief of its district's key."""

    def __init__(
        self,
        school: School,
        oracle: Oracle,
        bus: Bus,
        time: Time,
        dice: random.Random,
        key: Ed25519PrivateKey,
    ) -> None:
        self.school, self.oracle, self.bus, self.time, self.dice, self.key = (
            school,
            oracle,
            bus,
            time,
            dice,
            key,
        )
        self.applications: list[Application] = []
        self.days = dict.fromkeys(CAMERAS, DAYS)
        self.said = self.freezes = 0

    def _say(self, event: Event) -> None:
        self.said += 1
        name = f"{self.school.name}-desk-{self.said}"
        self.bus.publish(
            HUB, encode(event, school=self.school.name, role="desk", event_id=name, time=self.time.now)
        )

    def _span(self) -> CameraSpan:
        """About some footage, often such that will soon be erased."""
        oldest = sorted(
            (p for p in self.oracle.pieces.values() if p.id not in self.oracle.certified), key=_start
        )
        one: Piece = self.dice.choice(
            oldest[:6] if oldest and self.dice.random() < 0.5 else list(self.oracle.pieces.values())
        )
        start = one.start + self.dice.choice((timedelta(0), timedelta(minutes=-5), timedelta(minutes=5)))
        return CameraSpan(
            camera=one.camera, start=start, end=start + timedelta(minutes=self.dice.randint(1, 25))
        )

    def _until(self) -> datetime:
        return self.time.now + timedelta(
            days=self.dice.choice((1, 2, 4, 8, 30)), minutes=self.dice.randint(0, 600)
        )

    def apply(self) -> str:
        one = Application(f"{self.school.name}-a{len(self.applications)}", self._until())
        self.applications.append(one)
        spans = tuple(self._span() for _ in range(self.dice.randint(1, 2)))
        self._say(
            ApplicationFiled(
                application=one.name,
                version=1,
                number=one.name,
                manner=Manner.VIEW,
                spans=spans,
                purpose="incident",
                applicant="a-1",
                hold_until=one.until,
            )
        )
        return (
            f"{one.name} for {[(s.camera, f'{s.start:%d %H:%M}') for s in spans]} until {one.until:%d %H:%M}"
        )

    def decide(self) -> str:
        """Approve, reject, or take a release back."""
        if not self.applications:
            return ""
        one = self.dice.choice(self.applications)
        one.version += 1
        if one.released:
            one.released = False
            self._say(ReleaseStopped(cause=one.name, version=one.version, actor="a-2"))
            return f"the release of {one.name} is taken back"
        if self.dice.random() < 0.4:
            one.until = max(one.until, self._until())
            self._say(
                ApplicationApproved(
                    application=one.name,
                    version=one.version,
                    approvers=("a-2",),
                    approver_roles=("leader",),
                    form_digest="ab" * 32,
                    valid_until=one.until,
                    hold_until=one.until,
                )
            )
            return f"{one.name} is approved until {one.until:%d %H:%M}"
        one.released = True
        self._say(ApplicationRejected(application=one.name, version=one.version, approver="a-2", reason="no"))
        return f"{one.name} is rejected"

    def freeze(self) -> str:
        self.freezes += 1
        name = f"f{self.freezes}"
        hold = Hold(
            id=name,
            source=HoldSource.FREEZE,
            cause=name,
            span=self._span(),
            purpose="urgent",
            until=self._until(),
        )
        leave(self.school.state / "freezes", Freeze(hold=hold, actor="principal"))
        return f"{name} on {hold.span.camera} {hold.span.start:%d %H:%M} until {hold.until:%d %H:%M}"

    def confirm(self) -> str:
        """An officer lets a stopped sweep go on."""
        waiting = sorted(self.oracle.stops.keys() - self.oracle.confirmed)
        if not waiting:
            return ""
        sweep = self.dice.choice(waiting)
        self.oracle.confirmed.add(sweep)
        self._say(SweepConfirmed(sweep=sweep, actor="a-3"))
        return sweep

    def replay(self) -> None:
        """An operator lets a restored district hear again what it forgot (docs/reliability.md)."""
        for sweep in sorted(self.oracle.confirmed):
            self._say(SweepConfirmed(sweep=sweep, actor="a-3"))

    def ask_for_lost(self) -> str:
        """Somebody wants footage back from the backup."""
        one: Piece = self.dice.choice(list(self.oracle.pieces.values()))
        self._say(RestoreAsked(segment=one.id, actor="a-4"))
        return one.locator

    def other_days(self) -> dict[str, int]:
        """Another period for a camera, not below what the site's own configuration demands."""
        self.days[self.dice.choice(CAMERAS)] = self.dice.choice((DAYS, DAYS, DAYS + 1, DAYS + 3))
        return self.days

    def steal(self) -> str:
        """Somebody has the keeper's key, speaks in its name, and wants footage gone."""
        plans = [plan for plan, _ in self.oracle.plans.values()]
        newest = max(plans, key=lambda one: (one.epoch, one.version), default=None)
        if newest is None:
            return ""
        days = self.dice.choice((1, DAYS))
        longer = Superseded(period=newest.policies[0].period, until=self.time.now)
        policies = tuple(
            CameraPolicy(
                period=one.period.model_copy(update={"days": days}), superseded=(longer,) if days > 1 else ()
            )
            for one in newest.policies
        )
        names = {hold.id for hold in newest.holds} | self.oracle.holds.keys()
        forged = Plan(
            school=newest.school,
            epoch=newest.epoch + self.dice.randint(0, 1),
            version=newest.version + self.dice.randint(1, 3),
            previous=None,
            issued_at=self.time.now + self.dice.choice((timedelta(0), timedelta(0), timedelta(days=-4))),
            release_delay_minutes=0,
            policies=policies,
            holds=(),
            releases=tuple(Release(hold=name, effective_at=self.time.now) for name in sorted(names)),
            confirmed_sweeps=(),
        )
        event = signed(forged, self.key)
        self.oracle.plan_made(forged, event.digest)
        self.said += 1
        name = f"{self.school.name}-thief-{self.said}"
        message = encode(event, school=self.school.name, role="keeper", event_id=name, time=self.time.now)
        self.bus.publish(HUB, message)
        return f"epoch {forged.epoch} version {forged.version}, {days} days, releases {sorted(names)}"


def _start(one: Piece) -> datetime:
    return one.start
