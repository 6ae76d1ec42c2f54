"""The page on which a leader's signature is entrusted to somebody for some days."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_access.district.desk.deputy_office import MAY_NAME, Deputies, Naming
from reelwarden_common.web import Person, Text, Wrong, require
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.sign_in import MAX_PASSWORD
from reelwarden_common.web.text import N_

router = APIRouter(include_in_schema=False)
Deciding = Annotated[Person, Depends(require(*MAY_NAME))]
Typed = Annotated[str, Form(max_length=MAX_PASSWORD)]


def _office(request: Request) -> Deputies:
    found: Deputies = request.app.state.deputies
    return found


At = Annotated[Deputies, Depends(_office)]


async def _page(
    request: Request, office: Deputies, who: Person, problem: WebRefusal | None = None
) -> Response:
    web = request.app.state.web
    values = {
        "choices": await office.show(who),
        "names": {one.id: one.name for one in web.people.all()},
        "problem": problem.text if problem else None,
    }
    page: Response = web.render(request, "deputies.html", values, problem.status if problem else 200)
    return page


@router.get("/deputies")
async def deputies(request: Request, office: At, who: Deciding) -> Response:
    """Who stands in for whom."""
    return await _page(request, office, who)


@router.post("/deputies/name")
async def name(
    request: Request,
    office: At,
    who: Deciding,
    leader: Typed = "",
    deputy: Typed = "",
    first_day: Typed = "",
    last_day: Typed = "",
    password: Typed = "",
) -> Response:
    """Name one; `leader` is `<school>/<account>`."""
    school, _, principal = leader.partition("/")
    try:
        wanted = Naming(school, principal, deputy, _day(first_day), _day(last_day))
        await office.name(who, wanted, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, refusal)
    return RedirectResponse("/deputies", status_code=303)


@router.post("/deputies/{deputy}/revoke")
async def revoke(request: Request, office: At, who: Deciding, deputy: str, password: Typed = "") -> Response:
    """Take one back."""
    try:
        await office.revoke(who, deputy, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, refusal)
    return RedirectResponse("/deputies", status_code=303)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Wrong("no_day", Text(N_("Please give first and last day.")), "R3.3") from error
