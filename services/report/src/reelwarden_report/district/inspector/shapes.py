"""What the dashboard and the API show: ids and codes, times in UTC."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, Json

from reelwarden_common.events.report import RuleSettings

Span = tuple[datetime, datetime]


class Shape(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class DayView(Shape):
    """One camera's local day as the index counted it."""

    day: date
    recorded_seconds: float
    segments: int
    first: datetime | None
    last: datetime | None
    gaps: tuple[Span, ...]
    """All that is not recorded, the time before the first and after the last segment included."""


class CameraView(Shape):
    """One camera: when it was last heard of, and its last days."""

    camera: str
    name: str
    place: str
    last_recorded: datetime | None
    silent_since: datetime | None
    clock_offset_ms: int | None
    days: tuple[DayView, ...]
    held_days: float | None = None
    """Of footage, on the school's storage; None: it was not told."""
    days_ahead: float | None = None
    """That will be held at the present rate."""
    keep_days: int | None = None
    """That must be held."""


class CameraRecord(Shape):
    """One camera: does it record, and does it really hold its days?"""

    camera: str
    name: str
    place: str
    keep_days: int
    days_held: int
    """Local days within the keep-days on which there is footage."""
    oldest: datetime | None
    newest: datetime | None
    gaps: tuple[tuple[datetime, datetime], ...]
    clock_offset_ms: int | None
    silent_since: datetime | None
    days_ahead: float | None = None
    """Days that will be held at the present rate; None: the school did not tell."""


class FindingView(Shape):
    """One finding."""

    finding: str
    school: str
    kind: str
    severity: str
    rule: str
    camera: str | None
    facts: dict[str, Any]
    text: str
    """In the language of the request."""
    opened_at: datetime
    deadline: datetime
    times: int
    overdue: bool
    closed_at: datetime | None
    close_reason: str | None
    planned: str | None = None
    """The maintenance window that covers it: it is shown, and not counted."""


class Settled(Shape):
    """What became of a dead letter."""

    at: datetime
    outcome: str
    """replayed, dismissed; gone where its role no longer has it."""
    by: str
    note: str = ""


class LetterView(Shape):
    """One message that a role gave up."""

    school: str
    role: str
    letter: str
    subject: str
    event: str
    fault: str | None
    """malformed, early, refused, unforeseen: what can be done about it."""
    detail: str
    at: datetime
    settled: Settled | None


class SchoolView(Shape):
    """What is known of one school; `state` is `unknown` whenever it has not been heard of for too long."""

    school: str
    name: str
    state: str
    """unknown, serious, warning or good."""
    alive_at: datetime | None
    software: str | None
    plan_issued: int | None
    plan_applied: int | None
    plan_issued_at: datetime | None = None
    disk_total: int | None
    disk_free: int | None
    forecast_days: float | None
    full_in_days: float | None = None
    """Until nothing more can be recorded; None: never, if all goes on as it does."""
    backlog_segments: int | None
    backlog_bytes: int | None
    backlog_oldest: datetime | None
    backlog_failing: str
    copies: int
    """In the store now: put there, less those erased with their originals."""
    read_backs: int
    """How often a copy was read back in full and found right; each counts again with every sample."""
    read_back_at: datetime | None
    drill_at: datetime | None = None
    """When copies were brought back for trial last, how many, and how many came back right and playable."""
    drill_sampled: int | None = None
    drill_restored: int | None = None
    copies_corrupt: int
    last_backup: datetime | None
    holds_in_force: int
    """Those that protect footage now, released ones until their release takes effect."""
    holds_released: int = 0
    """Of them: released already, and over soon."""
    holds_pending: int
    """Asked for, but the school does not answer for them yet."""
    lost: int
    serious: int
    warnings: int
    cameras: tuple[CameraView, ...]


class ViolationView(Shape):
    """One violation (R5.2)."""

    violation: str
    school: str
    kind: str
    severity: str
    rule: str
    actor: str | None
    """As the desk numbers people; it knows who that is."""
    act: str | None
    """What was tried, where somebody was refused."""
    application: str | None
    number: str | None
    """Of the application."""
    at: datetime
    closed_at: datetime | None
    outcome: str | None
    grade: str = "minor"
    """minor, serious or grave."""
    state: str = "recorded"
    """recorded, graded, handled, referred, closed."""
    reported: bool = False
    """By a person; else the facts showed it."""


class ReportView(Shape):
    """One written report (R5.1)."""

    report: str
    inspection: str
    school: str
    number: str
    kind: str
    at: datetime
    digest: str
    """SHA-256 of the Chinese PDF."""


class FeedbackView(Shape):
    """One suggestion by staff (R5.3)."""

    feedback: str
    school: str
    text: str
    at: datetime
    answered_at: datetime | None = None
    answer: str | None = None
    rules_version: int | None = None
    """Of the rules that it led to."""


class CustodyView(Shape):
    """The newest checkpoints of a school's two custody logs."""

    school: str
    district: str | None
    """The registrar's signed note."""
    district_key: str | None
    """Its C2SP verifier key: what proofs and packages are compared with."""
    countersigned: bool
    site: str | None
    """The notary's, with the registrar's cosignature."""
    site_key: str | None


class LogView(Shape):
    """A part of the registrar's custody log of a school, as it was hashed."""

    school: str
    start: int
    entries: tuple[str, ...]
    checkpoints: tuple[str, ...]


class RulesView(Shape):
    """One version of the rule set (R6)."""

    version: int
    effective_from: datetime
    digest: str
    text: str
    """Markdown, as published."""
    published_at: datetime
    settings: RuleSettings = RuleSettings()
    """The numbers that it sets."""
    english: str = ""
    """For reading only."""
    signed_name: str | None = None
    """Who published it; None: it came with the software."""
    own_key: Json[dict[str, Any]] | None = Field(default=None, exclude=True)
    """What the publisher's own key signed; None: the password was given again."""
