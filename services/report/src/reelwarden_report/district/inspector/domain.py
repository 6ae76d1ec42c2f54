"""What counts as a finding, how bad it is, by when it must be mended; and how coverage is read."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from reelwarden_common.events.report import Severity

MEND_WITHIN = {
    Severity.SERIOUS: timedelta(hours=24),
    Severity.WARNING: timedelta(hours=72),
    Severity.INFO: timedelta(days=7),
}
"""GB 55029: faults are mended within 24 h."""


class Kind(StrEnum):
    """Kinds of findings; programs read them, people read `words.sentence`."""

    GAP = "gap"
    REJECTED = "rejected-file"
    LOST = "lost-segment"
    ALTERED = "altered-segment"
    CONFLICT = "segment-conflict"
    CUT_OFF = "cut-off"
    SILENT = "camera-silent"
    CLOCK = "camera-clock"
    SITE_CLOCK = "site-clock"
    DISK = "disk-short"
    UNBOUND = "storage-unbound"
    READ_ONLY = "storage-read-only"
    VAULT = "vault-large"
    DAYS = "days-short"
    FORECAST = "days-will-be-short"
    HOLD = "hold-not-reached"
    HOLD_GONE = "hold-part-gone"
    REVIEW = "hold-review-due"
    PLAN = "plan-refused"
    ANEW = "plans-anew"
    SWEEP = "sweep-stopped"
    CORRUPT = "corrupt-object"
    BACKUP = "backup-failing"
    UNREAD = "backup-unread"
    RESTORE = "restore-failed"
    DRILL = "drill-failed"
    EXPORT = "export-failed"
    TASK = "task-overdue"
    PARTS = "parts-combined"
    DENIED = "access-denied"
    MORNING = "morning-unsigned"
    DEAD_LETTER = "dead-letter"


class Weight(NamedTuple):
    """How bad a kind is, and the rule that it touches."""

    severity: Severity
    rule: str


WEIGHTS = {
    Kind.GAP: Weight(Severity.WARNING, "R4.1"),
    Kind.REJECTED: Weight(Severity.WARNING, "R3.2"),
    Kind.LOST: Weight(Severity.SERIOUS, "R3.2"),
    Kind.ALTERED: Weight(Severity.SERIOUS, "R3.2"),
    Kind.CONFLICT: Weight(Severity.WARNING, "R3.2"),
    Kind.CUT_OFF: Weight(Severity.SERIOUS, "R4.1"),
    Kind.SILENT: Weight(Severity.SERIOUS, "R4.1"),
    Kind.CLOCK: Weight(Severity.WARNING, "R4.1"),
    Kind.SITE_CLOCK: Weight(Severity.WARNING, "R3.1"),
    Kind.DISK: Weight(Severity.SERIOUS, "R3.1"),
    Kind.UNBOUND: Weight(Severity.SERIOUS, "R3.2"),
    Kind.READ_ONLY: Weight(Severity.SERIOUS, "R3.1"),
    Kind.VAULT: Weight(Severity.WARNING, "R3.1"),
    Kind.DAYS: Weight(Severity.WARNING, "R3.1"),
    Kind.FORECAST: Weight(Severity.WARNING, "R3.1"),
    Kind.HOLD: Weight(Severity.SERIOUS, "R3.1"),
    Kind.HOLD_GONE: Weight(Severity.WARNING, "R3.1"),
    Kind.REVIEW: Weight(Severity.WARNING, "R3.1"),
    Kind.PLAN: Weight(Severity.SERIOUS, "R3.1"),
    Kind.ANEW: Weight(Severity.SERIOUS, "R3.1"),
    Kind.SWEEP: Weight(Severity.WARNING, "R3.1"),
    Kind.CORRUPT: Weight(Severity.SERIOUS, "R4.1"),
    Kind.BACKUP: Weight(Severity.SERIOUS, "R4.1"),
    Kind.UNREAD: Weight(Severity.WARNING, "R4.1"),
    Kind.RESTORE: Weight(Severity.SERIOUS, "R3.2"),
    Kind.DRILL: Weight(Severity.SERIOUS, "R4.1"),
    Kind.EXPORT: Weight(Severity.WARNING, "R4.3"),
    Kind.MORNING: Weight(Severity.WARNING, "R5.1"),
    Kind.TASK: Weight(Severity.WARNING, "R4.3"),
    Kind.PARTS: Weight(Severity.WARNING, "R4.3"),
    Kind.DENIED: Weight(Severity.WARNING, "R3.3"),
    Kind.DEAD_LETTER: Weight(Severity.SERIOUS, "R4.1"),
}


def rule_of(kind: Kind, facts: Mapping[str, Any]) -> str:
    """The rule that a finding touches; of a refusal, the one that refused."""
    return str(facts["rule"]) if kind is Kind.DENIED and "rule" in facts else WEIGHTS[kind].rule


ASKING_SWEEPS = frozenset({"first-sweep", "too-many"})
"""Why a sweep stops and waits until it is confirmed; the other reasons only tell."""


def waits_at_the_desk(kind: str, facts: Mapping[str, Any]) -> bool:
    """Whether a finding is over only by a deed at the desk: calling a waiting sweep mended would hide it."""
    return kind == Kind.SWEEP and facts.get("reason") in ASKING_SWEEPS


FULL_SOON = 3.0
"""Days: a disk that is full earlier is a fault to be mended at once, not a forecast."""
BARELY_SHORT = 0.5
"""Days: less than this below what is required opens nothing, so that no finding comes and goes."""


@dataclass(frozen=True)
class Foretold:
    """How many days of a camera's footage will be held at the present rate, and must be."""

    camera: str
    days: float
    keep_days: int


