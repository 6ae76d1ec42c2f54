"""The pages about keeping footage for longer (R3.1): list, form, one extension."""

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from reelwarden_access.district.desk.acts.filing import Decision
from reelwarden_access.district.desk.api.office_of import AtExtensions
from reelwarden_access.district.desk.apply_pages import chosen_cameras, not_ready, written
from reelwarden_access.district.desk.attachment_beside import papers_beside, papers_of, take_papers
from reelwarden_access.district.desk.bodies import (
    APPLICATION_ID,
    Confirming,
    Deciding,
    Extending,
    Reviewing,
    end_of_day,
)
from reelwarden_access.district.desk.domain import MAY_APPLY
from reelwarden_access.district.desk.drafts import Drafts
from reelwarden_access.district.desk.extension_office import ExtensionOffice
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_access.district.desk.page_words import WORDS
from reelwarden_access.district.desk.plan_pages import plans_beside
from reelwarden_access.district.desk.timeline_pages import beside
from reelwarden_access.district.desk.uploads import form_with_files
from reelwarden_common.web import Missing, Person, SignedIn, Web
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.signing.key_pages import own_key_ids

router = APIRouter(include_in_schema=False)
Form = Mapping[str, Any]
Act = Callable[[ExtensionOffice, Person, str, Form], Awaitable[object]]


@router.get("/extensions")
async def listed(request: Request, office: AtExtensions, person: SignedIn) -> Response:
    """One's own and those of one's schools."""
    found = await office.listed(person)
    values = {"extensions": found, "may_file": person.holds_somewhere(*MAY_APPLY), **WORDS}
    return _web(request).render(request, "extensions.html", values)


@router.get("/extend")
async def blank(request: Request, office: AtExtensions, person: SignedIn) -> Response:
    """The form, with the id of its extension-to-be in its address."""
    name = request.query_params.get("form", "")
    if not re.fullmatch(APPLICATION_ID, name):
        return RedirectResponse(f"/extend?form={uuid.uuid4().hex}", status_code=303)
    drafts: Drafts = request.app.state.drafts
    return await _form(request, office, person, await drafts.fields(person, "extend", name))


@router.post("/extend")
async def filed(request: Request, office: AtExtensions, person: SignedIn) -> Response:
    """File it; what is missing or wrong is told above the form, which keeps what was written."""
    drafts: Drafts = request.app.state.drafts
    name = request.query_params.get("form", "")
    given: dict[str, Any] = {"cameras": []}
    try:
        async with form_with_files(request, papers_of(request).limits) as sent:
            given = written(sent.fields, "cameras")
            await take_papers(request, person, name, sent)
        if given.keys() & {"show", "attach"}:
            return await _form(request, office, person, given)
        if "save" in given:
            draft = name if re.fullmatch(APPLICATION_ID, name) else uuid.uuid4().hex
            await drafts.save(person, "extend", draft, given)
            return RedirectResponse("/drafts", status_code=303)
        body = _extending(given, name, str(sent.fields.get("password", "")))
        done = await office.file(person, body.draft(office.config.time_zone), body.proof)
    except WebRefusal as refusal:
        return await _form(request, office, person, given, refusal)
    await drafts.delete(person, done.id)
    return RedirectResponse(f"/extensions/{done.id}", status_code=303)


@router.post("/extend/to-sign")
async def to_sign(request: Request, office: AtExtensions, person: SignedIn) -> Response:
    """The digest of the form as it is written, for the applicant's own key; files that came with it wait."""
    name = request.query_params.get("form", "")
    try:
        async with form_with_files(request, papers_of(request).limits) as sent:
            await take_papers(request, person, name, sent)
            given = written(sent.fields, "cameras")
        body = _extending(given, name)
        return JSONResponse({"digest": await office.to_file(person, body.draft(office.config.time_zone))})
    except WebRefusal as refusal:
        return not_ready(request, refusal)


def _extending(given: Form, name: str, password: str = "") -> Extending:
    school, cameras = chosen_cameras(given)
    fields = {"school": school, "cameras": cameras, "id": name, "password": password}
    return taken(Extending, {**given, **fields})


