"""What a site may erase and what it must keep: pure functions of plans, holds and periods."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reelwarden_common.errors import Refused
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment
from reelwarden_common.events.retention import Hold
from reelwarden_retention.periods import due, spares_as_long
from reelwarden_retention.shapes import CameraPolicy, Plan, UntrustedPlan, joined

REJECTED_REACH = timedelta(hours=1)
"""A file without a readable time holds what was recorded up to its file time, at most so long before."""

SLIVER = timedelta(seconds=1)


class Kind(StrEnum):
    """Footage, or a file that the scanner rejected: holdable and due by its file time."""

    SEGMENT = "segment"
    REJECTED = "rejected"


class Presence(StrEnum):
    """Where the site believes a piece of footage to be."""

    PRESENT = "present"
    GONE = "gone"
    """Lost, overwritten by its recorder, or replaced at its place; perhaps still in the vault."""
    ERASED = "erased"


@dataclass(frozen=True)
class Footage:
    """One file as the reaper's own catalogue knows it."""

    id: str
    camera: str
    start: datetime
    end: datetime
    believed_end: datetime
    """The end that its period is counted from."""
    size: int
    digest: str | None
    """None: a rejected file that the scanner did not hash."""
    locator: str
    kind: Kind
    presence: Presence
    vault: str | None = None
    """Its place in the vault, below the vault's folder."""


Piece = Footage | Segment | CameraSpan
"""Whatever has a start and an end on one camera."""


@dataclass(frozen=True)
class KeptHold:
    """A hold as the site keeps it; `released_at` is when a signed release takes effect here."""

    hold: Hold
    released_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it forbids erasing now."""
        return now < self.hold.until and (self.released_at is None or now < self.released_at)

    def covers(self, camera: str, start: datetime, end: datetime, margin: timedelta) -> bool:
        """Whether footage overlaps its span, widened on both sides by `margin`."""
        span = self.hold.span
        if camera != span.camera:
            return False
        return start < span.end + margin and max(end, start + timedelta.resolution) > span.start - margin


def margin_of(segment_seconds: float, offset_ms: int) -> timedelta:
    """How much wider than its span a hold reaches: one segment, and what the camera's clock is off."""
    return timedelta(seconds=segment_seconds, milliseconds=abs(offset_ms))


def check_takes_over(
    plan: Plan, digest: str, known: tuple[int, int, str] | None, floor_of: Callable[[str], int]
) -> bool:
    """Whether a believed plan is to be applied; False: it is the one that is known.

    Args:
        plan: what was heard.
        digest: its digest.
        known: epoch, version and digest of the plan in force.
        floor_of: the site's own floor in days, by camera.

    Raises:
        UntrustedPlan: outdated or below-floor.
    """
    if known is not None:
        if known == (plan.epoch, plan.version, digest):
            return False
        if (plan.epoch, plan.version) <= known[:2]:
            raise UntrustedPlan(
                "outdated",
                f"epoch {plan.epoch} version {plan.version} came, {known[0]}/{known[1]} is in force",
            )
    # A superseded period can only spare footage for longer.
    for period in (policy.period for policy in plan.policies):
        if period.days < (floor := floor_of(period.camera)):
            raise UntrustedPlan(
                "below-floor", f"{period.camera}: {period.days} days, this site keeps at least {floor}"
            )
    return True


def merged_holds(
    known: Mapping[str, KeptHold], plan: Plan, now: datetime, delay: timedelta
) -> dict[str, KeptHold]:
    """All holds of the site once the plan is applied.

    A hold that the plan does not name stays as it is: absence is never a release. A release counts from
    the later of what the plan says and the site's own delay after first hearing it; one that the plan no
    longer names is stopped, unless it took effect.

    Raises:
        UntrustedPlan: a hold contradicts one that is known.
    """
    releases = {release.hold: release.effective_at for release in plan.releases}
    merged = dict(known)
    for hold in plan.holds:
        before = known.get(hold.id)
        try:
            merged[hold.id] = KeptHold(
                joined(before.hold, hold) if before else hold, before.released_at if before else None
            )
        except Refused as error:
            raise UntrustedPlan("malformed", str(error)) from error
    named = {hold.id for hold in plan.holds}
    for identifier, kept in merged.items():
        if identifier in releases:
            own = kept.released_at or now + delay
            merged[identifier] = replace(kept, released_at=max(own, releases[identifier]))
        elif kept.released_at is not None and (kept.released_at > now or identifier in named):
            merged[identifier] = replace(kept, released_at=None)
    return merged


