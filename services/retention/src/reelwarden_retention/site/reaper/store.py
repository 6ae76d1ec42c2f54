"""The reaper's tables: plans, holds, the catalogue of what may have to be erased or kept."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reelwarden_common.events.base import Id
from reelwarden_common.events.retention import ClockJudged, HoldsKept, PlanApplied
from reelwarden_common.messaging.units import Store
from reelwarden_retention.periods import counting
from reelwarden_retention.shapes import CameraPolicy, Plan
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.belief import ClockEvidence, Confirmation, doubt
from reelwarden_retention.site.reaper.catalogue import Catalogue
from reelwarden_retention.site.reaper.domain import (
    Footage,
    KeptHold,
    effective_at,
    margin_of,
)
from reelwarden_retention.site.reaper.journal import Journal
from reelwarden_retention.site.reaper.machine_clock import MachineClock

_PUT_HOLD = """
    INSERT INTO holds (id, body, camera, start_us, end_us, until_us, released_us) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
    SET body = excluded.body, start_us = excluded.start_us, end_us = excluded.end_us,
        until_us = excluded.until_us, released_us = excluded.released_us,
        look_us = CASE WHEN body = excluded.body THEN look_us ELSE 0 END
"""
_LOOK_AGAIN = "UPDATE holds SET look_us = 0 WHERE camera = ? AND start_us <= ? AND end_us >= ?"
FORGET_AFTER = timedelta(days=30)
"""How long a hold is remembered after its end, and a file that is gone after its own."""


@dataclass(frozen=True)
class SiteRules:
    """What the site goes by besides the plans: its own delay, and what it knows of its cameras."""

    school: str
    release_delay: timedelta
    floor_days: int
    segment_seconds: Mapping[str, int]
    keys: Mapping[str, Ed25519PublicKey]
    """Whose plans are believed, by key id."""
    floors: Mapping[str, int] = field(default_factory=dict)
    """Of cameras that keep more than that: key targets."""
    longest_segment: int = 60
    """Seconds; for cameras that the site's own file does not know."""
    machine: MachineClock = field(default_factory=MachineClock)

    def floor_of(self, camera: str) -> int:
        """What a camera keeps at least, in days; no plan goes below it."""
        return max(self.floor_days, self.floors.get(camera, 0))


