"""Clocks set a day forward and back, at the school and at the district, while processes run."""

from datetime import timedelta

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldInForce, SweepStopped
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.school_days import DAY, SCHOOL, coming_due, converged, goes_by, open_school
from tests.support.town import Film, Town

AGO = timedelta(hours=2)
"""Longer than the scanner watches a file that nobody says is closed."""


def doubts(place: Town, reason: str) -> int:
    """How many sweeps were not made for this reason, as the reaper's log says."""
    log = place.running["reaper"].log_path.read_text(encoding="utf-8")
    return sum(1 for line in log.splitlines() if "nothing_is_erased" in line and reason in line)


async def nothing_is_erased(place: Town, films: list[Film], reason: str) -> None:
    """Two more sweeps come to nothing, and say why."""
    there, before = [one for one in films if one.path.exists()], doubts(place, reason)
    certified = await place.erased(SCHOOL, SCHOOL)

    async def two_more() -> bool:
        return doubts(place, reason) >= before + 2

    await until(two_more)
    assert all(one.path.exists() for one in there)
    assert await place.erased(SCHOOL, SCHOOL) == certified


async def in_force(place: Town, name: str, films: list[Film]) -> None:
    """A hold is taken in and answered for, whatever the clocks say."""
    before = len(await place.heard(HoldInForce, "SITE", SCHOOL))
    span = CameraSpan(camera="gate", start=films[0].start, end=films[-1].end)
    await place.say("desk", SCHOOL, filed(name, [span], films[0].start + 80 * DAY))
    told = (await place.wait(HoldInForce, "SITE", SCHOOL, count=before + 1))[-1]
    assert (told.cause, told.complete, told.segments, told.gone) == (name, True, len(films), ())


async def filmed_now(place: Town, films: list[Film]) -> None:
    """The recorder goes by the same clock as the school's machine; what it writes is told."""
    films.append(place.film(SCHOOL, (place.clocks[SCHOOL]() - AGO).replace(microsecond=0)))

    async def told() -> bool:
        return films[-1].id in await place.recorded(SCHOOL, SCHOOL)

    await until(told)


async def stopped_for(place: Town, reason: str) -> bool:
    return reason in {one.reason for one in await place.heard(SweepStopped, "SITE", SCHOOL)}


async def test_a_school_whose_clock_is_set_erases_nothing_and_does_all_else(place: Town) -> None:
    films = await open_school(place)
    clock = place.clocks[SCHOOL]
    tomorrow, day_after = coming_due(place, films, 1), coming_due(place, films, 2)
    clock.set_(DAY)
    await nothing_is_erased(place, films, "clock-jumped")
    await filmed_now(place, films)
    await in_force(place, "a1", films[-1:])
    clock.set_(-2 * DAY)
    await nothing_is_erased(place, films, "clock-behind-plan")
    await filmed_now(place, films)
    await in_force(place, "a2", day_after)

    clock.pass_(timedelta(hours=27))
    await until(lambda: stopped_for(place, "clock-jumped"))
    admin = await place.admin()
    stops = "SELECT count(*) FROM report.finding WHERE kind = 'sweep-stopped' AND closed_at IS NULL"
    await until(lambda: admin.fetchval(f"SELECT ({stops}) > 0"))
    place.district_clock.pass_(timedelta(hours=27))
    clock.set_(DAY)
    await goes_by(place, films, frozenset(), days=0)
    assert not any(one.path.exists() for one in tomorrow)
    spared = frozenset(one.id for one in day_after)
    await goes_by(place, films, spared)
    await converged(place, films, spared)
    assert await place.letters() == []


async def test_a_district_whose_clock_is_set_orders_nothing_that_harms(place: Town) -> None:
    films = await open_school(place)
    tomorrow = coming_due(place, films, 1)
    place.district_clock.set_(DAY)
    await in_force(place, "a1", tomorrow)
    await nothing_is_erased(place, films, "clock-behind-plan")
    place.district_clock.set_(-2 * DAY)
    await in_force(place, "a2", films[-2:])
    place.district_clock.set_(DAY)
    await in_force(place, "a3", films[-4:-2])
    spared = frozenset(one.id for one in tomorrow)
    await goes_by(place, films, spared)
    await converged(place, films, spared)
    assert await place.letters() == []
