"""The page on which people let programs in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.contracts.asyncapi import SERVICES
from reelwarden_common.contracts.forms import form_of, schema_of
from reelwarden_common.messaging.topology import ROLES
from reelwarden_common.web import Person, SignedIn
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.programs import Keeping, Programs
from reelwarden_report.district.inspector.room import InRoom, Room

router = APIRouter(include_in_schema=False)


async def _page(
    room: Room, request: Request, person: Person, keeping: Programs, made: str | None = None
) -> Response:
    return Pages(room).page(
        request,
        person,
        "programs.html",
        schools=keeping.kept_by(person),
        tokens=await keeping.tokens(person),
        now=room.clock(),
        made=made,
    )


@router.get("/programs")
async def programs(room: InRoom, request: Request, person: SignedIn, keeping: Keeping) -> Response:
    return await _page(room, request, person, keeping)


@router.post("/programs/tokens")
async def make_token(
    room: InRoom,
    request: Request,
    person: SignedIn,
    keeping: Keeping,
    name: Annotated[str, Form()] = "",
    schools: Annotated[list[str] | None, Form()] = None,
    days: Annotated[int, Form()] = 365,
) -> Response:
    """Answered with the page itself: the key is shown this once and stands in no address."""
    _, key = await keeping.make_token(person, name, schools or [], days)
    return await _page(room, request, person, keeping, key)


@router.post("/programs/tokens/{token}/revoke")
async def revoke_token(person: SignedIn, keeping: Keeping, token: str) -> Response:
    await keeping.revoke_token(person, token)
    return RedirectResponse("/programs", status_code=303)


@router.get("/events")
async def events(room: InRoom, request: Request, person: SignedIn) -> Response:
    """Everything that is said on the bus, as its contracts describe it."""
    speakers = {
        role.name: [(form.name, form.summary, schema_of(form)) for form in map(form_of, role.publishes)]
        for role in ROLES
    }
    return Pages(room).page(request, person, "events.html", speakers=speakers, services=SERVICES)