def will_be_short(cameras: Iterable[Foretold], *, already: Collection[str]) -> list[Foretold]:
    """The cameras that will hold fewer days than required, the shortest first (R3.1).

    `already`: those of which it was said before; they are named until they have all their days.
    """
    short = [one for one in cameras if one.days < one.keep_days]
    short = [one for one in short if one.camera in already or one.keep_days - one.days >= BARELY_SHORT]
    return sorted(short, key=lambda one: (one.days - one.keep_days, one.camera))


@dataclass(frozen=True)
class Cause:
    """Something that is not as it should be; the same cause is never opened twice."""

    kind: Kind
    key: str = ""
    """Tells causes of one kind in one school apart."""
    camera: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What the sentence about it is made of."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return WEIGHTS[self.kind].severity

    def deadline(self, opened: datetime) -> datetime:
        """By when it must be mended."""
        return opened + MEND_WITHIN[self.severity]


def keep_days_of(plan: str) -> dict[str, int]:
    """What the text of a plan demands of each camera, in days; nothing where it cannot be read.

    A plan that a site would not believe demands nothing: the site says so itself.
    """
    try:
        policies = json.loads(plan)["policies"]
        return {str(one["period"]["camera"]): int(one["period"]["days"]) for one in policies}
    except (ValueError, KeyError, TypeError):
        return {}


class Span(NamedTuple):
    """From start (inclusive) to end (exclusive)."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class DayCoverage:
    """What the index says of one camera on one local day."""

    day: date
    recorded_ms: int
    segments: int
    first: datetime | None
    last: datetime | None
    gaps: tuple[Span, ...]


def day_span(day: date, zone: ZoneInfo) -> Span:
    """A local day, from midnight to midnight (23 or 25 hours where clocks change)."""
    midnight = datetime.min.time()
    start = datetime.combine(day, midnight, zone)
    end = datetime.combine(day + timedelta(days=1), midnight, zone)
    return Span(start.astimezone(UTC), end.astimezone(UTC))


def days_back(now: datetime, days: int, zone: ZoneInfo) -> list[date]:
    """The last local days, today included, oldest first."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=n) for n in range(days, -1, -1)]


def local_days(start: datetime, end: datetime, zone: ZoneInfo) -> set[date]:
    """The local days that a segment lies in: one, or two around midnight."""
    return {start.astimezone(zone).date(), end.astimezone(zone).date()}


def gaps(days: Sequence[DayCoverage], shortest: float) -> list[Span]:
    """Breaks between the first and the last footage of some days, over midnights and over days without any.

    Nothing is said of the time before the first or after the last segment: there may be nothing to record
    yet, or nothing yet to be heard of.

    Args:
        days: Of one camera; a day of which nothing was recorded may be missing.
        shortest: Breaks shorter than so many seconds do not count.
    """
    recorded = _joined(sorted(span for day in days for span in _recorded(day)))
    between = [Span(one.end, following.start) for one, following in pairwise(recorded)]
    return [gap for gap in between if gap.seconds > shortest]


def _joined(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def recorded_spans(day: Span, coverage: DayCoverage) -> list[Span]:
    """What is recorded of a day: all that is no gap, between first and last."""
    clipped = (Span(max(s.start, day.start), min(s.end, day.end)) for s in _recorded(coverage))
    return [span for span in clipped if span.end > span.start]


def _recorded(coverage: DayCoverage) -> list[Span]:
    if coverage.first is None or coverage.last is None:
        return []
    edges = [coverage.first, *(edge for gap in sorted(coverage.gaps) for edge in gap), coverage.last]
    pairs = list(pairwise(edges))[::2]
    return [Span(start, end) for start, end in pairs if end > start]


INSPECTION_DAYS = {"daily": 1, "weekly": 7, "monthly": 31}
"""How far back each kind of inspection looks for gaps and incidents."""


def kind_of_day(day: date) -> str:
    """Which inspection the schedule asks for: monthly on the first, weekly on Mondays, else daily."""
    if day.day == 1:
        return "monthly"
    return "weekly" if day.weekday() == 0 else "daily"


def falls_short(days_held: int, keep_days: int, age: timedelta) -> bool:
    """Whether a camera holds fewer days than the rule demands (R3.1); `will_be_short` foretells it.

    Args:
        days_held: Of the last `keep_days`, those with footage.
        keep_days: What the rule demands.
        age: How long ago its first footage was recorded: a young camera cannot hold its days yet.
    """
    return age > timedelta(days=keep_days) and days_held < keep_days
