"""What people see: the live dashboard, reports, violations, suggestions."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import MaybePerson, Missing, Person, PersonRole, SignedIn
from reelwarden_common.web.i18n import language_of
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.bars import day_bars, hour_bar
from reelwarden_report.district.inspector.commands import Doing
from reelwarden_report.district.inspector.domain import waits_at_the_desk
from reelwarden_report.district.inspector.letters import LetterKey, number_of
from reelwarden_report.district.inspector.live import Snapshot
from reelwarden_report.district.inspector.record import Record
from reelwarden_report.district.inspector.room import INSPECTORS, SETTLERS, VIEWERS, InRoom, Room
from reelwarden_report.district.inspector.rules import as_html, translated
from reelwarden_report.district.inspector.tables.document import megabytes
from reelwarden_report.district.inspector.views import DAYS_SHOWN

STREAM_SECONDS = 600
"""A stream ends after this long; the browser comes back by itself and is asked who it is again."""
PDF = "application/pdf"


class Pages:
    """Makes pages and their parts."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def _common(self, person: Person) -> dict[str, Any]:
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

    def parts(self, request: Request, person: Person, snapshot: Snapshot) -> dict[str, str]:
        """The dashboard's parts that this person may see, by the id of their place on the page."""
        room = self.room
        seen = room.seen_by(person)
        common = self._common(person)
        language = language_of(request)
        schools = [s for s in snapshot.schools if s.school in seen]
        findings = [room.worded(f, language) for f in snapshot.findings if f.school in seen]

        def part(template: str, **values: object) -> str:
            return bytes(room.web.render(request, template, common | values).body).decode()

        found = {"overview": part("part_overview.html", schools=schools, findings=findings)}
        for school in schools:
            bars = {
                c.camera: day_bars(c, snapshot.at, room.zone, DAYS_SHOWN, room.settings.gap_seconds)
                for c in school.cameras
            }
            hours = {c.camera: hour_bar(c, snapshot.at, room.settings.gap_seconds) for c in school.cameras}
            found[f"school-{school.school}"] = part("part_school.html", school=school, bars=bars, hours=hours)
        found["findings"] = part("part_findings.html", findings=findings)
        return found

    async def dashboard(self, request: Request, person: Person) -> HTMLResponse:
        """The whole page."""
        parts = self.parts(request, person, await self.room.live.read())
        return self.room.web.render(request, "dashboard.html", self._common(person) | {"parts": parts})

    async def stream(self, request: Request, person: Person) -> AsyncIterator[ServerSentEvent]:
        """Parts of the dashboard as they change."""
        live, sent = self.room.live, dict[str, str]()
        known: Snapshot | None = None
        try:
            async with live.watching(), asyncio.timeout(STREAM_SECONDS):
                while (known := await live.newer_than(known)) is not None:
                    for place, html in self.parts(request, person, known).items():
                        if sent.get(place) != html:
                            sent[place] = html
                            data = json.dumps({"place": place, "html": html}, ensure_ascii=False)
                            yield ServerSentEvent(event="part", data=data)
        except TimeoutError:
            return

    def page(
        self, request: Request, person: Person, template: str, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A page with the common words."""
        return self.room.web.render(request, template, self._common(person) | values, status)


router = APIRouter(include_in_schema=False)


@router.get("/")
async def dashboard(room: InRoom, request: Request, person: MaybePerson) -> Response:
    if person is None:
        return RedirectResponse("/login", status_code=303)
    if not room.schools_of(person, *VIEWERS):
        return RedirectResponse("/feedback", status_code=303)
    return await Pages(room).dashboard(request, person)


@router.get("/api/live")
async def live(room: InRoom, request: Request, person: SignedIn) -> Response:
    room.seen_by(person)
    return EventSourceResponse(Pages(room).stream(request, person))


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
