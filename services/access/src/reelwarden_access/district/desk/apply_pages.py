"""The application form as a page: for staff, and at reception for people from outside."""

import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.application import AUTHORITIES, STATE_ORGANS
from reelwarden_access.district.desk.attachment_beside import papers_beside, papers_of, take_papers
from reelwarden_access.district.desk.bodies import APPLICATION_ID, Filing
from reelwarden_access.district.desk.domain import MAY_APPLY, FormTaken, required
from reelwarden_access.district.desk.drafts import Drafts
from reelwarden_access.district.desk.office import Office
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_access.district.desk.page_words import WORDS
from reelwarden_access.district.desk.plan_pages import plans_beside
from reelwarden_access.district.desk.timeline_pages import beside
from reelwarden_access.district.desk.uploads import form_with_files
from reelwarden_common.district import PersonRole
from reelwarden_common.web import Person, SignedIn, Web, Wrong
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.signing.key_pages import own_key_ids
from reelwarden_common.web.text import N_, Text

router = APIRouter(include_in_schema=False)


@router.get("/apply")
@router.get("/reception")
async def blank(request: Request, office: At, person: SignedIn) -> Response:
    """The application form, for staff or for people from outside.

    Each has an address of its own, with the id of its application-to-be: going back to it after filing
    shows what it was filed as.
    """
    form = _form_of(request)
    if form is None:
        return RedirectResponse(_anew(request), status_code=303)
    filed_as = await office.filed_as(person, form)
    given = {} if filed_as else await _drafts(request).fields(person, request.url.path[1:], form)
    return await _page(request, office, person, {"filed": filed_as, "given": given})


def _anew(request: Request) -> str:
    """The address of a new form."""
    return f"{request.url.path}?{urlencode({**request.query_params, 'form': uuid.uuid4().hex})}"


def _form_of(request: Request) -> str | None:
    form = request.query_params.get("form", "")
    return form if re.fullmatch(APPLICATION_ID, form) else None


async def _page(
    request: Request,
    office: Office,
    person: Person,
    shown: Mapping[str, Any],
    problem: WebRefusal | None = None,
) -> Response:
    at_reception = request.url.path == "/reception"
    roles = (PersonRole.RECEPTION,) if at_reception else MAY_APPLY
    schools = [s for s in office.config.schools if person.holds(s.id, *roles)]
    values = {
        "at_reception": at_reception,
        "schools": schools,
        "given": {},
        "filed": None,
        "problem": problem.text if problem else None,
        "anew": _anew(request) if isinstance(problem, FormTaken) else None,
        "max_hours": f"{office.rules.max_footage / timedelta(hours=1):g}",
        "zone": office.config.time_zone,
        "own_keys": await own_key_ids(request, person),
        "prepare": f"{request.url.path}/to-sign?{request.url.query}",
        "with_unit": AUTHORITIES,
        "with_authority": STATE_ORGANS,
        **WORDS,
        **await plans_beside(request, person, schools),
        **await papers_beside(request, person, _form_of(request) or ""),
        **await beside(office, person, shown.get("given", {})),
        **shown,
    }
    status = problem.status if problem else 200
    web: Web = request.app.state.web
    return web.render(request, "apply.html", values, status)


@router.post("/apply")
@router.post("/reception")
async def filed(request: Request, office: At, person: SignedIn) -> Response:
    """File it; what is missing or wrong is told above the form, which keeps what was written."""
    name = _form_of(request)
    given: dict[str, Any] = {"cameras": []}
    try:
        async with form_with_files(request, papers_of(request).limits) as sent:
            form, given = sent.fields, written(sent.fields, "cameras")
            await take_papers(request, person, name or "", sent)
        if given.keys() & {"show", "attach"}:
            return await _page(request, office, person, {"given": given})
        if "save" in given:
            return await _saved(request, person, given)
        if request.url.path == "/reception":
            required({N_("Role"): given.get("outsider")})
        body = _filing(form, given | {"id": name})
        done = await office.file(person, body.draft(office.config.time_zone), body.proof)
    except WebRefusal as refusal:
        return await _page(request, office, person, {"given": given}, refusal)
    await _drafts(request).delete(person, done.id)
    return RedirectResponse(f"/applications/{done.id}", status_code=303)


@router.post("/apply/to-sign")
@router.post("/reception/to-sign")
async def to_sign(request: Request, office: At, person: SignedIn) -> Response:
    """The digest of the form as it is written, for the applicant's own key; files that came with it wait."""
    name = _form_of(request)
    try:
        async with form_with_files(request, papers_of(request).limits) as sent:
            await take_papers(request, person, name or "", sent)
            body = _filing(sent.fields, written(sent.fields, "cameras") | {"id": name})
        return JSONResponse({"digest": await office.to_file(person, body.draft(office.config.time_zone))})
    except WebRefusal as refusal:
        return not_ready(request, refusal)


def not_ready(request: Request, refusal: WebRefusal) -> Response:
    """Why there is nothing to sign yet, for the page's script."""
    web: Web = request.app.state.web
    return JSONResponse({"problem": web.say(request, refusal.text)}, status_code=refusal.status)


async def _saved(request: Request, person: Person, given: Mapping[str, Any]) -> Response:
    name = _form_of(request) or uuid.uuid4().hex
    await _drafts(request).save(person, request.url.path[1:], name, given)
    return RedirectResponse("/drafts", status_code=303)


def _drafts(request: Request) -> Drafts:
    drafts: Drafts = request.app.state.drafts
    return drafts


def written(form: FormData, *several: str) -> dict[str, Any]:
    """What was written, but for the password."""
    given: dict[str, Any] = {k: v for k, v in form.items() if isinstance(v, str) and k != "password"}
    return given | {name: [v for v in form.getlist(name) if isinstance(v, str)] for name in several}


def chosen_cameras(given: Mapping[str, Any]) -> tuple[str, list[str]]:
    """School and cameras: they come as `school/camera`, so that one form serves several schools.

    Raises:
        Wrong: none, or of several schools.
    """
    chosen = [one.partition("/") for one in given["cameras"]]
    schools = {school for school, _, _ in chosen}
    required({N_("Cameras"): chosen})
    if len(schools) > 1:
        raise Wrong("one_school", Text(N_("Choose cameras of one school only.")), "R4.2")
    return schools.pop(), [camera for _, _, camera in chosen]


def _filing(form: FormData, given: Mapping[str, Any]) -> Filing:
    school, cameras = chosen_cameras(given)
    fields = {
        **given,
        "school": school,
        "cameras": cameras,
        "documents": [line for line in str(given.get("documents", "")).splitlines() if line.strip()],
        "undertaking": "undertaking" in given,
        "concerns_leader": "concerns_leader" in given,
        "urgent": "urgent" in given,
        "password": form.get("password", ""),
    }
    return taken(Filing, fields)
