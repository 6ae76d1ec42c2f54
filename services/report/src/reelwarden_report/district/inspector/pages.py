"""What people see beside the dashboard: reports, violations, dead letters, suggestions."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.responses import HTMLResponse

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import Missing, Person, PersonRole, SignedIn
from reelwarden_common.web.i18n import language_of
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.commands import Doing
from reelwarden_report.district.inspector.domain import waits_at_the_desk
from reelwarden_report.district.inspector.letters import LetterKey, number_of
from reelwarden_report.district.inspector.record import Record
from reelwarden_report.district.inspector.room import INSPECTORS, SETTLERS, VIEWERS, InRoom, Room
from reelwarden_report.district.inspector.rules import as_html, translated
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


@router.get("/reports")
async def reports(room: InRoom, request: Request, person: SignedIn) -> Response:
    found = await room.views.reports(room.seen_by(person))
    return Pages(room).page(request, person, "reports.html", reports=found)


@router.post("/reports")
async def inspect(
    commands: Doing,
    person: SignedIn,
    school: Annotated[str, Form()],
    kind: Annotated[str, Form()] = "daily",
) -> Response:
    made = await commands.inspect(person, school, kind)
    return RedirectResponse(f"/reports/{made.report}.html", status_code=303)


@router.get("/reports/{report}.pdf")
async def report_pdf(room: InRoom, request: Request, person: SignedIn, report: str) -> Response:
    language = language_of(request)
    found = await room.views.report_file(report, language)
    if found is None:
        raise Missing
    view, pdf = found
    room.seen_by(person, view.school)
    disposition = f'inline; filename="{view.number}-{language}.pdf"'
    return Response(pdf, media_type=PDF, headers={"content-disposition": disposition})


@router.get("/reports/{report}.html")
async def report_page(room: InRoom, request: Request, person: SignedIn, report: str) -> Response:
    language = language_of(request)
    found = await room.views.report_file(report, language)
    record = await room.views.record(found[0].inspection) if found else None
    if found is None or record is None:
        raise Missing
    room.seen_by(person, found[0].school)
    document = room.inspections.document(Record.model_validate(record), found[0].number, language)
    return Pages(room).page(request, person, "report.html", report=found[0], document=document)


@router.post("/findings/{finding}/close")
async def close(
    commands: Doing, person: SignedIn, finding: str, reason: Annotated[str, Form(max_length=64)] = "mended"
) -> Response:
    await commands.close(person, finding, reason)
    return RedirectResponse("/", status_code=303)


@router.get("/violations")
async def violations(room: InRoom, request: Request, person: SignedIn) -> Response:
    found = await room.views.violations(room.seen_by(person))
    return Pages(room).page(request, person, "violations.html", violations=found, outcomes=words.OUTCOMES)


@router.post("/violations/{violation}/close")
async def close_violation(
    commands: Doing, person: SignedIn, violation: str, outcome: Annotated[str, Form(max_length=64)]
) -> Response:
    await commands.close_violation(person, violation, outcome)
    return RedirectResponse("/violations", status_code=303)


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


@router.get("/rules")
async def rules(room: InRoom, request: Request, person: SignedIn) -> Response:
    found = await room.views.rules_in_force(room.clock())
    values: dict[str, Any] = {}
    if found:
        values = {"text": as_html(found.text), "english": as_html(translated(found.version))}
    return Pages(room).page(request, person, "rules.html", rules=found, **values)


@router.get("/feedback")
async def feedback(room: InRoom, request: Request, person: SignedIn) -> Response:
    own = room.schools_of(person, *PersonRole)
    seen = [s for s in own if person.holds(s, *VIEWERS)]
    found = await room.views.feedback(seen) if seen else []
    return Pages(room).page(
        request,
        person,
        "feedback.html",
        suggestions=found,
        own=own,
        may_read=bool(seen),
        rules=await room.views.rules(),
    )


@router.post("/feedback")
async def suggest(
    commands: Doing,
    person: SignedIn,
    school: Annotated[str, Form()],
    text: Annotated[str, Form(max_length=4000)],
) -> Response:
    await commands.suggest(person, school, text)
    return RedirectResponse("/feedback?sent=1", status_code=303)
