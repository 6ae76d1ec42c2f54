"""Pages about violations (R5.2): the list, one with what was done about it, and the form to report one."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.district import PersonRole
from reelwarden_common.web import N_, Denied, Missing, Person, SignedIn, Text, Wrong
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.commands import Doing
from reelwarden_report.district.inspector.letters import number_of
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.shapes import ViolationView
from reelwarden_report.district.inspector.violation_rules import GRADES, LONGEST_TEXT
from reelwarden_report.district.inspector.violation_work import Told

router = APIRouter(include_in_schema=False)
IN_CHARGE = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
"""Only they see names (R5.2); auditors and operators see numbers."""


class FullViolation(ViolationView):
    """A violation with what was written about it."""

    reporter: str | None
    text: str


@router.get("/violations")
async def violations(
    room: InRoom, request: Request, person: SignedIn, grade: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    """The open and newest first."""
    found = await room.views.violations(room.seen_by(person))
    return Pages(room).page(
        request,
        person,
        "violations.html",
        violations=[one for one in found if grade in ("", one.grade)],
        grades=GRADES,
        grade=grade,
        outcomes=words.OUTCOMES,
    )


@router.get("/violations/report")
async def form(room: InRoom, request: Request, person: SignedIn) -> Response:
    """Whoever works at a school may report what they saw."""
    return _form(room, request, person)


def _form(
    room: Room, request: Request, person: Person, text: str = "", problem: WebRefusal | None = None
) -> Response:
    return Pages(room).page(
        request,
        person,
        "violation_report.html",
        status=problem.status if problem else 200,
        own=room.schools_of(person, *PersonRole),
        text=text,
        problem=problem,
    )


@router.post("/violations/report")
async def tell(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: Annotated[str, Form(max_length=63)],
    text: Annotated[str, Form(max_length=8000)] = "",
    *,
    anonymous: Annotated[bool, Form()] = False,
) -> Response:
    """Report it; who wants to stay unknown is written down nowhere."""
    try:
        if school not in room.schools_of(person, *PersonRole):
            raise Denied("no_right", Text(N_("Your account has no right to this.")), "R5.2")
        if not 1 <= len(text.strip()) <= LONGEST_TEXT:
            raise Wrong("no_text", Text(N_("Please write between 1 and 4000 characters.")), "R5.2")
    except WebRefusal as problem:
        return _form(room, request, person, text, problem)
    async with room.units.begin() as store:
        await store.report_violation(Told(school, text.strip(), None if anonymous else person.id))
    return RedirectResponse("/violations/report?sent=1", status_code=303)


@router.get("/violations/{violation}")
async def violation(room: InRoom, request: Request, person: SignedIn, violation: str) -> Response:
    """One violation, and what was done about it."""
    return await _page(room, request, person, violation)


async def _found(room: Room, person: Person, violation: str) -> FullViolation:
    row = await room.pool.fetchrow(
        "SELECT v.*, r.act, a.number FROM violation v"
        " LEFT JOIN refusal r ON (r.school, r.event) = (v.school, v.cause)"
        " LEFT JOIN application a ON (a.school, a.application) = (v.school, v.application)"
        " WHERE v.violation = $1",
        violation,
    )
    if row is None:
        raise Missing
    room.seen_by(person, row["school"])
    return FullViolation.model_validate(dict(row))


async def _page(
    room: Room, request: Request, person: Person, violation: str, problem: WebRefusal | None = None
) -> Response:
    found = await _found(room, person, violation)
    names = person.holds(found.school, *IN_CHARGE)
    rows = await room.pool.fetch(
        "SELECT kind, person, text, at FROM violation_step WHERE violation = $1 ORDER BY at", violation
    )

    def name(account: str) -> str:
        known = room.web.people.find(account)
        return known.name if names and known else number_of(account)

    return Pages(room).page(
        request,
        person,
        "violation.html",
        status=problem.status if problem else 200,
        violation=found,
        steps=rows,
        names=names,
        name=name,
        grades=GRADES,
        outcomes=words.OUTCOMES,
        problem=problem,
    )


@router.post("/violations/{violation}/steps")
async def step(
    room: InRoom,
    request: Request,
    person: SignedIn,
    violation: str,
    kind: Annotated[str, Form(max_length=16)],
    text: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Grade it, say what was done, refer it, close it: the safety department."""
    found = await _found(room, person, violation)
    room.must_inspect(person, found.school)
    try:
        async with room.units.begin() as store:
            await store.violation_step(violation, kind, text, person.id)
    except Wrong as problem:
        return await _page(room, request, person, violation, problem)
    return RedirectResponse(f"/violations/{violation}", status_code=303)


@router.post("/violations/{violation}/close")
async def close(
    commands: Doing, person: SignedIn, violation: str, outcome: Annotated[str, Form(max_length=64)]
) -> Response:
    """Close it from the list."""
    await commands.close_violation(person, violation, outcome)
    return RedirectResponse("/violations", status_code=303)
