"""While footage runs: what the supervisor sees, what the player says, stills (R4.3)."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from reelwarden_access.district.desk.acts.supervising import FrameAsked
from reelwarden_access.district.desk.api.office_of import AtSupervisions
from reelwarden_access.district.desk.bodies import Beat, Coming, Pulse, StillAsked, StillShown
from reelwarden_access.district.desk.watched import Mark
from reelwarden_common.web import SignedIn

router = APIRouter(tags=["retrieval"])


@router.get("/applications/{application}/supervision", summary="What goes on under a supervision")
async def live(office: AtSupervisions, person: SignedIn, application: str) -> dict[str, Any]:
    """Who is present, what is being watched, which stills were taken."""
    found = await office.live(person, application)
    supervision = found.supervision
    return {
        "supervision": {
            "id": supervision.id,
            "name": supervision.name,
            "until": supervision.until,
            "present": [asdict(one) for one in found.present],
        }
        if supervision
        else None,
        "viewing": asdict(found.running) if found.running else None,
        "stills": [asdict(still) for still in found.stills],
    }


@router.post("/applications/{application}/supervision/present", summary="Somebody comes or leaves")
async def come_or_go(
    office: AtSupervisions, person: SignedIn, application: str, body: Coming
) -> dict[str, str]:
    """Noted by the supervisor."""
    supervision = await office.come_or_go(person, application, body.name, here=body.here)
    return {"supervision": supervision.id}


@router.post("/viewings/{viewing}/pulse", summary="Where the player is")
async def pulse(office: AtSupervisions, person: SignedIn, viewing: str, body: Pulse) -> Beat:
    """By the retriever's player; it stops by itself when the answer says that it is over."""
    mark = Mark(body.kind, body.file, body.position_ms, body.from_ms)
    until = await office.pulse(person, viewing, mark)
    return Beat(over=until is None, until=until)


@router.post("/viewings/{viewing}/stills", summary="Take a still", status_code=201)
async def take_still(office: AtSupervisions, person: SignedIn, viewing: str, body: StillAsked) -> StillShown:
    """A frame with recipient, number, camera and moment burnt in; counted and recorded (R4.4)."""
    still = await office.take_still(person, FrameAsked(viewing, body.file, body.position_ms))
    return StillShown(
        number=still.number,
        url=f"/api/viewings/{viewing}/stills/{still.number}.jpg",
        camera=still.camera,
        shown_at=still.shown_at,
        digest=still.digest,
    )


@router.get("/viewings/{viewing}/stills/{number}.jpg", summary="A still of an open viewing")
async def still(
    office: AtSupervisions, person: SignedIn, viewing: str, number: Annotated[int, Path(ge=1, le=999)]
) -> Response:
    """For its retriever, while viewing and supervision are open."""
    return Response(await office.picture(person, viewing, number), media_type="image/jpeg")
