"""The timeline beside the forms: drawn with the form, and anew when cameras or times change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from reelwarden_access.district.desk import timeline
from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.bodies import aware
from reelwarden_access.district.desk.office import Office
from reelwarden_common.events.ingest import CameraCoverage, CoverageQuery
from reelwarden_common.web import Missing, Person, SignedIn, Web
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.text import N_

router = APIRouter(include_in_schema=False)
MOST_CAMERAS = 64
_YEARS = range(2000, 2100)
KIND_WORDS: Mapping[timeline.Kind, str] = {
    timeline.Kind.RECORDED: N_("recorded"),
    timeline.Kind.SOON: N_("recorded, expires within 3 days"),
    timeline.Kind.GAP: N_("no footage known"),
    timeline.Kind.AHEAD: N_("still to come"),
    timeline.Kind.UNKNOWN: N_("unknown: the index does not answer"),
}


@dataclass(frozen=True)
class Drawn:
    """A timeline as its template shows it."""

    window: timeline.Window
    lines: tuple[timeline.Line, ...]
    chosen: tuple[datetime, datetime] | None
    """The span written into the form."""


@router.get("/timeline")
async def part(
    request: Request,
    office: At,
    person: SignedIn,
    start: str = "",
    end: str = "",
    cameras: Annotated[Sequence[str], Query(max_length=MOST_CAMERAS)] = (),
) -> Response:
    """The timeline alone, for the form's script."""
    shown = await drawn(office, person, {"cameras": cameras, "start": start, "end": end})
    web: Web = request.app.state.web
    return web.render(request, "timeline.html", {"timeline": shown, "kind_words": KIND_WORDS})


async def beside(office: Office, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a form's template needs; a form that is refused is still shown."""
    try:
        shown = await drawn(office, person, given)
    except WebRefusal:
        shown = None
    return {"timeline": shown, "kind_words": KIND_WORDS}


async def drawn(office: Office, person: Person, given: Mapping[str, Any]) -> Drawn | None:
    """What exists of the chosen cameras around the times written; None: no camera is chosen.

    Raises:
        Denied: a school where the person has no role (R3.3).
        Missing: there is no such camera.
    """
    chosen = [str(one).partition("/") for one in given.get("cameras", ())][:MOST_CAMERAS]
    if not chosen:
        return None
    known = {(s.id, c.id): c for s in office.config.schools for c in s.cameras}
    places = [(school, camera) for school, _, camera in chosen]
    if any(place not in known for place in places):
        raise Missing
    zone, now = office.config.time_zone, office.now()
    periods = {place: office.config.keep_period(*place) for place in places}
    start, end = _moment(given.get("start"), zone), _moment(given.get("end"), zone)
    days = max(period.days for period in periods.values())
    window = timeline.window(start, end, now, days, zone)
    found: dict[tuple[str, str], CameraCoverage] = {}
    for school in sorted({school for school, _ in places}):
        span = {"start": window.start, "end": max(window.start, min(window.end, now))}
        answer = await office.coverage(person, CoverageQuery(school=school, **span))
        found |= {(school, one.camera): one for one in (answer.cameras if answer else ())}
    lines = tuple(
        timeline.line(known[p].name, known[p].place, window, found.get(p), periods[p], now) for p in places
    )
    return Drawn(window, lines, (start, end) if start and end and start < end else None)


def _moment(written: object, zone: str) -> datetime | None:
    """A moment as a form's field holds it; what cannot be read was not written."""
    try:
        moment = aware(datetime.fromisoformat(str(written)), zone)
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None