@router.get("/extensions/{extension}")
async def page(request: Request, office: AtExtensions, person: SignedIn, extension: str) -> Response:
    """One extension, with what may be done next."""
    return await render_extension(request, office, person, extension)


@router.get("/extensions/{extension}/{act}")
async def back(request: Request, extension: str, act: str) -> Response:  # noqa: ARG001 - the address's
    """A refusal stands at its button's address; asked for anew, the page is meant."""
    return RedirectResponse(f"/extensions/{extension}?{request.url.query}", status_code=303)


@router.post("/extensions/{extension}/{act}")
async def act_on(
    request: Request, office: AtExtensions, person: SignedIn, extension: str, act: str
) -> Response:
    """Do what a button says; a refusal is told above, and what was written is kept."""
    sent = await request.form()
    form = written(sent)
    try:
        await _act(act)(office, person, extension, form | {"password": sent.get("password", "")})
    except WebRefusal as refusal:
        return await render_extension(request, office, person, extension, form, refusal)
    return RedirectResponse(f"/extensions/{extension}#content", status_code=303)


async def _decide(office: ExtensionOffice, who: Person, name: str, form: Form) -> None:
    body = taken(Deciding, form)
    act = office.reject if form.get("decision") == "reject" else office.approve
    await act(who, name, Decision(body.digest, body.opinion), body.proof)


async def _review(office: ExtensionOffice, who: Person, name: str, form: Form) -> None:
    if form.get("decision") == "end":
        ending = taken(Deciding, form)
        await office.finish(who, name, Decision(ending.digest, ending.opinion), ending.proof)
        return
    body = taken(Reviewing, form)
    until = end_of_day(body.until, office.config.time_zone)
    await office.review(who, name, Decision(body.digest, body.opinion), until, body.proof)


async def _withdraw(office: ExtensionOffice, who: Person, name: str, _: Form) -> None:
    await office.withdraw(who, name)


async def _stop_release(office: ExtensionOffice, who: Person, name: str, form: Form) -> None:
    await office.stop_release(who, name, taken(Confirming, form).signed)


_ACTS: Mapping[str, Act] = {
    "decide": _decide,
    "review": _review,
    "withdraw": _withdraw,
    "stop_release": _stop_release,
}


def _act(name: str) -> Act:
    if name not in _ACTS:
        raise Missing
    return _ACTS[name]


def _web(request: Request) -> Web:
    web: Web = request.app.state.web
    return web


async def _form(
    request: Request, office: ExtensionOffice, person: Person, given: Form, problem: WebRefusal | None = None
) -> Response:
    schools = [s for s in office.config.schools if person.holds(s.id, *MAY_APPLY)]
    values = {
        "schools": schools,
        **await plans_beside(request, person, schools),
        "given": given,
        **await papers_beside(request, person, request.query_params.get("form", "")),
        "problem": problem.text if problem else None,
        "rules": office.rules,
        "own_keys": await own_key_ids(request, person),
        "prepare": f"/extend/to-sign?{request.url.query}",
        "zone": office.config.time_zone,
        **WORDS,
        **await beside(request.app.state.office, person, given),
    }
    return _web(request).render(request, "extend.html", values, problem.status if problem else 200)


async def render_extension(
    request: Request,
    office: ExtensionOffice,
    person: Person,
    extension: str,
    given: Form | None = None,
    problem: WebRefusal | None = None,
) -> Response:
    """An extension's page, with what was refused on it."""
    shown = await office.show(person, extension)
    values = {
        "x": shown,
        **await papers_beside(request, person, shown.id, shown.may),
        "holds": shown.holds,
        "may": shown.may,
        "here_of": f"/extensions/{shown.id}",
        "camera_names": {c["id"]: c["name"] for c in shown.form["cameras"]},
        "given": given or {},
        "problem": problem.text if problem else None,
        "rules": office.rules,
        "own_keys": await own_key_ids(request, person),
        **WORDS,
    }
    return _web(request).render(request, "extension.html", values, problem.status if problem else 200)
