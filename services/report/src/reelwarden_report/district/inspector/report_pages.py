"""Pages about written reports: made, read, signed, delivered, acknowledged (R5.1)."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.pdf import render_pdf
from reelwarden_common.web import Missing, Person, SignedIn
from reelwarden_common.web.i18n import language_of
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.signing.key_pages import own_key_ids
from reelwarden_report.district.inspector.commands import Doing
from reelwarden_report.district.inspector.csv_file import csv_file
from reelwarden_report.district.inspector.inspection import TEMPLATE
from reelwarden_report.district.inspector.own_keys import Act, Sent
from reelwarden_report.district.inspector.pages import PDF, Pages
from reelwarden_report.district.inspector.record import Record
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.shapes import ReportView
from reelwarden_report.district.inspector.signing import (
    READERS,
    SIGNERS,
    Signed,
    acknowledge_report,
    sign_report,
    signed,
)
from reelwarden_report.district.inspector.tables.document import Document

router = APIRouter(include_in_schema=False)


@router.get("/reports")
async def reports(room: InRoom, request: Request, person: SignedIn) -> Response:
    """All of one's schools, the newest first; what waits for a signature or a reader is marked."""
    found = await room.views.reports(room.seen_by(person))
    states = {one.report: await signed(room.pool, one.report) for one in found if one.kind == "monthly"}
    return Pages(room).page(
        request,
        person,
        "reports.html",
        reports=found,
        states=states,
        may_read=[school for school in room.seen_by(person) if person.holds(school, *READERS)],
    )


@router.post("/reports")
async def inspect(
    commands: Doing,
    person: SignedIn,
    school: Annotated[str, Form()],
    kind: Annotated[str, Form()] = "daily",
) -> Response:
    """Inspect now."""
    made = await commands.inspect(person, school, kind)
    return RedirectResponse(f"/reports/{made.report}.html", status_code=303)


async def _found(room: Room, person: Person, report: str, language: str) -> tuple[ReportView, bytes, Record]:
    found = await room.views.report_file(report, language)
    record = await room.views.record(found[0].inspection) if found else None
    if found is None or record is None:
        raise Missing
    room.seen_by(person, found[0].school)
    return *found, Record.model_validate(record)


def _document(room: Room, view: ReportView, record: Record, language: str, state: Signed) -> Document:
    return room.inspections.document(record, view.number, language, state)


@router.get("/reports/{report}.pdf")
async def report_pdf(
    room: InRoom, request: Request, person: SignedIn, report: str, *, unsigned: bool = False
) -> Response:
    """The PDF with its signature and readers; `unsigned`: the very file whose digest was signed."""
    language = language_of(request)
    view, pdf, record = await _found(room, person, report, language)
    state = await signed(room.pool, report)
    if state.signature and not unsigned:
        document = _document(room, view, record, language, state)
        pdf = await asyncio.to_thread(render_pdf, TEMPLATE, document.data(), moment=view.at)
    disposition = f'inline; filename="{view.number}-{language}.pdf"'
    return Response(pdf, media_type=PDF, headers={"content-disposition": disposition})


@router.get("/reports/{report}.csv")
async def report_csv(room: InRoom, request: Request, person: SignedIn, report: str) -> Response:
    """Every fact of the report: section, row, column, value."""
    language = language_of(request)
    view, _, record = await _found(room, person, report, language)
    document = _document(room, view, record, language, await signed(room.pool, report))
    return csv_file(f"{view.number}-{language}", ("section", "row", "column", "value"), document.cells())


@router.get("/reports/{report}.html")
async def report_page(room: InRoom, request: Request, person: SignedIn, report: str) -> Response:
    """The same as a page, with what is to be done about it."""
    return await _page(room, request, person, report)


async def _page(
    room: Room, request: Request, person: Person, report: str, problem: WebRefusal | None = None
) -> Response:
    language = language_of(request)
    view, _, record = await _found(room, person, report, language)
    state = await signed(room.pool, report)
    return Pages(room).page(
        request,
        person,
        "report.html",
        status=problem.status if problem else 200,
        report=view,
        document=_document(room, view, record, language, state),
        state=state,
        may_sign=person.holds(view.school, *SIGNERS),
        own_keys=await own_key_ids(request, person),
        may_acknowledge=person.holds(view.school, *READERS) and not state.read_by(person),
        problem=problem,
    )


@router.post("/reports/{report}/sign")
async def sign(
    room: InRoom,
    request: Request,
    person: SignedIn,
    report: str,
    digest: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=200)] = "",
    passkey: Annotated[str, Form(max_length=8000)] = "",
) -> Response:
    """The safety department signs; that delivers it to leaders and departments."""
    view, _, _ = await _found(room, person, report, "zh")
    try:
        sent, act = Sent.of(digest, password, passkey), Act("sign_report", view.school, "R5.1")
        async with room.keys.signing(person, act, sent) as own_key, room.units.begin() as store:
            sent.must_be(view.digest)
            await sign_report(store, person, view, own_key)
    except WebRefusal as problem:
        return await _page(room, request, person, report, problem)
    return RedirectResponse(f"/reports/{report}.html", status_code=303)


@router.post("/reports/{report}/read")
async def acknowledge(room: InRoom, request: Request, person: SignedIn, report: str) -> Response:
    """I have read it."""
    view, _, _ = await _found(room, person, report, "zh")
    try:
        async with room.units.begin() as store:
            await acknowledge_report(store, person, view)
    except WebRefusal as problem:
        return await _page(room, request, person, report, problem)
    return RedirectResponse(f"/reports/{report}.html", status_code=303)
