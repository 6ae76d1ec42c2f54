"""A school without its line, for ten days and for five weeks: it goes on, and converges when it is back."""

import pytest

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldAsked, HoldFrozen, HoldInForce, PlanIssued
from reelwarden_retention.shapes import Plan
from reelwarden_retention.site.reaper import freeze
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.school_days import DAY, SCHOOL, converged, goes_by, open_school
from tests.support.town import Film, Town


async def test_ten_days_with_footage_coming_due_and_a_hold_placed_meanwhile(
    place: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    films = await open_school(place)
    admin = await place.admin()
    await place.bus.links[SCHOOL].cut()
    day = films[-1].start.replace(second=0)

    def of(days_ago: int) -> list[Film]:
        return [one for one in films if one.start.date() == (day - days_ago * DAY).date()]

    coming_due, safe, frozen = of(27), of(10), of(26)
    spans = [
        CameraSpan(camera="gate", start=two[0].start, end=two[1].end) for two in (coming_due, safe, frozen)
    ]
    until_ = place.district_clock() + 30 * DAY
    await place.say("desk", SCHOOL, filed("a1", spans[:2], until_))
    asked = {
        one.hold.span.start: one.hold.id for one in await place.wait(HoldAsked, "OFFICE", SCHOOL, count=2)
    }
    name = _freeze(place, spans[2], monkeypatch, capsys)
    spared = frozenset(one.id for one in frozen)
    for _ in range(10):
        await goes_by(place, films, spared)
    [there] = await place.heard(HoldInForce, "SITE", SCHOOL, SCHOOL)
    assert (there.hold, there.complete, there.segments, there.gone) == (name, True, 2, ())
    assert not any(one.path.exists() for one in coming_due)

    assert await place.heard(HoldInForce, "SITE", SCHOOL) == []
    shown = await admin.fetch("SELECT hold, status FROM report.hold WHERE in_force_at IS NULL")
    assert {row["hold"] for row in shown} == set(asked.values())
    late = "SELECT count(*) FROM report.finding WHERE kind = 'hold-not-reached' AND closed_at IS NULL"
    await until(lambda: admin.fetchval(f"SELECT ({late}) = 2"))

    await place.bus.links[SCHOOL].restore()
    await converged(place, films, spared)
    told = {one.hold: one for one in await place.heard(HoldInForce, "SITE", SCHOOL)}
    lost, kept = (told[asked[span.start]] for span in spans[:2])
    assert (lost.complete, lost.segments, lost.gone, lost.gaps) == (True, 0, (spans[0],), ())
    assert (kept.complete, kept.segments, kept.gone, kept.gaps) == (True, 2, (), ())
    plans = await place.heard(PlanIssued, "DISTRICT", SCHOOL)
    assert {one.id for one in Plan.model_validate_json(plans[-1].plan).holds} == {*asked.values(), name}
    await until(lambda: admin.fetchval("SELECT count(*) = 3 FROM report.hold WHERE in_force_at IS NOT NULL"))
    await until(lambda: admin.fetchval(f"SELECT ({late}) = 0"))
    assert len(await place.heard(HoldFrozen, "SITE", SCHOOL)) == 1
    assert await place.letters() == []


async def test_five_weeks_alone_and_started_anew_it_erases_by_its_last_plan(place: Town) -> None:
    """The reaper needs the district for nothing that was decided; a plan that waits changes nothing."""
    films = await open_school(place)
    held = films[-2:]
    span = CameraSpan(camera="gate", start=held[0].start, end=held[1].end)
    await place.say("desk", SCHOOL, filed("a1", [span], place.district_clock() + 60 * DAY))
    await place.wait(HoldInForce, "SITE", SCHOOL)
    spared = frozenset(one.id for one in held)
    await place.bus.links[SCHOOL].cut()
    for week in range(5):
        if week == 2:
            await place.running["reaper"].restart()
        await goes_by(place, films, spared, days=7)
    known = len(await place.heard(PlanIssued, "DISTRICT", SCHOOL, SCHOOL))
    await place.running["keeper"].restart()
    await place.wait(PlanIssued, "DISTRICT", SCHOOL, count=known + 1)
    await place.bus.links[SCHOOL].restore()
    await converged(place, films, spared)
    assert await place.letters() == []


def _freeze(
    place: Town, span: CameraSpan, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """A school officer holds footage on the spot; returns the hold's id."""
    patch.setenv("RW_STATE_DIR", str(place.state_of("reaper", SCHOOL)))
    times = ["--from", span.start.isoformat(), "--to", span.end.isoformat()]
    words = ["--camera", span.camera, "--purpose", "accident", "--actor", "officer-1"]
    assert freeze.main([*words, *times]) == 0
    return capsys.readouterr().out.split()[-1]
