"""Papers of a form: attach, sign, download (R4.2)."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from reelwarden_access.district.desk.api.office_of import AtAttachments
from reelwarden_access.district.desk.attachment import Attachment
from reelwarden_access.district.desk.attachment_office import Attachments
from reelwarden_access.district.desk.attachment_shown import AttachmentShown
from reelwarden_access.district.desk.bodies import APPLICATION_ID, AttachmentsSigned, Confirming
from reelwarden_access.district.desk.paper_looks import SUFFIXES
from reelwarden_access.district.desk.uploads import form_with_files
from reelwarden_common.web import SignedIn

router = APIRouter(tags=["attachments"])
FormId = Annotated[str, Path(pattern=APPLICATION_ID)]
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"type": "object", "properties": {"files": _FILES}}}},
    }
}
_DOWNLOAD: dict[str, Any] = {
    "summary": "Download an attached file",
    "response_class": StreamingResponse,
    "responses": {200: {"content": {name: {} for name in SUFFIXES}}},
}


@router.post("/forms/{form}/attachments", summary="Attach files to a form", openapi_extra=_BODY)
async def stage(
    office: AtAttachments, person: SignedIn, request: Request, form: FormId
) -> list[AttachmentShown]:
    """PDF, JPEG or PNG, as `files`; `form` is the id with which the form is, or will be, filed (R4.2)."""
    async with form_with_files(request, office.limits) as sent:
        return [AttachmentShown.of(one) for one in await office.stage(person, form, sent.files)]


@router.post("/applications/{application}/attachments", summary="Sign attached files")
async def sign(
    office: AtAttachments, person: SignedIn, application: str, body: Confirming
) -> AttachmentsSigned:
    """By the filer, before anybody decided: the form changes, and is signed anew (R4.2)."""
    return AttachmentsSigned(digest=await office.add(person, "application", application, body.proof))


@router.post("/extensions/{extension}/attachments", summary="Sign attached files")
async def sign_extension(
    office: AtAttachments, person: SignedIn, extension: str, body: Confirming
) -> AttachmentsSigned:
    """By the filer, before it is decided."""
    return AttachmentsSigned(digest=await office.add(person, "extension", extension, body.proof))


@router.get("/applications/{application}/attachments/{attachment}", **_DOWNLOAD)
async def of_application(
    office: AtAttachments, person: SignedIn, application: str, attachment: str
) -> StreamingResponse:
    """For whoever may read the application; never shown in the browser's own window (R3.3)."""
    return _sent(office, await office.readable(person, "application", application, attachment))


@router.get("/extensions/{extension}/attachments/{attachment}", **_DOWNLOAD)
async def of_extension(
    office: AtAttachments, person: SignedIn, extension: str, attachment: str
) -> StreamingResponse:
    """For whoever may read the extension."""
    return _sent(office, await office.readable(person, "extension", extension, attachment))


def _sent(office: Attachments, paper: Attachment) -> StreamingResponse:
    name, plain = quote(paper.name, safe=""), "attachment" + SUFFIXES[paper.media_type]
    headers = {
        "content-length": str(paper.size),
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{name}",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(office.content(paper), 200, headers, media_type=paper.media_type)
