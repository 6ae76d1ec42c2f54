"""The supervisor's screen: what goes on, as it goes on; who is in the room; stop (R4.3)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_access.district.desk.acts.supervising import Live
from reelwarden_access.district.desk.api.office_of import At, AtSupervisions
from reelwarden_access.district.desk.bodies import Coming
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_access.district.desk.words import MARK_WORDS
from reelwarden_common.web import SignedIn, Web
from reelwarden_common.web.refusals import WebRefusal

router = APIRouter(include_in_schema=False)


def _values(live: Live) -> dict[str, Any]:
    return {"live": live, "a": live.application, "mark_words": MARK_WORDS}


def _render(request: Request, template: str, live: Live, problem: WebRefusal | None = None) -> Response:
    web: Web = request.app.state.web
    values = _values(live) | {"problem": problem.text if problem else None}
    return web.render(request, template, values, problem.status if problem else 200)


@router.get("/applications/{application}/supervision")
async def page(request: Request, office: AtSupervisions, person: SignedIn, application: str) -> Response:
    """The whole screen."""
    return _render(request, "supervision.html", await office.live(person, application))


@router.get("/applications/{application}/supervision/live")
async def part(request: Request, office: AtSupervisions, person: SignedIn, application: str) -> Response:
    """The part of it that changes, which the screen asks for again and again."""
    return _render(request, "supervision_live.html", await office.live(person, application))


@router.post("/applications/{application}/supervision/present")
async def come_or_go(
    request: Request, office: AtSupervisions, person: SignedIn, application: str
) -> Response:
    """Somebody comes into the room, or leaves it."""
    sent = await request.form()
    try:
        body = taken(Coming, {"name": sent.get("name", ""), "here": sent.get("here", "yes") == "yes"})
        await office.come_or_go(person, application, body.name, here=body.here)
    except WebRefusal as refusal:
        live = await office.live(person, application)
        return _render(request, "supervision.html", live, refusal)
    return RedirectResponse(f"/applications/{application}/supervision", status_code=303)


@router.post("/applications/{application}/supervision/stop")
async def stop(
    request: Request, office: AtSupervisions, desk: At, person: SignedIn, application: str
) -> Response:
    """Stop what runs; the supervision stays open."""
    live = await office.live(person, application)
    try:
        if live.running is not None:
            await desk.stop_viewing(person, live.running.viewing)
    except WebRefusal as refusal:
        return _render(request, "supervision.html", live, refusal)
    return RedirectResponse(f"/applications/{application}/supervision", status_code=303)