def without_new_delays(
    plan: Plan, holds: Mapping[str, KeptHold], policies: Mapping[str, CameraPolicy]
) -> Plan:
    """What of a plan counts while the clock is not believed: what spares footage, and nothing that frees any.

    A delay that began by a wrong clock would end days too early or too late. Plans say the whole each time:
    one that comes once the clock is believed begins it.
    """

    def spares(one: CameraPolicy) -> bool:
        known = policies.get(one.period.camera)
        return known is None or spares_as_long(one.period, known.period)

    counting = {name for name, kept in holds.items() if kept.released_at is not None}
    return plan.model_copy(
        update={
            "releases": tuple(one for one in plan.releases if one.hold in counting),
            "policies": tuple(one for one in plan.policies if spares(one)),
        }
    )


def effective_at(holds: Iterable[KeptHold], policies: Iterable[CameraPolicy], now: datetime) -> datetime:
    """When the last release or shortening that waits takes effect; `now` where none does."""
    moments = [kept.released_at for kept in holds if kept.released_at is not None]
    moments += [one.until for policy in policies for one in policy.superseded]
    return max([now, *(m for m in moments if m > now)])


@dataclass(frozen=True)
class Due:
    """A piece of footage that may be erased, and since when."""

    footage: Footage
    due: datetime


def candidates(
    footage: Iterable[Footage],
    policies: Mapping[str, CameraPolicy],
    holds: Sequence[KeptHold],
    margins: Mapping[str, timedelta],
    now: datetime,
) -> list[Due]:
    """What may be erased now: due by every period that counts, and under no hold (R3.1).

    What only the vault has left is due by its period whoever erases the camera's own files: that copy is
    ours.
    """
    standing = [kept for kept in holds if kept.stands(now)]
    found = []
    for one in footage:
        policy = policies.get(one.camera)
        if policy is None or (one.presence is not Presence.PRESENT and one.vault is None):
            continue
        moment = due(one.believed_end, policy, whoever_erases=one.presence is not Presence.PRESENT)
        if moment is None or moment > now or is_held(one, standing, margins):
            continue
        found.append(Due(one, moment))
    return found


def is_held(one: Footage, standing: Sequence[KeptHold], margins: Mapping[str, timedelta]) -> bool:
    """Whether one of these holds covers it."""
    margin = margins.get(one.camera, timedelta(0))
    return any(kept.covers(one.camera, one.start, one.end, margin) for kept in standing)


def gone_and_gaps(
    missing: Iterable[CameraSpan],
    span: CameraSpan,
    vaulted: Collection[Piece],
    recorded: Collection[Piece],
    absent: Iterable[Piece],
) -> tuple[list[CameraSpan], list[CameraSpan]]:
    """What a hold lacks: what was recorded and is no longer there, and what no recording is known of.

    Args:
        missing: What the scanner misses.
        span: The hold's.
        vaulted: What the vault has, whole.
        recorded: What was ever heard to be recorded, there or not.
        absent: What of that is nowhere any more; gone, too, where another file claims its time.
    """
    lacking = beyond(missing, span, vaulted)
    gaps = beyond(lacking, span, recorded)
    gone = beyond(lacking, span, gaps)
    for one in absent:
        lost = CameraSpan(camera=span.camera, start=one.start, end=one.end)
        gone += [part for part in beyond([lost], span, gone) if part.end - part.start > SLIVER]
    return sorted(gone, key=lambda part: part.start), gaps


def forgotten_part(span: CameraSpan, remembered_from: datetime, gaps: Collection[Piece]) -> list[CameraSpan]:
    """The part of a hold of which the site can no longer tell whether anything was recorded.

    What lacks there was erased on its day for all it knows. What it told as a gap while it still knew, stays
    one.

    Args:
        span: The hold's.
        remembered_from: What is older and gone was forgotten.
        gaps: What was told of this hold before.
    """
    end = min(span.end, remembered_from)
    return beyond([span.model_copy(update={"end": end})], span, gaps) if end > span.start else []


def beyond(spans: Iterable[CameraSpan], span: CameraSpan, pieces: Collection[Piece]) -> list[CameraSpan]:
    """The parts of spans that lie within `span` and that no piece covers.

    What is left beside a piece, and shorter than clocks agree, does not count.
    """
    rest: list[CameraSpan] = []
    for gap in spans:
        start, end = max(gap.start, span.start), min(gap.end, span.end)
        shortest = timedelta(0)
        for one in sorted(pieces, key=lambda piece: piece.start):
            if one.end <= start or one.start >= end:
                continue
            if one.start - start > SLIVER:
                rest.append(CameraSpan(camera=span.camera, start=start, end=one.start))
            start, shortest = max(start, one.end), SLIVER
        if end - start > shortest:
            rest.append(CameraSpan(camera=span.camera, start=start, end=end))
    return rest
