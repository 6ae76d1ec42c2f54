"""The page on which people let programs in."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from reelwarden_common.contracts.asyncapi import SERVICES
from reelwarden_common.contracts.forms import form_of, schema_of
from reelwarden_common.messaging.topology import ROLES
from reelwarden_common.web import Person, SignedIn
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.programs import LONGEST_NAME, Keeping, Programs
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.webhooks import WebhookOrder
from reelwarden_report.telling.addresses import LONGEST_URL
from reelwarden_report.telling.deliveries import Format
from reelwarden_report.telling.wanted import types_of

router = APIRouter(include_in_schema=False)


class WebhookPage(BaseModel):
    """The form of the page."""

    name: str = Field(default="", max_length=LONGEST_NAME)
    url: str = Field(default="", max_length=LONGEST_URL)
    format: Format = Format.CLOUDEVENTS
    secret: str = Field(default="", max_length=200)
    schools: list[str] = []
    types: str = Field(default="", max_length=2000)
    language: Literal["zh", "en"] = "zh"


async def _page(room: Room, request: Request, person: Person, keeping: Programs, **made: str) -> Response:
    return Pages(room).page(
        request,
        person,
        "programs.html",
        schools=keeping.kept_by(person),
        tokens=await keeping.tokens(person),
        now=room.clock(),
        webhooks=await keeping.webhooks(person),
        formats=list(Format),
        format_names=words.FORMATS,
        made=made.get("key"),
        made_secret=made.get("secret"),
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
    return await _page(room, request, person, keeping, key=key)


@router.post("/programs/tokens/{token}/revoke")
async def revoke_token(person: SignedIn, keeping: Keeping, token: str) -> Response:
    await keeping.revoke_token(person, token)
    return RedirectResponse("/programs", status_code=303)


@router.post("/programs/webhooks")
async def make_webhook(
    room: InRoom, request: Request, person: SignedIn, keeping: Keeping, form: Annotated[WebhookPage, Form()]
) -> Response:
    """As with a token, the secret stands on the answer alone."""
    values = form.model_dump() | {"schools": tuple(form.schools), "types": types_of([form.types])}
    _, secret = await keeping.make_webhook(person, WebhookOrder(**values, by=person.id))
    return await _page(room, request, person, keeping, secret=secret)


@router.post("/programs/webhooks/{webhook}/{act}")
async def change_webhook(person: SignedIn, keeping: Keeping, webhook: str, act: str) -> Response:
    await keeping.change_webhook(person, webhook, act)
    return RedirectResponse("/programs#webhooks", status_code=303)


@router.get("/events")
async def events(room: InRoom, request: Request, person: SignedIn) -> Response:
    """Everything that is said on the bus, as its contracts describe it."""
    speakers = {
        role.name: [(form.name, form.summary, schema_of(form)) for form in map(form_of, role.publishes)]
        for role in ROLES
    }
    return Pages(room).page(request, person, "events.html", speakers=speakers, services=SERVICES)
