"""The camera register: the list, and what the safety department adds to it."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from reelwarden_common.web import N_, Missing, SignedIn, Text, Wrong
from reelwarden_report.district.inspector.cards import (
    LARGEST_UPLOAD,
    CameraCard,
    Mode,
    file,
    keep_card,
    keep_still,
    redrawn,
    register_of,
)
from reelwarden_report.district.inspector.exports import Exporting
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import InRoom, Room

PAGE = 200
"""Cameras on one page."""
LACKING: dict[str, Callable[[CameraCard], bool]] = {
    "sign": lambda one: one.sign_since is None,
    "filing": lambda one: one.filed != "filed",
    "still": lambda one: one.still_at is None,
    "motion": lambda one: one.mode == "motion",
    "recorder": lambda one: one.erasure != "managed",
}
router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api", route_class=Exporting)
Words = Annotated[str, Query(max_length=100)]


@api.get("/register", tags=["state"], summary="The camera register")
async def register(
    room: InRoom,
    person: SignedIn,
    school: Annotated[str | None, Query(max_length=63, description="Only this school.")] = None,
) -> list[CameraCard]:
    """Places, signs (art. 13), filings (art. 14), mode, and who erases."""
    return (await register_of(room.pool, room.seen_by(person, school)))[0]


@router.get("/register")
async def register_page(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: Annotated[str, Query(max_length=63)] = "",
    q: Words = "",
    show: Annotated[str, Query(max_length=16)] = "",
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    seen = [one for one in room.seen_by(person) if one in room.school_ids]
    chosen = room.seen_by(person, school) if school else seen[:1]
    cards, filings = await register_of(room.pool, chosen)
    words = q.casefold().split()
    lacks = LACKING.get(show)
    found = [
        one
        for one in cards
        if (lacks is None or lacks(one))
        and all(word in f"{one.name} {one.place} {one.camera}".casefold() for word in words)
    ]
    return Pages(room).page(
        request,
        person,
        "register.html",
        cards=found[(page - 1) * PAGE : page * PAGE],
        many=len(found),
        page=page,
        pages=-(-len(found) // PAGE),
        schools=seen,
        school=chosen[0] if chosen else "",
        filing=filings.get(chosen[0]) if chosen else None,
        q=q,
        show=show,
        own=room.closing(person),
    )


def _known(room: Room, school: str, camera: str) -> None:
    if camera not in {one.id for one in room.config.school(school).cameras}:
        raise Missing


@router.get("/register/{school}/{camera}")
async def card(room: InRoom, request: Request, person: SignedIn, school: str, camera: str) -> Response:
    room.seen_by(person, school)
    cards, _ = await register_of(room.pool, [school])
    one = next((one for one in cards if one.camera == camera), None)
    if one is None:
        raise Missing
    return Pages(room).page(request, person, "card.html", card=one, may_change=school in room.closing(person))


@router.post("/register/{school}/filing")
async def enter_filing(
    room: InRoom,
    person: SignedIn,
    school: str,
    filed_on: Annotated[str, Form(max_length=10)],
    number: Annotated[str, Form(max_length=100)],
) -> Response:
    room.must_inspect(person, school)
    day = _day(filed_on)
    if day is None or not number.strip():
        raise Wrong("no_filing", Text(N_("Please give the day and the number of the filing.")), "R7")
    async with room.units.begin() as store:
        await file(store, school, day, number.strip(), person.id)
    return RedirectResponse(f"/register?school={school}", status_code=303)


@router.post("/register/{school}/{camera}")
async def change(
    room: InRoom,
    person: SignedIn,
    school: str,
    camera: str,
    mode: Annotated[Mode, Form()] = "continuous",
    fed_by: Annotated[str, Form(max_length=100)] = "",
    sign_since: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    room.must_inspect(person, school)
    _known(room, school, camera)
    async with room.units.begin() as store:
        await keep_card(
            store, school, camera, person.id, mode=mode, fed_by=fed_by.strip(), sign_since=_day(sign_since)
        )
    return RedirectResponse(f"/register/{school}/{camera}", status_code=303)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Wrong("no_day", Text(N_("Please write the day like 2026-03-02."))) from error


@router.post("/register/{school}/{camera}/still")
async def put_still(
    room: InRoom, person: SignedIn, school: str, camera: str, still: Annotated[UploadFile, File()]
) -> Response:
    room.must_inspect(person, school)
    _known(room, school, camera)
    drawn = await redrawn(await still.read(LARGEST_UPLOAD + 1))
    async with room.units.begin() as store:
        await keep_still(store, school, camera, person.id, drawn)
    return RedirectResponse(f"/register/{school}/{camera}", status_code=303)


@router.get("/register/{school}/{camera}/still.jpg")
async def still(room: InRoom, person: SignedIn, school: str, camera: str) -> Response:
    room.seen_by(person, school)
    found = await room.pool.fetchval(
        "SELECT still FROM camera_card WHERE (school, camera) = ($1, $2)", school, camera
    )
    if found is None:
        raise Missing
    return Response(found, media_type="image/jpeg")
