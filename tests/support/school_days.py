"""Days at a school: what is filmed, what comes due, and whether the district knows all of it, once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reelwarden_common.clock import system_clock
from reelwarden_common.events.access import SweepConfirmed
from reelwarden_common.events.retention import PlanApplied, PlanIssued, SweepStopped
from tests.support.ingest import until
from tests.support.town import Film, Town

SCHOOL = "s001"
DAY = timedelta(days=1)
TEN = timedelta(seconds=10)
PATIENCE = 200.0
"""Seconds for a district and a school to agree: machines may be busy."""
BEGIN = system_clock().replace(hour=10, minute=0, second=0, microsecond=0) - 50 * DAY
"""So long ago that the end is not in the future of servers whose clock is not moved; hours from any due."""


def filmed(place: Town, day: datetime) -> list[Film]:
    """Two files one behind the other, at eight o'clock UTC: sixteen o'clock in Shanghai."""
    return [place.film(SCHOOL, day + n * TEN) for n in range(2)]


def due(film: Film) -> datetime:
    """The midnight that ends the thirtieth local day after its own, and twelve hours (R3.1)."""
    return film.start.replace(hour=4, minute=0, second=0) + 31 * DAY


def coming_due(place: Town, films: Sequence[Film], days: int) -> list[Film]:
    """What comes due on the day that is so many days ahead."""
    last = place.clocks[SCHOOL]() + days * DAY
    return [one for one in films if last - DAY < due(one) <= last]


async def goes_by(place: Town, films: list[Film], spared: frozenset[str], days: int = 1) -> None:
    """Time goes by at the school: what was filmed is told there, what is due is certified there."""
    place.pass_(days * DAY)
    now = place.clocks[SCHOOL]()
    for ago in range(days, 0, -1):
        films += filmed(place, (now - ago * DAY).replace(hour=8, minute=0, second=0, microsecond=0))
    expected = {one.id for one in films if due(one) <= now} - spared

    async def done() -> bool:
        erased = await place.erased(SCHOOL, SCHOOL)
        assert set(erased) <= expected
        assert len(erased) == len(set(erased))
        recorded = await place.recorded(SCHOOL, SCHOOL)
        return set(erased) == expected and {one.id for one in films} <= set(recorded)

    await until(done, seconds=240)
    assert {one.id for one in films if one.path.exists()} == {one.id for one in films} - expected


async def open_school(place: Town) -> list[Film]:
    """District and school at work, with a month of footage, its first sweep confirmed."""
    now = place.clocks[SCHOOL]()
    first = now.replace(hour=8, minute=0, second=0, microsecond=0) - 33 * DAY
    films = [one for n in range(33) for one in filmed(place, first + n * DAY)]
    await place.start("intake", "index", "keeper", "inspector")
    await place.start("scanner", "reaper", school=SCHOOL)
    [stopped, *_] = await place.wait(SweepStopped, "SITE", SCHOOL)
    assert stopped.reason == "first-sweep"
    await place.say("desk", SCHOOL, SweepConfirmed(sweep=stopped.sweep, actor="a-9"))
    gone = {one.id for one in films if due(one) <= now}

    async def swept() -> bool:
        return set(await place.erased(SCHOOL)) == gone

    await until(swept)
    return films


async def converged(place: Town, films: list[Film], spared: frozenset[str]) -> None:
    """The district knows exactly what the school has and what it erased, each once."""
    admin = await place.admin()
    now = place.clocks[SCHOOL]()
    gone = {one.id for one in films if due(one) <= now} - spared
    alive = {one.id for one in films} - gone

    async def same() -> bool:
        rows = await admin.fetch("SELECT id FROM ingest.segments WHERE status = 'recorded'")
        erased = await admin.fetch("SELECT id FROM ingest.erasures WHERE matched")
        found = sorted(row["id"].hex() for row in rows)
        return found == sorted(alive) and sorted(row["id"].hex() for row in erased) == sorted(gone)

    await until(same, PATIENCE)
    assert sorted(await place.erased(SCHOOL)) == sorted(gone)

    async def goes_by_the_newest() -> bool:
        issued = await place.heard(PlanIssued, "DISTRICT", SCHOOL)
        applied = await place.heard(PlanApplied, "SITE", SCHOOL)
        return applied[-1].digest == issued[-1].digest

    await until(goes_by_the_newest, PATIENCE)
