"""What was watched, from what the player said and what was fetched (R4.3); pure like `domain`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reelwarden_common.events.access import PackagedFile

SILENT_AFTER = timedelta(seconds=10)
"""A player that plays says so every two seconds; one that says nothing for longer may have been closed."""
FURTHER_THAN_PLAYED = 20_000
"""Milliseconds from one report of a playing player to the next, at most: beyond, it was moved unheard."""


class MarkKind(StrEnum):
    """What a player says."""

    PLAY = "play"
    AT = "at"
    PAUSE = "pause"
    SEEK = "seek"
    ENDED = "ended"
    WAIT = "wait"
    """Nothing happens; it only asks whether it must stop, and nobody writes that down."""


@dataclass(frozen=True)
class Mark:
    """A player's report: where it is in a file, in milliseconds from its beginning."""

    kind: MarkKind
    file: str
    position_ms: int
    from_ms: int | None = None
    """Of a seek: where it was before."""
    at: datetime | None = None


@dataclass(frozen=True)
class Watched:
    """A stretch of a file that was played, or a file of which bytes were fetched and no player told."""

    file: str
    camera: str | None
    start: datetime | None
    end: datetime | None
    played: bool


@dataclass(frozen=True)
class _Open:
    file: str
    first: int
    last: int


def played_spans(marks: Iterable[Mark]) -> dict[str, list[tuple[int, int]]]:
    """Which milliseconds of which file one viewing showed; overlapping stretches are one."""
    closed: list[_Open] = []
    running: _Open | None = None
    for mark in marks:
        ended, running = _after(running, mark)
        closed += ended
    found: dict[str, list[tuple[int, int]]] = {}
    for one in [*closed, *([running] if running else [])]:
        if one.last > one.first:
            found.setdefault(one.file, []).append((one.first, one.last))
    return {file: merged(spans) for file, spans in found.items()}


def _after(running: _Open | None, mark: Mark) -> tuple[list[_Open], _Open | None]:
    """The stretches that a report ends, and the one that runs after it."""
    fresh = _Open(mark.file, mark.position_ms, mark.position_ms)
    if running is None:
        return [], fresh if mark.kind in (MarkKind.PLAY, MarkKind.AT) else None
    if running.file != mark.file:
        return [running], _after(None, mark)[1]
    before = mark.position_ms
    if mark.kind is MarkKind.SEEK:
        before = running.last if mark.from_ms is None else mark.from_ms
    moved = not running.last <= before <= running.last + FURTHER_THAN_PLAYED
    if not moved:
        running = replace(running, last=before)
    if mark.kind in (MarkKind.PAUSE, MarkKind.ENDED):
        return [running], None
    if moved or mark.kind is MarkKind.SEEK:
        return [running], fresh
    return [], running


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def watched(
    viewings: Iterable[Sequence[Mark]], fetched: Iterable[str], files: Iterable[PackagedFile]
) -> list[Watched]:
    """What was watched of an application's footage, by camera and time.

    Args:
        viewings: the marks of each viewing.
        fetched: files of which bytes went out, as the range requests counted them.
        files: those of the export.
    """
    known = {file.name: file for file in files}
    played: dict[str, list[tuple[int, int]]] = {}
    for marks in viewings:
        for file, spans in played_spans(marks).items():
            played[file] = merged([*played.get(file, []), *spans])
    found = [
        Watched(file, _camera(known.get(file)), *_moments(known.get(file), first, last), played=True)
        for file, spans in played.items()
        for first, last in spans
    ]
    for name in sorted(set(fetched) - set(played)):
        file_of = known.get(name)
        if file_of is not None and file_of.kind == "view":
            begin, end = (file_of.span.start, file_of.span.end) if file_of.span else (None, None)
            found.append(Watched(name, _camera(file_of), begin, end, played=False))
    return sorted(found, key=lambda one: (one.camera or "", one.file, str(one.start)))


def shown_at(file: PackagedFile | None, position_ms: int) -> datetime | None:
    """The time of day that a position in a viewing copy shows; one file is one stretch without a gap."""
    if file is None or file.span is None:
        return None
    return min(file.span.start + timedelta(milliseconds=position_ms), file.span.end)


def _moments(file: PackagedFile | None, first: int, last: int) -> tuple[datetime | None, datetime | None]:
    return shown_at(file, first), shown_at(file, last)


def _camera(file: PackagedFile | None) -> str | None:
    return file.span.camera if file is not None and file.span is not None else None
