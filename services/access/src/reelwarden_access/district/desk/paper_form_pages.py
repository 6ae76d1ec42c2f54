"""The pages of numbered paper forms: print, enter, declare void; and the review on the application's page."""

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.apply_pages import written
from reelwarden_access.district.desk.attachment_beside import papers_beside, papers_of, take_papers
from reelwarden_access.district.desk.bodies import APPLICATION_ID, Filing, OnPaper, ReviewingPaper
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_access.district.desk.page_words import WORDS
from reelwarden_access.district.desk.pages import RefusedAct, render_application
from reelwarden_access.district.desk.paper_form import MAY_ENTER, MOST_PRINTED, name_of
from reelwarden_access.district.desk.paper_form_office import PaperForms
from reelwarden_access.district.desk.plan_pages import plans_beside
from reelwarden_access.district.desk.uploads import form_with_files
from reelwarden_common.district import School
from reelwarden_common.web import Missing, Person, SignedIn, Web
from reelwarden_common.web.refusals import WebRefusal

router = APIRouter(include_in_schema=False)
_MOST_FIELDS = 300


def _forms(request: Request) -> PaperForms:
    forms: PaperForms = request.app.state.paper_forms
    return forms


@router.get("/paper-forms/{school}")
async def listed(request: Request, person: SignedIn, school: str) -> Response:
    """A school's numbered forms."""
    return await _list(request, person, school)


async def _list(
    request: Request, person: Person, school: str, problem: WebRefusal | None = None, **given: str
) -> Response:
    forms = _forms(request)
    values = {
        "forms": await forms.of_school(person, school),
        "school": _school(forms, school),
        "may_enter": person.holds(school, *MAY_ENTER),
        "most": MOST_PRINTED,
        "days": forms.rules.paper_within.days,
        "problem": problem.text if problem else None,
        "given": given,
    }
    web: Web = request.app.state.web
    return web.render(request, "paper_forms.html", values, problem.status if problem else 200)


@router.post("/paper-forms/{school}")
async def print_block(request: Request, person: SignedIn, school: str) -> Response:
    """Print a block: the numbers are taken from now on."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    count = str(form.get("count", ""))
    try:
        number = int(count) if count.isdecimal() else 0
        name, made = await _forms(request).print_block(person, school, number)
    except WebRefusal as refusal:
        return await _list(request, person, school, refusal, count=count)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(made, media_type="application/pdf", headers=headers)


@router.post("/paper-forms/{school}/void")
async def void(request: Request, person: SignedIn, school: str) -> Response:
    """Declare blank forms void: spoilt, or lost."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    given = {name: str(form.get(name, "")).strip() for name in ("first", "last", "reason")}
    first, last = given["first"], given["last"] or given["first"]
    numbers = range(int(first), int(last) + 1) if first.isdecimal() and last.isdecimal() else range(0)
    try:
        await _forms(request).void(person, school, numbers[: MOST_PRINTED + 1], given["reason"][:200])
    except WebRefusal as refusal:
        return await _list(request, person, school, refusal, **given)
    return RedirectResponse(f"/paper-forms/{school}#content", status_code=303)


@router.get("/paper-forms/{school}/{number}")
async def blank(request: Request, person: SignedIn, school: str, number: int) -> Response:
    """The page on which a filled sheet is entered."""
    if not re.fullmatch(APPLICATION_ID, request.query_params.get("form", "")):
        return RedirectResponse(f"/paper-forms/{school}/{number}?form={uuid.uuid4().hex}", status_code=303)
    return await _enter(request, person, (school, number), {})


@router.post("/paper-forms/{school}/{number}")
async def enter(request: Request, person: SignedIn, school: str, number: int) -> Response:
    """Enter it; what is missing or wrong is told above the form, which keeps what was written."""
    name = request.query_params.get("form", "")
    given: dict[str, Any] = {"cameras": []}
    try:
        async with form_with_files(request, papers_of(request).limits) as sent:
            given = written(sent.fields, "cameras")
            await take_papers(request, person, name, sent)
        if "attach" in given:
            return await _enter(request, person, (school, number), given)
        password = sent.fields.get("password", "")
        asked = taken(Filing, _asked(given, school) | {"id": name or None, "password": password})
        listed = {"present": str(given.get("present", "")).splitlines()}
        paper = taken(OnPaper, given | listed | {"again": "again" in given, "password": password})
        draft = asked.draft(_forms(request).config.time_zone)
        done = await _forms(request).enter(person, number, draft, paper)
    except WebRefusal as refusal:
        return await _enter(request, person, (school, number), given, refusal)
    return RedirectResponse(f"/applications/{done.id}", status_code=303)


def _asked(given: Mapping[str, Any], school: str) -> dict[str, Any]:
    own = [one.removeprefix(f"{school}/") for one in given["cameras"]]
    return {
        **given,
        "school": school,
        "cameras": own,
        "documents": [line for line in str(given.get("documents", "")).splitlines() if line.strip()],
        "undertaking": True,
        "concerns_leader": "concerns_leader" in given,
        "urgent": False,
    }


async def _enter(
    request: Request,
    person: Person,
    sheet: tuple[str, int],
    given: Mapping[str, Any],
    problem: WebRefusal | None = None,
) -> Response:
    forms, (school, number) = _forms(request), sheet
    sheets = [one for one in await forms.of_school(person, school) if one.number == number]
    if not sheets:
        raise Missing
    own = _school(forms, school)
    values = {
        "school": own,
        "schools": [own],
        "name": name_of(school, number),
        "used": any(one.used_at for one in sheets),
        "may_enter": person.holds(school, *MAY_ENTER),
        "people": forms.people_at(school),
        "given": given,
        "problem": problem.text if problem else None,
        "zone": forms.config.time_zone,
        **await plans_beside(request, person, [own]),
        **await papers_beside(request, person, request.query_params.get("form", "")),
        **WORDS,
    }
    web: Web = request.app.state.web
    return web.render(request, "paper_form.html", values, problem.status if problem else 200)


@router.get("/applications/paper-{school}-{number}")
async def from_a_finding(person: SignedIn, school: str, number: int) -> Response:  # noqa: ARG001 - a guard
    """A finding about a number leads to the list in which it stands."""
    return RedirectResponse(f"/paper-forms/{school}#n{number}", status_code=303)


@router.post("/applications/{application}/review_paper")
async def review(request: Request, office: At, person: SignedIn, application: str) -> Response:
    """Sign that one has looked at the sheet and its scan."""
    sent = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    form = written(sent)
    try:
        body = taken(ReviewingPaper, form | {"password": sent.get("password", "")})
        await _forms(request).review(
            person, application, body.opinion, body.signed, in_order=body.decision == "in_order"
        )
    except WebRefusal as refusal:
        refused = RefusedAct("review_paper", form, refusal)
        return await render_application(request, office, person, application, refused)
    return RedirectResponse(f"/applications/{application}#content", status_code=303)


def _school(forms: PaperForms, school: str) -> School:
    found = next((one for one in forms.config.schools if one.id == school), None)
    if found is None:
        raise Missing
    return found
