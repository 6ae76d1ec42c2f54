"""The brake: what a person must have looked at before it is erased. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from reelwarden_common.identity import digest_of
from reelwarden_retention.site.reaper.domain import Due


@dataclass(frozen=True)
class StoppedSweep:
    """A sweep that waits for a person, or was confirmed."""

    id: str
    confirmed: bool
    items: frozenset[str]


@dataclass(frozen=True)
class Limits:
    """The brake: more than so many, and more than this share of the catalogue, is not erased unasked."""

    segments: int
    share: float


@dataclass(frozen=True)
class Decision:
    """What a sweep does: erase these, or stop with an id and a reason, or wait for a person."""

    erase: tuple[Due, ...] = ()
    sweep: str | None = None
    """Whose items are erased, or the id of the stop."""
    stop: str | None = None
    closes: str | None = None
    """A stopped sweep that has nothing left to erase."""


def decide(
    due_now: Sequence[Due],
    catalogue: int,
    open_sweep: StoppedSweep | None,
    limits: Limits,
    *,
    erased_before: bool,
) -> Decision:
    """The brake: a person confirms a site's first sweep, and every one that is unlike the others.

    Args:
        due_now: what may be erased.
        catalogue: how many files the site has.
        open_sweep: the stop that was said and is not over.
        limits: of the brake.
        erased_before: whether the site ever erased anything.
    """
    closes = None
    if open_sweep is not None:
        theirs = tuple(one for one in due_now if one.footage.id in open_sweep.items)
        if theirs:
            return Decision(erase=theirs, sweep=open_sweep.id) if open_sweep.confirmed else Decision()
        closes = open_sweep.id
    if not due_now:
        return Decision(closes=closes)
    reason = None
    if not erased_before:
        reason = "first-sweep"
    elif len(due_now) > max(limits.segments, limits.share * catalogue):
        reason = "too-many"
    if reason is None:
        return Decision(erase=tuple(due_now), closes=closes)
    return Decision(sweep=sweep_id(due_now), stop=reason, closes=closes)


def sweep_id(items: Sequence[Due]) -> str:
    """The same files always make the same stop."""
    return digest_of(one.footage.id for one in items)[:32]
