"""The page of a morning (R5.1): what is not as it should be at a school, grouped by its likely cause."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from reelwarden_report.district.inspector.domain import Kind
from reelwarden_report.district.inspector.shapes import FindingView, SchoolView, Shape

TOGETHER = timedelta(minutes=5)
"""Cameras that went silent within so long probably have one cause: a switch, the power, a recorder."""
FEWEST = 2


class Spot(Shape):
    """Where a camera stands, and what it hangs on, as far as the register knows."""

    name: str
    place: str
    fed_by: str = ""


class Line(Shape):
    """One finding, as it stood."""

    finding: str
    kind: str
    camera: str | None
    name: str
    severity: str
    facts: dict[str, Any]
    opened_at: datetime
    deadline: datetime


class Group(Shape):
    """Findings of one likely cause."""

    kind: str
    place: str
    """What they have in common: a switch, a building; empty where nothing is known."""
    since: datetime | None
    """When it began, of cameras that fell silent together."""
    lines: tuple[Line, ...]


class Morning(Shape):
    """All that a morning's page shows."""

    school: SchoolView
    day: date
    at: datetime
    cameras: int
    recording: int
    silent: int
    held: int | None
    keep_days: int | None
    short: int
    groups: tuple[Group, ...]
    planned: tuple[Line, ...]

    @property
    def exceptions(self) -> int:
        """How many findings somebody must see to."""
        return sum(len(group.lines) for group in self.groups)

    @property
    def known(self) -> bool:
        """Whether anything can be said at all: what is not known is never in order."""
        return self.school.state != "unknown"

    def text(self) -> str:
        """As it is signed and kept: canonical, so that its digest can be found again."""
        return json.dumps(
            self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )


def digest_of_text(text: str) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def grouped(findings: Sequence[FindingView], spots: Mapping[str, Spot]) -> tuple[Group, ...]:
    """Findings by their likely cause, the worst and largest first."""
    lines = [_line(one, spots) for one in findings if one.planned is None]
    silent = sorted((one for one in lines if one.kind == Kind.SILENT), key=_since)
    groups = [*_silences(silent, spots), *_by_kind(one for one in lines if one.kind != Kind.SILENT)]
    return tuple(sorted(groups, key=lambda one: (not _serious(one), -len(one.lines))))


def planned(findings: Sequence[FindingView], spots: Mapping[str, Spot]) -> tuple[Line, ...]:
    """Those that lie in a maintenance window: shown, and not counted."""
    return tuple(_line(one, spots) for one in findings if one.planned is not None)


def _line(one: FindingView, spots: Mapping[str, Spot]) -> Line:
    spot = spots.get(one.camera or "")
    return Line(
        finding=one.finding,
        kind=one.kind,
        camera=one.camera,
        name=spot.name if spot else one.camera or "",
        severity=one.severity,
        facts=one.facts,
        opened_at=one.opened_at,
        deadline=one.deadline,
    )


def _since(line: Line) -> datetime:
    since = line.facts.get("since")
    return datetime.fromisoformat(since) if isinstance(since, str) else line.opened_at


def _serious(group: Group) -> bool:
    return any(line.severity == "serious" for line in group.lines)


def _silences(lines: Sequence[Line], spots: Mapping[str, Spot]) -> Iterable[Group]:
    """Runs of cameras that fell silent one soon after the other; within a run by what they hang on."""
    runs: list[list[Line]] = []
    for line in lines:
        if runs and _since(line) - _since(runs[-1][-1]) <= TOGETHER:
            runs[-1].append(line)
        else:
            runs.append([line])
    for run in runs:
        parts: dict[str, list[Line]] = {}
        for line in run:
            spot = spots.get(line.camera or "")
            parts.setdefault(spot.fed_by if spot else "", []).append(line)
        for fed_by, those in parts.items():
            place = fed_by or (_common(those, spots) if len(those) >= FEWEST else "")
            yield Group(kind=Kind.SILENT, place=place, since=_since(those[0]), lines=tuple(those))


def _common(lines: Sequence[Line], spots: Mapping[str, Spot]) -> str:
    """The words with which all their places begin: `B 楼 2 层` and `B 楼 3 层` have `B 楼`."""
    known = (spots.get(line.camera or "") for line in lines)
    places = [spot.place.split() for spot in known if spot]
    found = []
    for words in zip(*places, strict=False):
        if len(set(words)) > 1:
            break
        found.append(words[0])
    return " ".join(found) if len(places) == len(lines) else ""


def _by_kind(lines: Iterable[Line]) -> Iterable[Group]:
    kinds: dict[str, list[Line]] = {}
    for line in lines:
        kinds.setdefault(line.kind, []).append(line)
    for kind, those in kinds.items():
        yield Group(kind=kind, place="", since=None, lines=tuple(those))
