"""Papers added to a form that was filed, which is then signed anew (R4.2)."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from reelwarden_access.district.desk.api.office_of import At, AtAttachments, AtExtensions
from reelwarden_access.district.desk.apply_pages import not_ready
from reelwarden_access.district.desk.attachment_beside import take_papers
from reelwarden_access.district.desk.attachment_office import Attachments
from reelwarden_access.district.desk.bodies import Confirming
from reelwarden_access.district.desk.extension_pages import render_extension
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_access.district.desk.pages import RefusedAct, render_application
from reelwarden_access.district.desk.uploads import form_with_files
from reelwarden_common.web import Person, SignedIn
from reelwarden_common.web.refusals import WebRefusal

router = APIRouter(include_in_schema=False)


@router.post("/applications/{application}/attach")
async def attach(
    request: Request, office: At, papers: AtAttachments, person: SignedIn, application: str
) -> Response:
    """Add files to an application, and sign it anew."""
    try:
        if (body := await _taken(request, papers, person, application)) is not None:
            await papers.add(person, "application", application, body.proof)
    except WebRefusal as refusal:
        return await render_application(
            request, office, person, application, RefusedAct("attach", {}, refusal)
        )
    return RedirectResponse(f"/applications/{application}#papers", status_code=303)


@router.post("/extensions/{extension}/attach")
async def attach_to_extension(
    request: Request, office: AtExtensions, papers: AtAttachments, person: SignedIn, extension: str
) -> Response:
    """Add files to an extension, and sign it anew."""
    try:
        if (body := await _taken(request, papers, person, extension)) is not None:
            await papers.add(person, "extension", extension, body.proof)
    except WebRefusal as refusal:
        return await render_extension(request, office, person, extension, None, refusal)
    return RedirectResponse(f"/extensions/{extension}#papers", status_code=303)


@router.post("/applications/{name}/attach/to-sign")
@router.post("/extensions/{name}/attach/to-sign")
async def to_sign(request: Request, papers: AtAttachments, person: SignedIn, name: str) -> Response:
    """The digest of the form with its files, for the filer's own key; files that came with it wait."""
    kind = request.url.path.split("/")[1].removesuffix("s")
    try:
        await _taken(request, papers, person, name)
        return JSONResponse({"digest": await papers.to_sign(person, kind, name)})
    except WebRefusal as refusal:
        return not_ready(request, refusal)


async def _taken(request: Request, papers: Attachments, person: Person, form: str) -> Confirming | None:
    """The signature, once the files wait; None where some were only taken back."""
    async with form_with_files(request, papers.limits) as sent:
        await take_papers(request, person, form, sent)
        return None if "remove" in sent.fields else taken(Confirming, _signature(sent.fields))


def _signature(fields: FormData) -> dict[str, str]:
    names = ("digest", "password", "passkey")
    return {name: value for name in names if isinstance(value := fields.get(name), str)}
