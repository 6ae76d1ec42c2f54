"""What people see beside the dashboard: reports, violations, dead letters, suggestions."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.responses import HTMLResponse

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import Person, SignedIn
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.commands import Doing
from reelwarden_report.district.inspector.domain import waits_at_the_desk
from reelwarden_report.district.inspector.letters import LetterKey, number_of
from reelwarden_report.district.inspector.room import INSPECTORS, SETTLERS, InRoom, Room
from reelwarden_report.district.inspector.tables.document import megabytes

PDF = "application/pdf"


class Pages:
    """Makes pages and their parts."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def common(self, person: Person) -> dict[str, Any]:
        """What every page may need."""
        room = self.room
        return {
            "person": person,
            "school_name": room.school_name,
            "camera_name": room.camera_name,
            "code": words.code,
            "act": words.act,
            "kind_name": words.name,
            "size": megabytes,
            "forecast": words.forecast,
            "waits_at_the_desk": waits_at_the_desk,
            "may_inspect": room.schools_of(person, *INSPECTORS),
            "may_close": room.closing(person),
        }

    def page(
        self, request: Request, person: Person, template: str, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A page with the common words."""
        return self.room.web.render(request, template, self.common(person) | values, status)


router = APIRouter(include_in_schema=False)


@router.post("/findings/{finding}/close")
async def close(
    commands: Doing, person: SignedIn, finding: str, reason: Annotated[str, Form(max_length=64)] = "mended"
) -> Response:
    await commands.close(person, finding, reason)
    return RedirectResponse("/", status_code=303)


@router.get("/letters")
async def letters(room: InRoom, request: Request, person: SignedIn) -> Response:
    found = await room.views.letters(room.seen_by(person))
    may_settle = person.holds(DISTRICT_SCHOOL, *SETTLERS)
    return Pages(room).page(
        request,
        person,
        "letters.html",
        letters=found,
        hint=words.hint,
        may_settle=may_settle,
        account={number_of(one.id): one.id for one in room.web.people.all()},
    )


@router.post("/letters")
async def settle_letter(
    commands: Doing,
    person: SignedIn,
    key: Annotated[str, Form(max_length=400)],
    act: Annotated[str, Form(max_length=16)],
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    await commands.settle(person, LetterKey.read(key), act, note)
    return RedirectResponse("/letters", status_code=303)
