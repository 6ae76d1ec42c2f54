"""The page on which the safety department ends the access of people who leave."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_access.district.desk.departure_office import MAY_END, Departures
from reelwarden_common.web import Person, require
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.sign_in import MAX_PASSWORD

router = APIRouter(include_in_schema=False)
Deciding = Annotated[Person, Depends(require(*MAY_END))]
Typed = Annotated[str, Form(max_length=MAX_PASSWORD)]
Reason = Annotated[str, Form(max_length=2000)]


def _office(request: Request) -> Departures:
    found: Departures = request.app.state.departures
    return found


At = Annotated[Departures, Depends(_office)]


async def _page(
    request: Request, office: Departures, who: Person, problem: WebRefusal | None = None
) -> Response:
    people, decided = await office.show(who)
    web = request.app.state.web
    values = {
        "people": people,
        "decided": decided,
        "names": {one.id: one.name for one in web.people.all()},
        "problem": problem.text if problem else None,
    }
    page: Response = web.render(request, "people.html", values, problem.status if problem else 200)
    return page


@router.get("/people")
async def people(request: Request, office: At, who: Deciding) -> Response:
    """Whose access one may end, and what was decided."""
    return await _page(request, office, who)


@router.post("/people/end")
async def end(
    request: Request,
    office: At,
    who: Deciding,
    account: Typed = "",
    reason: Reason = "",
    password: Typed = "",
) -> Response:
    """Somebody leaves."""
    try:
        await office.end(who, account, reason, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, refusal)
    return RedirectResponse("/people", status_code=303)


@router.post("/people/back")
async def back(
    request: Request,
    office: At,
    who: Deciding,
    account: Typed = "",
    reason: Reason = "",
    password: Typed = "",
) -> Response:
    """Somebody comes back."""
    try:
        await office.give_back(who, account, reason, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, refusal)
    return RedirectResponse("/people", status_code=303)
