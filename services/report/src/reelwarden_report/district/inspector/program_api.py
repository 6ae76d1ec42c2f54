"""For programs: events as they are said, and the keys by which programs come in."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from reelwarden_common.contracts.asyncapi import SERVICES, document
from reelwarden_common.contracts.example import example_of
from reelwarden_common.contracts.forms import all_forms, schema_of
from reelwarden_common.web import Missing, Person, SignedIn, Text, Wrong
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_report.district.inspector.event_stream import Position
from reelwarden_report.district.inspector.exports import Exporting
from reelwarden_report.district.inspector.live_pages import STREAM_SECONDS
from reelwarden_report.district.inspector.programs import LONGEST_NAME, UNKNOWN_TYPE, Keeping
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.tokens import MARK, MOST_DAYS, TokenView, program_of
from reelwarden_report.district.inspector.webhooks import WebhookOrder, WebhookView
from reelwarden_report.telling.addresses import LONGEST_URL
from reelwarden_report.telling.deliveries import Format
from reelwarden_report.telling.wanted import Wanted, types_of, unknown

HEARTBEAT_SECONDS = 15
RETRY_MILLISECONDS = 2000
LOOK_AGAIN = timedelta(seconds=2)
"""So soon a revoked token hears nothing more."""

router = APIRouter(prefix="/api", route_class=Exporting)
_bearer = HTTPBearer(auto_error=False, description=f"A token of the page Programs; it begins with {MARK}")


async def _by_token(
    room: InRoom, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Whoever brings a token is known by it."""
    authorization = request.headers.get("authorization")
    request.state.program = await program_of(room.tokens, request.method, authorization, room.clock())


ByToken = Depends(_by_token)
"""For routers whose routes programs may read."""


class TokenOrder(BaseModel):
    """A token for a program."""

    name: str = Field(max_length=LONGEST_NAME, examples=["Night watch board"])
    schools: list[str] = Field(min_length=1, max_length=5000, examples=[["s001"]])
    """`district`: all schools, and what concerns none."""
    days: int = Field(default=365, ge=1, le=MOST_DAYS)


class MadeToken(BaseModel):
    """A new token."""

    token: str
    key: str
    """Shown this once."""


@router.get(
    "/events",
    tags=["events"],
    summary="Events as they are said (server-sent events)",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: Annotated[
        list[str] | None, Query(max_length=5000, description="Only these schools; yours, if none is given.")
    ] = None,
    type: Annotated[  # noqa: A002 - the query's name
        list[str] | None,
        Query(max_length=100, description="Only these kinds: `inspector.finding`, `desk.application` …"),
    ] = None,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="Go on after this event; 0: from the oldest kept.")
    ] = None,
) -> EventSourceResponse:
    """Each event is CloudEvents JSON; what was missed since `Last-Event-ID` comes first.

    An event may come twice: `source` and `id` together tell. The stream ends now and then; come back with the
    last id. Without one it begins with what is said from now on.
    """
    seen = (
        [one for asked in school for one in room.seen_by(person, asked)] if school else room.seen_by(person)
    )
    types = types_of(type or [])
    if wrong := unknown(types):
        raise Wrong("unknown_type", Text(UNKNOWN_TYPE, kind=wrong[0]))
    wanted = Wanted(frozenset(seen), types)
    after = Position.read(last_event_id) if last_event_id else await room.events.here()
    stream = _Follower(room, request, person).told(wanted, after)
    return EventSourceResponse(stream, ping=HEARTBEAT_SECONDS)