class ReaperStore(Store):
    """One transaction on the reaper's tables."""

    def __init__(self, conn: sqlite3.Connection, rules: SiteRules) -> None:
        super().__init__("reaper", rules.machine.now)
        self.conn, self.rules, self.school = conn, rules, rules.school
        self.journal = Journal(conn)
        self.catalogue = Catalogue(conn, self._look_again)

    # small things

    def meta(self, key: str) -> str | None:
        """One remembered value."""
        row = self.conn.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def remember(self, key: str, value: str) -> None:
        self.conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def confirmation(self) -> Confirmation | None:
        """When a fresh plan last agreed with this machine's clock."""
        text = self.meta("clock")
        if text is None:
            return None
        boot, wall, up = text.split(" ")
        return Confirmation(boot, rows.moment(int(wall)), timedelta(microseconds=int(up)))

    def clock_confirmed(self, one: Confirmation) -> None:
        up = one.uptime // timedelta(microseconds=1)
        self.remember("clock", f"{one.boot} {rows.microseconds(one.wall)} {up}")

    def doubt(self) -> str | None:
        """Why this machine's clock is not believed; None: it is."""
        machine = self.rules.machine
        return doubt(
            ClockEvidence(
                now=machine.now(),
                uptime=machine.uptime(),
                boot=machine.boot(),
                synchronised=machine.synchronised(),
                newest_plan=self.plan_issued_at(),
                confirmed=self.confirmation(),
            )
        )

    def say_belief(self) -> None:
        """Say whether the clock is believed, where that has changed."""
        reason = self.doubt()
        if self.meta("belief") != (reason or ""):
            self.publish(self.school, ClockJudged(doubt=reason))
            self.remember("belief", reason or "")

    # the plan

    def plan(self) -> tuple[int, int, str] | None:
        """Epoch, version and digest of the plan in force."""
        row = self.conn.execute("SELECT epoch, version, digest FROM plan").fetchone()
        return None if row is None else (row["epoch"], row["version"], row["digest"])

    def plan_issued_at(self) -> datetime | None:
        """When the plan in force was issued."""
        row = self.conn.execute("SELECT issued_us FROM plan").fetchone()
        return None if row is None else rows.moment(row["issued_us"])

    def put_plan(self, plan: Plan, digest: str) -> None:
        self.conn.execute(
            "INSERT OR REPLACE INTO plan VALUES (1, ?, ?, ?, ?, ?)",
            (plan.epoch, plan.version, digest, rows.microseconds(plan.issued_at), plan.text),
        )

    def policies(self) -> dict[str, CameraPolicy]:
        """What counts for each camera."""
        found = self.conn.execute("SELECT camera, policy FROM policies ORDER BY camera")
        return {row["camera"]: CameraPolicy.model_validate_json(row["policy"]) for row in found}

    def put_policies(self, policies: Iterable[CameraPolicy]) -> None:
        self.conn.executemany(
            "INSERT OR REPLACE INTO policies VALUES (?, ?)",
            [(one.period.camera, one.model_dump_json()) for one in policies],
        )

    def say_applied(self) -> None:
        """Say which plan counts, and what it comes to now."""
        plan = self.plan()
        if plan is None:
            return
        now, policies = self.clock(), self.policies()
        periods = tuple(counting(policy, now) for policy in policies.values())
        event = PlanApplied(
            epoch=plan[0],
            version=plan[1],
            digest=plan[2],
            effective_at=effective_at(self.holds(), policies.values(), now),
            periods=periods,
        )
        self.publish(self.school, event)
        self.remember("periods", _text(periods))

    def say_applied_if_changed(self) -> None:
        """Say it again when a shortening has taken effect."""
        now = self.clock()
        periods = tuple(counting(policy, now) for policy in self.policies().values())
        if self.meta("periods") not in (None, _text(periods)):
            self.say_applied()

    # holds

    def holds(self) -> list[KeptHold]:
        """All that are remembered."""
        return [rows.hold(row) for row in self.conn.execute("SELECT * FROM holds ORDER BY id")]

    def standing(self) -> list[KeptHold]:
        """Those that forbid erasing now; by a clock that is not believed none has ended."""
        now, doubted = self.clock(), self.doubt() is not None
        return [kept for kept in self.holds() if doubted or kept.stands(now)]

    def put_holds(self, holds: Iterable[KeptHold]) -> None:
        for kept in holds:
            one = kept.hold
            released = None if kept.released_at is None else rows.microseconds(kept.released_at)
            span = (rows.microseconds(one.span.start), rows.microseconds(one.span.end))
            until = rows.microseconds(one.until)
            self.conn.execute(
                _PUT_HOLD, (one.id, one.model_dump_json(), one.span.camera, *span, until, released)
            )

    def say_kept(self) -> None:
        """Say all holds that stand, so that a restored district takes them back."""
        plan = self.plan() or (0, 0, "")
        kept = tuple(one.hold for one in self.standing())
        self.publish(self.school, HoldsKept(epoch=plan[0], version=plan[1], holds=kept))
        self.remember("kept", str(rows.microseconds(self.clock())))

    def kept_said_at(self) -> datetime | None:
        """When all holds were said last."""
        text = self.meta("kept")
        return None if text is None else rows.moment(int(text))

    def to_look_after(self, longest: timedelta) -> list[tuple[KeptHold, str | None]]:
        """Standing holds whose turn it is, each with what was last told of it.

        A turn that is further off than the `longest` pause was set by a clock that was wrong.
        """
        now = self.clock()
        found = self.conn.execute(
            "SELECT * FROM holds WHERE look_us <= ? OR look_us > ? ORDER BY id",
            (rows.microseconds(now), rows.microseconds(now + longest)),
        )
        pairs = [(rows.hold(row), row["told"]) for row in found]
        return [(kept, told) for kept, told in pairs if kept.stands(now)]

    def looked_after(self, hold: Id, again: datetime, told: str) -> None:
        self.conn.execute(
            "UPDATE holds SET look_us = ?, told = ? WHERE id = ?", (rows.microseconds(again), told, hold)
        )

    def _look_again(self, one: Footage) -> None:
        """Something of what a hold may cover has changed."""
        margin = self.rules.segment_seconds.get(one.camera, self.rules.longest_segment) * 1_000_000
        start, end = rows.microseconds(one.start) - margin, rows.microseconds(one.end) + margin
        self.conn.execute(_LOOK_AGAIN, (one.camera, end, start))

    # cameras

    def clock_is_off(self, camera: str, offset_ms: int) -> None:
        """A camera's measured offset; the holds on it reach as much further."""
        self.conn.execute("INSERT OR REPLACE INTO clocks VALUES (?, ?)", (camera, offset_ms))
        self.conn.execute("UPDATE holds SET look_us = 0 WHERE camera = ?", (camera,))

    def margins(self) -> dict[str, timedelta]:
        """How much wider holds reach, for every camera that there is a policy or a hold of."""
        rules = self.rules
        offsets = {row["camera"]: row["offset_ms"] for row in self.conn.execute("SELECT * FROM clocks")}
        known = self.conn.execute("SELECT camera FROM policies UNION SELECT camera FROM holds")
        return {
            row["camera"]: margin_of(
                rules.segment_seconds.get(row["camera"], rules.longest_segment),
                offsets.get(row["camera"], 0),
            )
            for row in known.fetchall()
        }

    def forget(self) -> None:
        """Drop what is long over; of a recorder's own files also what it must have overwritten long ago."""
        before = rows.microseconds(self.clock() - FORGET_AFTER)
        self.conn.execute("DELETE FROM holds WHERE until_us < ?", (before,))
        self.conn.execute(
            "DELETE FROM footage WHERE presence <> 'present' AND vault IS NULL AND believed_end_us < ?"
            " AND id NOT IN (SELECT footage FROM journal) AND id NOT IN (SELECT footage FROM laying)",
            (before,),
        )
        for camera, policy in self.policies().items():
            if not policy.period.managed:
                ended = self.clock() - timedelta(days=policy.period.days) - 2 * FORGET_AFTER
                self.conn.execute(
                    "DELETE FROM footage WHERE camera = ? AND presence = 'present' AND vault IS NULL"
                    " AND believed_end_us < ? AND id NOT IN (SELECT footage FROM laying)",
                    (camera, rows.microseconds(ended)),
                )


def _text(periods: Iterable[object]) -> str:
    return "\n".join(str(one) for one in periods)
