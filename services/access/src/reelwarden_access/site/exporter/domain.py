"""What an export consists of: which pieces follow each other without a gap, what is missing and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment

LEAST_GAP = timedelta(milliseconds=500)
"""Recorders need a moment between two files: shorter holes are none."""

MOST_OVERLAP = timedelta(seconds=5)
"""Some recorders begin a file up to 2.4 s before the last one ends; more is another recording."""


class Source(StrEnum):
    """Where a segment's file was taken from, in the order in which they are tried."""

    DISK = "disk"
    VAULT = "vault"
    BACKUP = "backup"


class Tried(StrEnum):
    """What was found at a source that could not serve."""

    ABSENT = "absent"
    ALTERED = "altered"
    UNREADABLE = "unreadable"
    AWAY = "away"
    """The source itself could not be asked; it may be later."""


class Missing(StrEnum):
    """Why part of a span is not in the export."""

    UNKNOWN = "unknown"
    """Nothing was recorded, or nobody knows of it."""
    ALTERED = "altered"
    """The file was there, but not with the content that was recorded: not used (art. 15, 23)."""
    LOST = "lost"
    UNREADABLE = "unreadable"
    NOT_CATALOGUED = "not-catalogued"
    """The scanner had not come that far when patience ended."""


@dataclass(frozen=True)
class Parameters:
    """What must be equal for two pieces to be one video without encoding it again."""

    codec: str
    width: int
    height: int
    setup: str
    """Digest of the decoder's set-up data."""


@dataclass(frozen=True)
class Piece:
    """A segment whose file was found, its digest checked."""

    segment: Segment
    source: Source
    parameters: Parameters
    tried: Mapping[Source, Tried] = field(default_factory=dict)

    @property
    def uncertainty(self) -> timedelta:
        """How far off its start may be."""
        return timedelta(milliseconds=self.segment.uncertainty_ms)


@dataclass(frozen=True)
class Unusable:
    """A segment that is known but could not be had."""

    segment: Segment
    tried: Mapping[Source, Tried]

    @property
    def reason(self) -> Missing:
        """The gravest of what was found."""
        found = set(self.tried.values())
        if Tried.ALTERED in found:
            return Missing.ALTERED
        return Missing.UNREADABLE if Tried.UNREADABLE in found else Missing.LOST


@dataclass(frozen=True)
class Run:
    """Pieces that follow each other without a gap and with the same parameters: one viewing copy."""

    span: CameraSpan
    """What of the approved span it covers."""
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Gap:
    """A part of an approved span that the export does not cover."""

    span: CameraSpan
    reason: Missing


def slack(before: Piece, after: Piece) -> timedelta:
    """By how much two neighbours may seem apart, or overlap, though they touch: clocks are not exact."""
    return max(LEAST_GAP, before.uncertainty + after.uncertainty)


def runs(span: CameraSpan, pieces: Iterable[Piece]) -> list[Run]:
    """The runs of a span, by time; each piece that touches the span belongs to one.

    Where two recordings claim the same time (a DST fold, a clock step), each has runs of its own: neither
    hides the other.
    """
    inside = sorted(
        (p for p in pieces if p.segment.start < span.end and p.segment.end > span.start),
        key=lambda p: (p.segment.start, p.segment.end, p.segment.id),
    )
    groups: list[list[Piece]] = []
    for piece in inside:
        fitting = [group for group in groups if _continues(group[-1], piece)]
        if fitting:
            max(fitting, key=lambda group: group[-1].segment.end).append(piece)
        else:
            groups.append([piece])
    return [Run(_covered(span, group), tuple(group)) for group in groups]


def _continues(last: Piece, piece: Piece) -> bool:
    apart = piece.segment.start - last.segment.end
    grows = piece.segment.end > last.segment.end
    near = -max(MOST_OVERLAP, slack(last, piece)) <= apart <= slack(last, piece)
    return grows and near and last.parameters == piece.parameters


def _covered(span: CameraSpan, group: Sequence[Piece]) -> CameraSpan:
    start = max(span.start, group[0].segment.start)
    end = min(span.end, group[-1].segment.end)
    return CameraSpan(camera=span.camera, start=start, end=end)


def gaps(
    span: CameraSpan, pieces: Sequence[Piece], unusable: Sequence[Unusable], complete_to: datetime | None
) -> list[Gap]:
    """What of a span no piece covers, cut where the reason changes."""
    found: list[Gap] = []
    for start, end in _holes(span, pieces):
        edges = {start, end}
        for one in unusable:
            edges |= {max(start, one.segment.start), min(end, one.segment.end)}
        edges.add(min(max(start, complete_to or span.start), end))
        cuts = sorted(edge for edge in edges if start <= edge <= end)
        for left, right in pairwise(cuts):
            reason = _reason(left, right, unusable, complete_to)
            if found and found[-1].span.end == left and found[-1].reason == reason:
                left = found.pop().span.start  # noqa: PLW2901 - the two are one gap
            found.append(Gap(CameraSpan(camera=span.camera, start=left, end=right), reason))
    return found


def _reason(
    start: datetime, end: datetime, unusable: Sequence[Unusable], complete_to: datetime | None
) -> Missing:
    for one in unusable:
        if one.segment.start < end and one.segment.end > start:
            return one.reason
    return Missing.NOT_CATALOGUED if complete_to is None or complete_to < end else Missing.UNKNOWN


def _holes(span: CameraSpan, pieces: Sequence[Piece]) -> list[tuple[datetime, datetime]]:
    """Spans that no piece covers and that are longer than clocks are uncertain."""
    found: list[tuple[datetime, datetime]] = []
    at, last = span.start, None
    for piece in sorted(pieces, key=lambda p: p.segment.start):
        if piece.segment.end <= span.start or piece.segment.start >= span.end:
            continue
        least = slack(last, piece) if last else max(LEAST_GAP, piece.uncertainty)
        if piece.segment.start - at > least:
            found.append((at, piece.segment.start))
        if piece.segment.end > at:
            at, last = piece.segment.end, piece
    if span.end - at > (max(LEAST_GAP, last.uncertainty) if last else timedelta()):
        found.append((at, span.end))
    return found


def pause(attempt: int, longest: float) -> timedelta:
    """How long to wait before the next try: doubling from one second, bounded."""
    return timedelta(seconds=min(longest, 2.0 ** min(attempt - 1, 16)))
