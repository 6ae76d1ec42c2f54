"""Setting up a second factor, and the page that asks for its code at sign-in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_access.district.desk.second_factor import picture
from reelwarden_access.district.desk.second_factor_office import SecondFactors
from reelwarden_common.web import NotSignedIn, Person, SignedIn, Text
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.second import Wanted
from reelwarden_common.web.sign_in import MAX_PASSWORD, local_path
from reelwarden_common.web.text import N_

router = APIRouter(include_in_schema=False)
ACT_WORDS = {
    "enrolled": N_("set up"),
    "recovered": N_("signed in with a recovery code"),
    "removed": N_("removed"),
    "reset": N_("reset"),
}
Typed = Annotated[str, Form(max_length=MAX_PASSWORD)]


def _office(request: Request) -> SecondFactors:
    found: SecondFactors = request.app.state.second_factors
    return found


At = Annotated[SecondFactors, Depends(_office)]


def _half(request: Request) -> Person:
    """Whose password was right, and nothing else yet."""
    found: Person | None = getattr(request.state, "half", None)
    if found is None:
        raise NotSignedIn
    return found


def _enrolling(request: Request) -> Person:
    """Who may set one up: whoever is signed in, or must set one up to be."""
    state = request.state
    who = getattr(state, "signed_in", None)
    if who is None and getattr(state, "wanted", None) is Wanted.ENROLMENT:
        who = getattr(state, "half", None)
    if who is None:
        raise NotSignedIn
    found: Person = who
    return found


Half = Annotated[Person, Depends(_half)]
Enrolling = Annotated[Person, Depends(_enrolling)]


@router.get("/login/code")
async def code_page(request: Request, who: Half, next: str = "/") -> Response:  # noqa: A002 - as in the address
    """Ask for the code, or lead to where one is set up."""
    if request.state.wanted is Wanted.ENROLMENT:
        return RedirectResponse("/second-factor", status_code=303)
    return _code_form(request, who, next)


def _code_form(
    request: Request, who: Person, wanted: str, problem: Text | None = None, status: int = 200
) -> Response:
    values = {"next": local_path(wanted), "who": who, "problem": problem}
    page: Response = request.app.state.web.render(request, "login_code.html", values, status)
    return page


@router.post("/login/code")
async def give_code(
    request: Request,
    office: At,
    who: Half,
    code: Typed = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - as in the address
) -> Response:
    """Check it, and open a session of its own."""
    try:
        await office.take(who, code)
    except WebRefusal as refusal:
        return _code_form(request, who, next, refusal.text, refusal.status)
    response = RedirectResponse(local_path(next), status_code=303)
    await _upgrade(request, response, who)
    return response


async def _upgrade(request: Request, response: Response, who: Person) -> None:
    web = request.app.state.web
    await web.sign_ins.end(web.sessions.names(request.state.session)[0], datetime.now(UTC))
    web.sessions.open(request, response, who, second=True)


async def _page(
    request: Request,
    office: SecondFactors,
    who: Person,
    shown_once: Mapping[str, Any] | None = None,
    problem: WebRefusal | None = None,
) -> Response:
    values = {
        **await office.show(who),
        "act_words": ACT_WORDS,
        "secret": None,
        "codes": None,
        "problem": problem.text if problem else None,
        **(shown_once or {}),
    }
    status = problem.status if problem else 200
    page: Response = request.app.state.web.render(request, "second_factor.html", values, status)
    return page


@router.get("/second-factor")
async def second_factor(request: Request, office: At, who: Enrolling) -> Response:
    """One's own, and those one may reset."""
    return await _page(request, office, who)


@router.post("/second-factor/begin")
async def begin(request: Request, office: At, who: Enrolling, password: Typed = "") -> Response:
    """Show a new secret, this once."""
    try:
        secret = await office.begin(who, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, problem=refusal)
    return await _page(request, office, who, {"secret": secret, "qr": picture(secret, who.id)})


@router.post("/second-factor/confirm")
async def confirm(request: Request, office: At, who: Enrolling, code: Typed = "") -> Response:
    """Take it into use; show the recovery codes, this once."""
    try:
        codes = await office.confirm(who, code)
    except WebRefusal as refusal:
        return await _page(request, office, who, problem=refusal)
    response = await _page(request, office, who, {"codes": codes, "person": who})
    await _upgrade(request, response, who)
    return response


@router.post("/second-factor/remove")
async def remove(request: Request, office: At, who: SignedIn, password: Typed = "") -> Response:
    """Do without."""
    try:
        await office.remove(who, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, problem=refusal)
    return RedirectResponse("/second-factor", status_code=303)


@router.post("/second-factor/reset")
async def reset(
    request: Request,
    office: At,
    who: SignedIn,
    account: Typed = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    password: Typed = "",
) -> Response:
    """Let somebody set up a new one."""
    try:
        await office.reset(who, request.app.state.web.people.find(account), reason, password)
    except WebRefusal as refusal:
        return await _page(request, office, who, problem=refusal)
    return RedirectResponse("/second-factor", status_code=303)
