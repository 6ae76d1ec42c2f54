"""What the keeper decides, without asking the time or anybody: holds, versions, periods, epochs."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reelwarden_common.errors import Refused
from reelwarden_common.events.base import CameraSpan, Id, Reason
from reelwarden_common.events.retention import CameraPeriod, Hold, HoldSource
from reelwarden_retention.periods import succeed
from reelwarden_retention.shapes import CameraPolicy, joined

MOST_EPOCHS_AHEAD = 1000
"""No district is restored so often; a site that claims it is wrong or lying."""


class HoldState(StrEnum):
    """asked → decided → released or lapsed; a hold from a freeze or from a site starts as decided."""

    ASKED = "asked"
    DECIDED = "decided"
    RELEASED = "released"
    LAPSED = "lapsed"


class Step(StrEnum):
    """What to do with an event of an aggregate."""

    APPLY = "apply"
    WAIT = "wait"
    IGNORE = "ignore"


@dataclass(frozen=True)
class KeptHold:
    """A hold as the keeper knows it; `released_at` is when its release takes effect."""

    hold: Hold
    state: HoldState
    released_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether footage under it is kept because of it."""
        released = self.released_at is not None and self.released_at <= now
        return now < self.hold.until and not released and self.state is not HoldState.LAPSED


def next_step(known: int, heard: int) -> Step:
    """Versions count from 1: the next is applied, a later one waits, an older one was applied before."""
    if heard <= known:
        return Step.IGNORE
    return Step.APPLY if heard == known + 1 else Step.WAIT


def hold_id(cause: str, position: int) -> str:
    """The same application always asks for the same holds."""
    return hashlib.sha256(f"{cause}\n{position}".encode()).hexdigest()[:32]


def holds_for(
    source: HoldSource, cause: Id, spans: Sequence[CameraSpan], purpose: Reason, until: datetime
) -> tuple[Hold, ...]:
    """One hold for each span of an application or extension, from the moment it is filed (R3.1, R4.2).

    Raises:
        Refused: a span ends before it begins.
    """
    backwards = next((span for span in spans if span.end <= span.start), None)
    if backwards is not None:
        raise Refused(f"{source} {cause}: a span on {backwards.camera} ends before it begins")
    return tuple(
        Hold(
            id=hold_id(cause, position),
            source=source,
            cause=cause,
            span=span,
            purpose=purpose,
            until=until,
        )
        for position, span in enumerate(spans, 1)
    )


def decided(kept: KeptHold, until: datetime) -> KeptHold:
    """The hold once its cause was approved or renewed: never shorter than it was."""
    hold = kept.hold.model_copy(update={"until": max(kept.hold.until, until)})
    return KeptHold(hold, HoldState.DECIDED, kept.released_at)


def released(kept: KeptHold, effective_at: datetime, now: datetime) -> KeptHold | None:
    """The hold with a release that counts from `effective_at`; None where nothing is left to release."""
    if not kept.stands(now) or kept.released_at is not None:
        return None
    return KeptHold(kept.hold, HoldState.RELEASED, effective_at)


def release_stopped(kept: KeptHold, now: datetime) -> KeptHold | None:
    """The hold without its release; None where none waits: one that took effect is not taken back."""
    if kept.released_at is None or not kept.stands(now):
        return None
    return KeptHold(kept.hold, HoldState.DECIDED)


def taken_back(kept: KeptHold, of_site: Hold, now: datetime) -> KeptHold | None:
    """The hold as a site keeps it, longer or wider than we know it; None where we know as much.

    One that had lapsed goes on: the district that was restored forgot that it was prolonged.
    """
    longer = joined(kept.hold, of_site)
    over = longer.until <= now or (kept.released_at is not None and kept.released_at <= now)
    if over or longer == kept.hold:
        return None
    state = HoldState.DECIDED if kept.state is HoldState.LAPSED else kept.state
    return KeptHold(longer, state, kept.released_at)


def policies(
    known: Sequence[CameraPolicy], wanted: Iterable[CameraPeriod], now: datetime, delay: timedelta
) -> tuple[CameraPolicy, ...]:
    """What counts for each camera of a school from now on.

    A camera that is wanted no more keeps its last policy: its footage still has its day.
    """
    by_camera = {policy.period.camera: policy for policy in known}
    for period in wanted:
        before = by_camera.get(period.camera)
        by_camera[period.camera] = succeed(before, CameraPolicy(period=period), now, delay)
    return tuple(by_camera[camera] for camera in sorted(by_camera))


def epoch_after(own: tuple[int, int], site: tuple[int, int]) -> int | None:
    """The epoch to go on in when a site knows a plan that we do not: our database is an older one.

    Args:
        own: epoch and version of our newest plan.
        site: those of the plan that the site goes by.

    Returns:
        None where the site knows nothing newer, or claims what cannot be.
    """
    if site <= own or site[0] > own[0] + MOST_EPOCHS_AHEAD:
        return None
    return site[0] + 1
