"""Signing in and out: a page for people, `/api/session` for programs."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from reelwarden_common.web.guard import MaybePerson, SignedIn
from reelwarden_common.web.people import Person
from reelwarden_common.web.refusals import NotSignedIn, TooOften
from reelwarden_common.web.second import SecondFactor, Wanted
from reelwarden_common.web.text import N_, Text

router = APIRouter()
WRONG_PASSWORD = Text(N_("Account or password is wrong."))
HAS_LEFT = Text(N_("Your access has ended. The safety department of your school can tell you more."))
MAX_ACCOUNT, MAX_PASSWORD = 63, 200


class Credentials(BaseModel):
    """Who signs in."""

    id: str = Field(max_length=MAX_ACCOUNT, examples=["wang.fang"])
    password: str = Field(max_length=MAX_PASSWORD)
    code: str = Field(default="", max_length=MAX_PASSWORD)
    """Of the second factor, for whoever has one."""


class Grant(BaseModel):
    """A role at a school, or at `district`."""

    school: str
    role: str


class Session(BaseModel):
    """Who is signed in, and what they may do where."""

    id: str
    name: str
    unit: str
    roles: list[Grant]


def local_path(wanted: str) -> str:
    """Where to go after signing in: only ever a path of this site."""
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe else "/"


def sign_in_path(request: Request) -> str:
    """The sign-in page that leads back to where the request wanted to go."""
    if request.method != "GET" or request.url.path in ("/", "/login"):
        return "/login"
    query = f"?{request.url.query}" if request.url.query else ""
    return "/login?" + urlencode({"next": request.url.path + query})


def _shown(person: Person) -> Session:
    grants = sorted(person.grants)
    return Session(
        id=person.id,
        name=person.name,
        unit=person.unit,
        roles=[Grant(school=g.school, role=g.role.value) for g in grants],
    )


@router.get("/login", include_in_schema=False)
async def login_page(request: Request, person: MaybePerson, next: str = "/") -> Response:  # noqa: A002 - as in the address
    """The form; whoever is signed in already goes on."""
    if person is not None:
        return RedirectResponse(local_path(next), status_code=303)
    if getattr(request.state, "half", None) is not None:
        return RedirectResponse("/login/code?" + urlencode({"next": local_path(next)}), status_code=303)
    return _form(request, next)


def _form(
    request: Request, wanted: str, account: str = "", problem: Text | None = None, status: int = 200
) -> Response:
    values: dict[str, Any] = {"next": local_path(wanted), "account": account, "problem": problem}
    values["by_service"] = request.app.state.web.oidc is not None
    response: Response = request.app.state.web.render(request, "login.html", values, status)
    return response


@router.post("/login", include_in_schema=False)
async def login(
    request: Request,
    id: Annotated[str, Form()] = "",  # noqa: A002 - the field's name
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - as in the address
) -> Response:
    """Check the password, open a session, go on."""
    web = request.app.state.web
    if len(id) > MAX_ACCOUNT or len(password) > MAX_PASSWORD:
        return _form(request, next, id[:MAX_ACCOUNT], WRONG_PASSWORD, 401)
    try:
        person = await web.people.verify(id.strip(), password, "sign-in")
    except TooOften as wait:
        return _form(request, next, id, wait.text, wait.status)
    if person is None:
        return _form(request, next, id, WRONG_PASSWORD, 401)
    if not await web.may_come_in(person.id):
        return _form(request, next, id, HAS_LEFT, 403)
    response = RedirectResponse(local_path(next), status_code=303)
    web.sessions.open(request, response, person)
    return response


@router.post("/logout", include_in_schema=False)
async def logout(request: Request) -> Response:
    """End this session; a copy of its cookie is worth nothing afterwards."""
    response = RedirectResponse("/login", status_code=303)
    await request.app.state.web.sign_out(request, response)
    return response


@router.post("/logout/everywhere", include_in_schema=False)
async def sign_out_everywhere(request: Request, person: SignedIn) -> Response:
    """End all sessions of this person at this role, on every device."""
    web = request.app.state.web
    response = RedirectResponse("/login", status_code=303)
    await web.sign_ins.end(web.sessions.mark(person.id), datetime.now(UTC))
    web.sessions.end(request, response)
    return response


@router.post("/api/session", tags=["session"], summary="Sign in")
async def open_session(request: Request, response: Response, credentials: Credentials) -> Session:
    """Open a session: the answer sets the cookie that every other call needs."""
    web = request.app.state.web
    person = await web.people.verify(credentials.id, credentials.password, "sign-in")
    if person is None:
        raise NotSignedIn(WRONG_PASSWORD)
    if not await web.may_come_in(person.id):
        raise NotSignedIn(HAS_LEFT)
    second = await _second(web.second, person, credentials.code)
    web.sessions.open(request, response, person, second=second)
    return _shown(person)


async def _second(kept: SecondFactor | None, person: Person, code: str) -> bool:
    """Whether a second factor was given.

    Raises:
        NotSignedIn: it is missing or wrong.
    """
    missing = await kept.wanted(person) if kept else Wanted.NOTHING
    if kept is None or missing is Wanted.NOTHING:
        return False
    if missing is Wanted.ENROLMENT:
        raise NotSignedIn(Text(N_("Set up a second factor first: sign in on the page.")))
    if not code:
        raise NotSignedIn(Text(N_("The code of your second factor is missing.")))
    await kept.take(person, code)
    return True


@router.get("/api/session", tags=["session"], summary="Who is signed in")
async def read_session(person: SignedIn) -> Session:
    """Say who is signed in."""
    return _shown(person)


@router.delete("/api/session", tags=["session"], summary="Sign out", status_code=204)
async def end_session(request: Request, response: Response) -> None:
    """End the session of this client."""
    await request.app.state.web.sign_out(request, response)
