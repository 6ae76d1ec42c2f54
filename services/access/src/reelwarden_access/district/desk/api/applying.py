"""Applications: file, read, decide, withdraw, print (R4.2)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from reelwarden_access.district.desk.acts.filing import Decision
from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.bodies import Confirming, Deciding, Filed, Filing, aware
from reelwarden_access.district.desk.shown import ApplicationShort, ApplicationShown
from reelwarden_common.events.base import CameraId, SchoolId
from reelwarden_common.events.ingest import CoverageAnswer, CoverageQuery
from reelwarden_common.web import PersonRole, SignedIn

router = APIRouter(tags=["applications"])


@router.get("/schools", summary="Schools and cameras")
async def schools(office: At, person: SignedIn) -> list[dict[str, Any]]:
    """One's schools with their cameras and places: what an application may name."""
    return [
        {
            "id": s.id,
            "name": s.name,
            "cameras": [{"id": c.id, "name": c.name, "place": c.place} for c in s.cameras],
        }
        for s in office.config.schools
        if person.holds(s.id, *PersonRole)
    ]


@router.get("/coverage", summary="What footage exists")
async def coverage(
    office: At,
    person: SignedIn,
    school: SchoolId,
    start: datetime,
    end: datetime,
    camera: CameraId | None = None,
) -> CoverageAnswer | None:
    """Of one camera, or of all; null when the index does not answer right now."""
    zone = office.config.time_zone
    query = CoverageQuery(school=school, camera=camera, start=aware(start, zone), end=aware(end, zone))
    return await office.coverage(person, query)


@router.post("/applications", summary="File an application", status_code=201)
async def file(office: At, person: SignedIn, body: Filing) -> Filed:
    """Applicants for themselves; reception for outsiders. The footage is held at once (R4.2)."""
    done = await office.file(person, body.draft(office.config.time_zone), body.proof)
    return Filed(id=done.id, number=done.number)


@router.get("/applications", summary="List applications")
async def applications(
    office: At,
    person: SignedIn,
    view: Annotated[Literal["mine", "approve", "supervise", "retrieve", "all"], Query()] = "mine",
) -> list[ApplicationShort]:
    """Mine, or those that wait for me in one of my roles."""
    return await office.listed(person, view)


@router.get("/applications/{application}", summary="One application")
async def show(office: At, person: SignedIn, application: str) -> ApplicationShown:
    """With form, signatures, holds, export, supervision, viewings, release and record."""
    return await office.show(person, application)


@router.post("/applications/{application}/approve", summary="Approve")
async def approve(office: At, person: SignedIn, application: str, body: Deciding) -> Filed:
    """Leader or safety; a copy needs two different signers; never one's own (R4.2, R4.4)."""
    decision = Decision(body.digest, body.opinion, body.interested)
    done = await office.approve(person, application, decision, body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/reject", summary="Reject")
async def reject(office: At, person: SignedIn, application: str, body: Deciding) -> Filed:
    """With an opinion that says why."""
    decision = Decision(body.digest, body.opinion, body.interested)
    done = await office.reject(person, application, decision, body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/advise", summary="Give the department's opinion")
async def advise(office: At, person: SignedIn, application: str, body: Deciding) -> Filed:
    """The safety department, or somebody of the applicant's unit; before a leader signs (R4.2)."""
    done = await office.advise(person, application, Decision(body.digest, body.opinion), body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/interest", summary="Declare an interest of one's own")
async def interest(office: At, person: SignedIn, application: str) -> Filed:
    """Whoever might decide, and must not: somebody else will."""
    done = await office.declare_interest(person, application)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/withdraw", summary="Withdraw")
async def withdraw(office: At, person: SignedIn, application: str) -> Filed:
    """By whoever filed it, before the retrieval."""
    done = await office.withdraw(person, application)
    return Filed(id=done.id, number=done.number)


@router.post("/applications/{application}/stop-release", summary="Stop a release", status_code=204)
async def stop_release(office: At, person: SignedIn, application: str, body: Confirming) -> None:
    """Safety, leader or district, while it waits: the footage stays held until its end date (R3.1)."""
    await office.stop_release(person, application, body.signed)


@router.get("/applications/{application}/forms/{form}.pdf", summary="A form as PDF")
async def form_pdf(
    office: At,
    person: SignedIn,
    application: str,
    form: Literal["application", "record"],
    lang: Literal["zh", "en"] = "zh",
) -> Response:
    """With the signatures that it bears so far."""
    name, made = await office.printed(person, application, form, lang)
    return Response(
        made, media_type="application/pdf", headers={"content-disposition": f'inline; filename="{name}"'}
    )
