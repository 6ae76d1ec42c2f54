"""What an application waits for before its next step (R4.3, R7); pure like `domain`."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from reelwarden_access.district.desk.application import BEFORE_RETRIEVAL, Application, HoldState, Status
from reelwarden_common.events.access import Manner


class Wait(StrEnum):
    """Something that a machine or a person has still to do."""

    HOLD = "hold"
    EXPORT = "export"
    TRAINING = "training"
    SUPERVISION = "supervision"
    RETRIEVAL = "retrieval"
    PACKAGE = "package"
    VIEWING = "viewing"
    RECORD = "record"
    SIGNATURES = "signatures"


_COMES_BY_ITSELF = frozenset(
    {Wait.HOLD, Wait.EXPORT, Wait.SUPERVISION, Wait.RETRIEVAL, Wait.PACKAGE, Wait.VIEWING}
)
_TYPED = frozenset({"decide", "advise", "supervise", "release", "record", "sign", "declare", "review_parts"})
"""Acts whose forms are filled in: what was typed must not be lost."""


@dataclass(frozen=True)
class Situation:
    """How far everything has got, and whether whoever looks may retrieve (`check_right`) and is trained."""

    application: Application
    holds: tuple[HoldState, ...] = ()
    export_failed: bool = False
    supervised: bool = False
    building: bool = False
    handed_over: bool = False
    viewing: bool = False
    recorded: bool = False
    right: bool = False
    trained: bool = False


def waits_for(found: Situation) -> tuple[Wait, ...]:
    """What is missing, in the order of the steps."""
    status, copy = found.application.status, found.application.manner is Manner.COPY
    to_retrieve = (
        status is Status.READY
        or (copy and status is Status.RETRIEVED)
        or (status is Status.RELEASED and not found.handed_over)
    )
    held = found.holds and not {HoldState.NOT_YET, HoldState.IN_PART}.intersection(found.holds)
    seen = status is (Status.RELEASED if copy else Status.RETRIEVED) and (found.handed_over or not copy)
    missing = {
        Wait.HOLD: status in BEFORE_RETRIEVAL and not held,
        Wait.EXPORT: status is Status.APPROVED and not found.export_failed,
        Wait.TRAINING: found.right
        and not found.trained
        and status in (Status.APPROVED, Status.READY, Status.RETRIEVED),
        Wait.SUPERVISION: to_retrieve and not found.supervised,
        Wait.RETRIEVAL: to_retrieve
        and found.supervised
        and not (found.building or found.viewing or found.right),
        Wait.PACKAGE: found.building,
        Wait.VIEWING: found.viewing and not found.right,
        Wait.RECORD: seen and not found.recorded and not found.viewing,
        Wait.SIGNATURES: found.recorded and status in (Status.RETRIEVED, Status.RELEASED),
    }
    return tuple(wait for wait, so in missing.items() if so)


def renews(waits: Collection[Wait], may: Collection[str]) -> bool:
    """Whether a page refreshes itself: something comes without its reader, who types nothing there."""
    return bool(_COMES_BY_ITSELF.intersection(waits)) and not _TYPED.intersection(may)
