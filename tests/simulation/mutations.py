"""Faults put into our code on purpose: the simulation must find each of them, or it shows nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from reelwarden_backup.district.ledger import verifying
from reelwarden_backup.district.ledger.domain import Reading, Seen, judge
from reelwarden_common.period import KeepPeriod
from reelwarden_retention.site.reaper import erasure, handlers
from reelwarden_retention.site.reaper.brake import Decision
from reelwarden_retention.site.reaper.domain import merged_holds
from reelwarden_retention.site.reaper.erasure import Eraser
from reelwarden_retention.site.reaper.journal import Entry
from reelwarden_retention.site.reaper.store import ReaperStore
from tests.simulation.units import SimulatedUnits

DAY = timedelta(days=1)


@contextmanager
def _no_last_look() -> Iterator[None]:
    """A hold that comes after the choice does not count."""
    with mock.patch.object(erasure, "is_held", return_value=False):
        yield


@contextmanager
def _no_holds() -> Iterator[None]:
    """What is held is chosen like all else, and not looked at again."""
    with _no_last_look(), mock.patch("reelwarden_retention.site.reaper.domain.is_held", return_value=False):
        yield


@contextmanager
def _no_certificate() -> Iterator[None]:
    """Files go, and nothing is said of it."""

    def certify(_: Eraser, store: ReaperStore, entries: Sequence[Entry]) -> None:
        for entry in entries:
            store.catalogue.erased(entry.footage.id)
        store.journal.drop(entry.footage.id for entry in entries)

    with mock.patch.object(Eraser, "_certify", certify):
        yield


@contextmanager
def _no_delay() -> Iterator[None]:
    """Releases count when they are heard."""
    real = merged_holds

    def at_once(known: Any, plan: Any, now: datetime, delay: timedelta) -> Any:
        releases = tuple(one.model_copy(update={"effective_at": now}) for one in plan.releases)
        return real(known, plan.model_copy(update={"releases": releases}), now, 0 * delay)

    with mock.patch.object(handlers, "merged_holds", at_once):
        yield


@contextmanager
def _a_day_early() -> Iterator[None]:
    """Everybody counts one day too few."""
    real = KeepPeriod.due

    def due(self: KeepPeriod, end: datetime) -> datetime:
        return real(self, end) - DAY

    with mock.patch.object(KeepPeriod, "due", due):
        yield


@contextmanager
def _no_inbox() -> Iterator[None]:
    """What comes again is done again."""
    with mock.patch.object(SimulatedUnits, "inbox", new=False):
        yield


@contextmanager
def _no_brake() -> Iterator[None]:
    """Nobody is asked."""

    def decide(due_now: Sequence[Any], *_: Any, **__: Any) -> Decision:
        return Decision(erase=tuple(due_now))

    with mock.patch("reelwarden_retention.site.reaper.sweep.decide", decide):
        yield


@contextmanager
def _believed_unread() -> Iterator[None]:
    """A copy counts although its content was never compared."""
    real = judge

    def believe(reading: Reading, now: datetime) -> Any:
        return real(Reading(reading.object, Seen.READ, reading.object.digest), now)

    with mock.patch.object(verifying, "judge", believe):
        yield


@contextmanager
def _any_clock() -> Iterator[None]:
    """Whatever the clock shows is believed."""
    with mock.patch("reelwarden_retention.site.reaper.store.doubt", return_value=None):
        yield


@contextmanager
def _vault_forgets() -> Iterator[None]:
    """The vault lets go whatever is at its place, held or not."""
    with mock.patch("reelwarden_retention.site.reaper.sweep.is_held", return_value=False):
        yield


ALL: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "no-holds": _no_holds,
    "no-last-look": _no_last_look,
    "no-certificate": _no_certificate,
    "no-delay": _no_delay,
    "a-day-early": _a_day_early,
    "no-inbox": _no_inbox,
    "no-brake": _no_brake,
    "believed-unread": _believed_unread,
    "any-clock": _any_clock,
    "vault-forgets": _vault_forgets,
}


def applied(name: str | None) -> AbstractContextManager[None]:
    """With this fault in our code; None: as it is."""
    return nullcontext() if name is None else ALL[name]()
