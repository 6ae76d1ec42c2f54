"""The pages of floor plans: put one up, and place cameras on it by a click or by numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from reelwarden_access.district.desk.plan import (
    LIMITS,
    MAY_DRAW,
    SHOWN_WIDTH,
    Mark,
    Plan,
    clicked,
    drawn,
    number,
    written_marks,
)
from reelwarden_access.district.desk.plan_office import Plans
from reelwarden_access.district.desk.uploads import form_with_files
from reelwarden_common.district import Camera, PersonRole, School
from reelwarden_common.web import Missing, Person, SignedIn, Web, Wrong
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.text import N_, Text

router = APIRouter(include_in_schema=False)
_MB = 1_000_000


def _plans(request: Request) -> Plans:
    plans: Plans = request.app.state.plans
    return plans


async def plans_beside(request: Request, person: Person, schools: Sequence[School]) -> dict[str, Any]:
    """What a form in which cameras are chosen shows: the plans of its schools, with their cameras."""
    plans, marks = await _plans(request).of(person, [school.id for school in schools])
    return {
        "plans": plans,
        "on_plan": {s.id: drawn(s.cameras, marks.get(s.id, ())) for s in schools if s.id in plans},
    }


@router.get("/plans")
async def listed(request: Request, person: SignedIn) -> Response:
    """The plans of one's schools."""
    plans = _plans(request)
    schools = [s for s in plans.config.schools if person.holds(s.id, *PersonRole)]
    found, marks = await plans.of(person, [s.id for s in schools])
    values = {"schools": schools, "plans": found, "marks": marks}
    web: Web = request.app.state.web
    return web.render(request, "plans.html", values)


@router.get("/plans/{school}")
async def page(request: Request, person: SignedIn, school: str) -> Response:
    """A school's plan, with what may be changed on it."""
    return await _page(request, person, school)


@router.get("/plans/{school}/picture")
async def picture(request: Request, person: SignedIn, school: str) -> Response:
    """The plan as a picture; its address changes with it, so that browsers may keep it for a day."""
    kind, content = await _plans(request).picture(person, school)
    headers = {"cache-control": "private, max-age=86400"}
    return Response(content, media_type=kind, headers=headers)


@router.post("/plans/{school}")
async def put(request: Request, person: SignedIn, school: str) -> Response:
    """Put up a plan."""
    try:
        async with form_with_files(request, LIMITS) as sent:
            if not sent.files:
                raise Wrong("no_file", Text(N_("Please choose a picture first.")), "R4.2")
            await _plans(request).put(person, school, sent.files)
    except WebRefusal as refusal:
        return await _page(request, person, school, refusal)
    return RedirectResponse(f"/plans/{school}#place", status_code=303)


@router.post("/plans/{school}/place")
async def place(request: Request, person: SignedIn, school: str) -> Response:
    """Put a camera where somebody clicked; the next that is not on the plan is chosen."""
    form = await request.form(max_files=0, max_fields=50)
    plans = _plans(request)
    found, marks = await plans.of(person, [school])
    cameras = _school(request, school).cameras
    try:
        await plans.place(person, school, [_click(form, cameras, found.get(school))], all_of_them=False)
    except WebRefusal as refusal:
        return await _page(request, person, school, refusal)
    placed = {mark.camera for mark in marks.get(school, ())} | {form.get("camera")}
    following = next((one.id for one in cameras if one.id not in placed), "")
    return RedirectResponse(f"/plans/{school}?camera={following}#place", status_code=303)


def _click(form: FormData, cameras: Sequence[Camera], plan: Plan | None) -> Mark:
    camera = str(form.get("camera", ""))
    if plan is None or camera not in {one.id for one in cameras}:
        text = Text(N_("Choose a camera first, then click where it is."))
        raise Wrong("no_camera", text, "R4.2")
    x, y = (number(str(form.get(f"at.{axis}", ""))) for axis in "xy")
    return clicked(camera, (x, y), plan)


@router.post("/plans/{school}/marks")
async def set_marks(request: Request, person: SignedIn, school: str) -> Response:
    """All places by numbers: for keyboards and screen readers, and to take a camera off the plan."""
    form = await request.form(max_files=0, max_fields=1000)
    written = {name: str(value) for name, value in form.items()}
    try:
        marks = written_marks(_school(request, school).cameras, written)
        await _plans(request).place(person, school, marks, all_of_them=True)
    except WebRefusal as refusal:
        return await _page(request, person, school, refusal, written)
    return RedirectResponse(f"/plans/{school}#content", status_code=303)


def _school(request: Request, school: str) -> School:
    found = next((one for one in _plans(request).config.schools if one.id == school), None)
    if found is None:
        raise Missing
    return found


async def _page(
    request: Request,
    person: Person,
    school: str,
    problem: WebRefusal | None = None,
    written: Mapping[str, str] | None = None,
) -> Response:
    own = _school(request, school)
    beside = await plans_beside(request, person, [own])
    off = [one.camera.id for one in beside["on_plan"].get(school, ()) if one.mark is None]
    values = {
        "school": own,
        **beside,
        "may_draw": person.holds(school, *MAY_DRAW),
        "problem": problem.text if problem else None,
        "written": written or {},
        "chosen": request.query_params.get("camera", off[0] if off else ""),
        "shown_width": SHOWN_WIDTH,
        "most_each": LIMITS.each // _MB,
    }
    web: Web = request.app.state.web
    return web.render(request, "plan.html", values, problem.status if problem else 200)
