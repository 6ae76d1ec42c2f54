"""Extensions of retention: file, read, decide, review, end, stop a release, print (R3.1)."""

from typing import Literal

from fastapi import APIRouter, Response

from reelwarden_access.district.desk.acts.filing import Decision
from reelwarden_access.district.desk.api.office_of import AtExtensions
from reelwarden_access.district.desk.bodies import (
    Confirming,
    Deciding,
    Extending,
    Filed,
    Reviewing,
    end_of_day,
)
from reelwarden_access.district.desk.extension_reading import ExtensionShort, ExtensionShown
from reelwarden_common.web import SignedIn

router = APIRouter(prefix="/extensions", tags=["extensions"])


@router.post("", summary="Ask to keep footage longer", status_code=201)
async def file(office: AtExtensions, person: SignedIn, body: Extending) -> Filed:
    """Held at once, until it is decided (R3.1)."""
    done = await office.file(person, body.draft(office.config.time_zone), body.proof)
    return Filed(id=done.id, number=done.number)


@router.get("", summary="List extensions")
async def listed(office: AtExtensions, person: SignedIn) -> list[ExtensionShort]:
    """One's own and those of one's schools; what ends soonest first."""
    return await office.listed(person)


@router.get("/{extension}", summary="One extension")
async def show(office: AtExtensions, person: SignedIn, extension: str) -> ExtensionShown:
    """With form, signatures and holds."""
    return await office.show(person, extension)


@router.post("/{extension}/approve", summary="Approve")
async def approve(office: AtExtensions, person: SignedIn, extension: str, body: Deciding) -> Filed:
    """The safety department; never one's own."""
    done = await office.approve(person, extension, Decision(body.digest, body.opinion), body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/{extension}/reject", summary="Reject")
async def reject(office: AtExtensions, person: SignedIn, extension: str, body: Deciding) -> Filed:
    """With an opinion that says why."""
    done = await office.reject(person, extension, Decision(body.digest, body.opinion), body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/{extension}/review", summary="Review")
async def review(office: AtExtensions, person: SignedIn, extension: str, body: Reviewing) -> Filed:
    """The purpose still stands: kept until another date."""
    until = end_of_day(body.until, office.config.time_zone)
    decision = Decision(body.digest, body.opinion)
    done = await office.review(person, extension, decision, until, body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/{extension}/end", summary="End")
async def end(office: AtExtensions, person: SignedIn, extension: str, body: Deciding) -> Filed:
    """Its purpose is achieved; the release waits (条例 art. 17)."""
    done = await office.finish(person, extension, Decision(body.digest, body.opinion), body.proof)
    return Filed(id=done.id, number=done.number)


@router.post("/{extension}/withdraw", summary="Withdraw")
async def withdraw(office: AtExtensions, person: SignedIn, extension: str) -> Filed:
    """By whoever filed it, before it is decided."""
    done = await office.withdraw(person, extension)
    return Filed(id=done.id, number=done.number)


@router.post("/{extension}/stop-release", summary="Stop a release")
async def stop_release(office: AtExtensions, person: SignedIn, extension: str, body: Confirming) -> Filed:
    """While it waits: the footage stays held until its end date."""
    done = await office.stop_release(person, extension, body.signed)
    return Filed(id=done.id, number=done.number)


@router.get("/{extension}/form.pdf", summary="The form as PDF")
async def form_pdf(
    office: AtExtensions, person: SignedIn, extension: str, lang: Literal["zh", "en"] = "zh"
) -> Response:
    """With the signatures that it bears so far."""
    name, made = await office.printed(person, extension, lang)
    return Response(
        made, media_type="application/pdf", headers={"content-disposition": f'inline; filename="{name}"'}
    )
