"""Retrieval: supervision, viewing, release, record, use (R4.3, R4.4)."""

from typing import Any

from fastapi import APIRouter, Response

from reelwarden_access.district.desk.acts.recording import RecordDraft
from reelwarden_access.district.desk.acts.releasing import Handing
from reelwarden_access.district.desk.acts.retrieving import STREAMED
from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.bodies import (
    Declaring,
    Filed,
    FileShown,
    Recording,
    Released,
    Releasing,
    Signing,
    Supervising,
    ViewingOpened,
)
from reelwarden_access.district.desk.shown import ApplicationShown
from reelwarden_access.district.desk.tables.footage import Export
from reelwarden_access.district.desk.tables.retrievals import Viewing
from reelwarden_common.events.access import PackagedFile
from reelwarden_common.web import SignedIn

router = APIRouter(tags=["retrieval"])
_ZIP: dict[str, Any] = {"response_class": Response, "responses": {200: {"content": {"application/zip": {}}}}}


@router.post("/applications/{application}/export", summary="Export again")
async def export_again(office: At, person: SignedIn, application: str) -> Filed:
    """After the exporter said that it could not."""
    done = await office.export_again(person, application)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/supervision", summary="Open supervision")
async def supervise(office: At, person: SignedIn, application: str, body: Supervising) -> dict[str, str]:
    """Safety officer, with all who are present (R4.3)."""
    opened = await office.open_supervision(person, application, body.present, body.minutes)
    return {"supervision": opened.id, "until": opened.until.isoformat()}


@router.post("/applications/{application}/supervision/close", summary="Close supervision")
async def close_supervision(office: At, person: SignedIn, application: str) -> dict[str, str]:
    """By the supervisor; open viewings end with it."""
    closed = await office.close_supervision(person, application)
    return {"supervision": closed.id}


@router.post("/applications/{application}/viewings", summary="Open a viewing", status_code=201)
async def view(office: At, person: SignedIn, application: str) -> ViewingOpened:
    """Retriever, trained, under an open supervision (R4.3, R7)."""
    return opened(*await office.start_viewing(person, application))


def opened(viewing: Viewing, export: Export) -> ViewingOpened:
    """An open viewing as it is answered."""
    return ViewingOpened(
        viewing=viewing.id,
        page=f"/viewings/{viewing.id}",
        files=[_streamed(viewing, file) for file in export.files if file.kind in STREAMED],
        gaps=[gap.model_dump(mode="json") for gap in export.gaps],
    )


def _streamed(viewing: Viewing, file: PackagedFile) -> FileShown:
    return FileShown(
        name=file.name,
        kind=file.kind,
        media_type=file.media_type,
        url=f"/api/viewings/{viewing.id}/files/{file.name}",
        camera=file.span.camera if file.span else None,
        start=file.span.start if file.span else None,
        end=file.span.end if file.span else None,
    )


@router.post("/viewings/{viewing}/stop", summary="Stop a viewing")
async def stop(office: At, person: SignedIn, viewing: str) -> dict[str, str]:
    """By retriever or supervisor."""
    stopped = await office.stop_viewing(person, viewing)
    return {"viewing": stopped.id}


@router.post("/applications/{application}/release", summary="Release the copy")
async def release(office: At, person: SignedIn, application: str, body: Releasing) -> Released:
    """Retriever, under supervision, to the recipient named: exactly once (R4.4)."""
    done = await office.release(person, application, Handing(body.recipient, body.medium), body.signed)
    return Released(
        package=done.digest or "",
        size=done.size or 0,
        download=f"/api/applications/{application}/package",
    )


@router.post("/applications/{application}/record", summary="Fill in the record")
async def record(office: At, person: SignedIn, application: str, body: Recording) -> dict[str, str]:
    """By whoever retrieved; answers the digest that is to be signed (R4.3)."""
    filled = await office.fill_record(
        person, application, RecordDraft(body.content, body.outcome, body.copies)
    )
    return {"digest": filled.digest}


@router.post("/applications/{application}/record/sign", summary="Sign the record")
async def sign(office: At, person: SignedIn, application: str, body: Signing) -> ApplicationShown:
    """Retriever, supervisor and recipient (for an outsider, reception attests)."""
    await office.sign_record(person, application, body.digest, body.proof)
    return await office.show(person, application)


@router.get("/applications/{application}/supplement", summary="Download the signed record", **_ZIP)
async def supplement(office: At, person: SignedIn, application: str) -> Response:
    """Once all have signed it: with signatures, PDF and later acts, sealed; `verify.py` checks it (R4.3)."""
    name, made = await office.supplement(person, application)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(made, media_type="application/zip", headers=headers)


@router.post("/applications/{application}/declaration", summary="Declare the use")
async def declare(office: At, person: SignedIn, application: str, body: Declaring) -> Filed:
    """Signed: returned, destroyed, or transferred to a case with its receipt (R4.4)."""
    done = await office.declare(person, application, body.declaration, body.note, body.signed)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/close", summary="Close")
async def close(office: At, person: SignedIn, application: str) -> Filed:
    """Safety or leader, once everything is signed and declared."""
    done = await office.close(person, application)
    return Filed(id=done.id, number=done.number)
