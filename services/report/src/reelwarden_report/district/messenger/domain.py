"""Who is told what, when it is tried again, and when it is given up."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_common.events import access, report, retention
from reelwarden_common.events.base import Event
from reelwarden_report.telling.choices import Notice, When

LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True)
class Said:
    """What of an event people are told: its kind, and ids and codes for the sentence and the link."""

    kind: Notice
    facts: Mapping[str, Any]


_SEVERITIES = {
    report.Severity.SERIOUS: Notice.SERIOUS,
    report.Severity.WARNING: Notice.WARNING,
    report.Severity.INFO: Notice.INFO,
}
REVIEW = "hold-review-due"
"""The finding that a hold ends soon: who wants to hear of holds, hears of it as one."""


def _finding(event: report.FindingOpened) -> Said | None:
    if event.planned is not None:
        return None
    kind = Notice.HOLD if event.kind == REVIEW else _SEVERITIES[event.severity]
    return Said(kind, {"about": event.kind, "deadline": event.deadline.isoformat()})


def _filed(event: access.ApplicationFiled | access.ExtensionFiled) -> Said:
    page = "applications" if isinstance(event, access.ApplicationFiled) else "extensions"
    id_ = event.application if isinstance(event, access.ApplicationFiled) else event.extension
    return Said(Notice.TASK, {"number": event.number, "about": "decide", "page": f"{page}/{id_}"})


def _due(event: access.TaskDue) -> Said:
    page = f"applications/{event.application}"
    return Said(Notice.TASK, {"number": event.number, "about": event.task, "page": page})


def _violation(event: report.ViolationRecorded) -> Said:
    return Said(Notice.VIOLATION, {"about": event.kind, "rule": event.rule})


def _report(event: report.ReportPublished) -> Said:
    return Said(Notice.REPORT, {"number": event.number, "report": event.report})


def _lapsed(_event: retention.HoldLapsed) -> Said:
    return Said(Notice.HOLD, {"about": "lapsed"})


def _released(event: retention.HoldReleased) -> Said:
    return Said(Notice.HOLD, {"about": "released", "deadline": event.effective_at.isoformat()})


_SAID: Mapping[type[Event], Callable[[Any], Said | None]] = {
    report.FindingOpened: _finding,
    access.ApplicationFiled: _filed,
    access.ExtensionFiled: _filed,
    access.TaskDue: _due,
    report.ViolationRecorded: _violation,
    report.ReportPublished: _report,
    retention.HoldLapsed: _lapsed,
    retention.HoldReleased: _released,
}
TELLING = frozenset(_SAID)
"""The events that people are told of."""


def said_of(event: Event) -> Said | None:
    """What people are told of an event: never a name, a reason or a place; of planned work nothing (R5.1)."""
    tell = _SAID.get(type(event))
    return tell(event) if tell else None


def send_at(when: When, hour: int, now: datetime, gather: timedelta, zone: ZoneInfo) -> datetime | None:
    """When a notice is due: soon, at the next full `hour` of the district's day, or never."""
    if when is When.OFF:
        return None
    if when is When.NOW:
        return now + gather
    local = now.astimezone(zone)
    due = datetime.combine(local.date(), time(hour), zone)
    return due if due > local else datetime.combine(local.date() + timedelta(days=1), time(hour), zone)


def next_try(attempts: int, first: timedelta, most: int) -> timedelta | None:
    """How long to wait after so many attempts; None: it is given up."""
    if attempts >= most:
        return None
    doubled: timedelta = first * 2 ** min(attempts - 1, 30)
    return min(doubled, LONGEST_WAIT)


@dataclass(frozen=True)
class Line:
    """One notice that waits."""

    kind: Notice
    school: str
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Group:
    """Notices that differ in nothing but their moment: told as one line."""

    first: Line
    count: int


def grouped(lines: Sequence[Line]) -> list[Group]:
    """The worst kinds first; many of one kind at one school become one line with their number."""
    order = list(Notice)
    ordered = sorted(lines, key=lambda line: (order.index(line.kind), line.school, line.at))
    counts = Counter(map(_alike, ordered))
    firsts: dict[tuple[object, ...], Line] = {}
    for line in ordered:
        firsts.setdefault(_alike(line), line)
    return [Group(line, counts[key]) for key, line in firsts.items()]


def _alike(line: Line) -> tuple[object, ...]:
    return line.kind, line.school, line.facts.get("about"), line.facts.get("number")