class _Follower:
    """One program at the other end."""

    def __init__(self, room: Room, request: Request, person: Person) -> None:
        self._room = room
        self._request = request
        self._person = person
        self._began = self._looked = room.clock()

    async def told(self, wanted: Wanted, after: Position) -> AsyncIterator[ServerSentEvent]:
        """Events, for as long as they may be told; first and in quiet times, only how far this is."""
        events = self._room.events
        async with events.open_to(self._person.id):
            yield ServerSentEvent(id=str(after), retry=RETRY_MILLISECONDS)
            async for one in events.follow(wanted, after):
                yield ServerSentEvent(one.text, id=str(one.position))
                if not await self._may_go_on():
                    return

    async def _may_go_on(self) -> bool:
        now = self._room.clock()
        if now - self._looked < LOOK_AGAIN:
            return True
        self._looked = now
        try:
            authorization = self._request.headers.get("authorization")
            program = await program_of(self._room.tokens, "GET", authorization, now)
        except WebRefusal:
            return False
        return program is not None or (now - self._began).total_seconds() < STREAM_SECONDS


@router.get("/tokens", tags=["tokens"], summary="Tokens of programs")
async def tokens(keeping: Keeping, person: SignedIn) -> list[TokenView]:
    """Those of the schools whose programs you keep; never the keys."""
    return list(await keeping.tokens(person))


@router.post("/tokens", tags=["tokens"], summary="Let a program in", status_code=201)
async def make_token(keeping: Keeping, person: SignedIn, order: TokenOrder) -> MadeToken:
    """It reads what an auditor of its schools reads, and changes nothing."""
    token, key = await keeping.make_token(person, order.name, order.schools, order.days)
    return MadeToken(token=token, key=key)


@router.post("/tokens/{token}/revoke", tags=["tokens"], summary="Revoke a token", status_code=204)
async def revoke_token(keeping: Keeping, person: SignedIn, token: str) -> None:
    """It opens nothing from now on."""
    await keeping.revoke_token(person, token)


@router.get("/asyncapi/{service}.json", tags=["events"], summary="What a service says and hears (AsyncAPI 3)")
async def asyncapi(_: SignedIn, service: str) -> dict[str, Any]:
    """One document a service: ingest, retention, access, backup, report."""
    if service not in SERVICES:
        raise Missing
    examples = {form.name: example_of(form, schema_of(form)) for form in all_forms()}
    return document(service, examples)


class WebhookForm(BaseModel):
    """Where a program or a chat wants to be told."""

    name: str = Field(max_length=LONGEST_NAME, examples=["Duty chat"])
    url: str = Field(max_length=LONGEST_URL, examples=["https://example.org/reelwarden"])
    format: Format = Format.CLOUDEVENTS
    secret: str = Field(default="", max_length=200)
    """Of a bot that signs; programs are given one."""
    schools: list[str] = Field(min_length=1, max_length=5000, examples=[["s001"]])
    types: list[str] = Field(default=[], max_length=100, examples=[["inspector.finding"]])
    language: Literal["zh", "en"] = "zh"


class MadeWebhook(BaseModel):
    """A new webhook."""

    webhook: str
    secret: str
    """Checks our signature; shown this once."""


@router.get("/webhooks", tags=["webhooks"], summary="Webhooks, and how they go")
async def webhooks(keeping: Keeping, person: SignedIn) -> list[WebhookView]:
    """Those of the schools whose programs you keep; never the secrets."""
    return list(await keeping.webhooks(person))


@router.post("/webhooks", tags=["webhooks"], summary="Be told by webhook", status_code=201)
async def make_webhook(keeping: Keeping, person: SignedIn, form: WebhookForm) -> MadeWebhook:
    """Signed (Standard Webhooks), tried for about 29 hours; not for the many facts about segments."""
    values = form.model_dump() | {"schools": tuple(form.schools), "types": types_of(form.types)}
    webhook, secret = await keeping.make_webhook(person, WebhookOrder(**values, by=person.id))
    return MadeWebhook(webhook=webhook, secret=secret)


@router.post("/webhooks/{webhook}/{act}", tags=["webhooks"], summary="Change a webhook", status_code=204)
async def change_webhook(
    keeping: Keeping,
    person: SignedIn,
    webhook: str,
    act: Literal["test", "pause", "resume", "again", "remove"],
) -> None:
    """`again` sends at once what waits and what was given up."""
    await keeping.change_webhook(person, webhook, act)
