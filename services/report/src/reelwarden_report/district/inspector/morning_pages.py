"""The pages of the mornings and of planned work."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.web import N_, SignedIn, Text, Wrong
from reelwarden_common.web.i18n import language_of
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.signing.key_pages import own_key_ids
from reelwarden_report.district.inspector import maintenance
from reelwarden_report.district.inspector.morning import Morning
from reelwarden_report.district.inspector.mornings import Mornings, with_means
from reelwarden_report.district.inspector.own_keys import Sent
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import InRoom, Room

DAYS_LISTED = 30
PDF = "application/pdf"
router = APIRouter(include_in_schema=False)


def _mornings(request: Request) -> Mornings:
    found: Mornings = request.app.state.mornings
    return found


InMornings = Annotated[Mornings, Depends(_mornings)]


@router.get("/morning")
async def mornings(room: InRoom, all_of: InMornings, request: Request, person: SignedIn) -> Response:
    seen = [one for one in room.seen_by(person) if one in room.school_ids]
    now = room.clock()
    today = now.astimezone(room.zone).date()
    signed = await all_of.signed(seen, today - timedelta(days=DAYS_LISTED))
    tiles = (await room.glances.district(seen, now)).tiles
    done = {one["school"]: one for one in signed if one["day"] == today}
    late = now.astimezone(room.zone).time() >= room.settings.morning_time
    return Pages(room).page(
        request, person, "mornings.html", tiles=tiles, done=done, late=late, today=today, signed=signed
    )


@router.get("/morning/{school}")
async def morning(
    room: InRoom, all_of: InMornings, request: Request, person: SignedIn, school: str
) -> Response:
    room.seen_by(person, school)
    return await _shown(room, all_of, request, person, school)


async def _shown(
    room: Room,
    all_of: Mornings,
    request: Request,
    person: SignedIn,
    school: str,
    problem: WebRefusal | None = None,
) -> Response:
    page = await all_of.now(school)
    already = [one for one in await all_of.signed([school], page.day) if one["day"] == page.day]
    return Pages(room).page(
        request,
        person,
        "morning.html",
        status=problem.status if problem else 200,
        document=all_of.document(page, language_of(request)),
        school=school,
        sealed=all_of.sealed(page),
        may_sign=not already and school in room.closing(person),
        own_keys=await own_key_ids(request, person),
        already=already[0] if already else None,
        problem=problem,
    )


@router.post("/morning/{school}")
async def sign(
    room: InRoom,
    all_of: InMornings,
    request: Request,
    person: SignedIn,
    school: str,
    shown: Annotated[str, Form(max_length=2_000_000)],
    digest: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    passkey: Annotated[str, Form(max_length=8000)] = "",
) -> Response:
    room.seen_by(person, school)
    try:
        day = await all_of.sign(person, school, shown, Sent.of(digest, password, passkey))
    except WebRefusal as refusal:
        return await _shown(room, all_of, request, person, school, refusal)
    return RedirectResponse(f"/morning/{school}/{day}", status_code=303)


@router.get("/morning/{school}/{day}.pdf")
async def morning_pdf(
    room: InRoom, all_of: InMornings, request: Request, person: SignedIn, school: str, day: date
) -> Response:
    room.seen_by(person, school)
    row = await all_of.kept(school, day)
    language = language_of(request)
    disposition = f'inline; filename="{school}-{day}-{language}.pdf"'
    pdf = row["pdf_zh"] if language == "zh" else row["pdf_en"]
    return Response(pdf, media_type=PDF, headers={"content-disposition": disposition})


@router.get("/morning/{school}/{day}")
async def morning_kept(
    room: InRoom, all_of: InMornings, request: Request, person: SignedIn, school: str, day: date
) -> Response:
    room.seen_by(person, school)
    row = await all_of.kept(school, day)
    page = Morning.model_validate_json(row["content"])
    own_key = json.loads(row["own_key"]) if row["own_key"] else None
    signed = all_of.signed_by(language_of(request), row["signed_name"], row["signed_at"], own_key)
    return Pages(room).page(
        request,
        person,
        "morning.html",
        document=all_of.document(page, language_of(request), signed),
        school=school,
        sealed="",
        may_sign=False,
        own_keys=[],
        already=with_means(row),
        problem=None,
    )


@router.get("/maintenance")
async def windows(room: InRoom, request: Request, person: SignedIn) -> Response:
    seen = room.seen_by(person)
    async with room.units.begin() as store:
        rows = await store.conn.fetch(
            'SELECT * FROM maintenance WHERE school = ANY($1) ORDER BY "end" DESC LIMIT 200', seen
        )
    own = [one for one in room.closing(person) if one in room.school_ids]
    return Pages(room).page(
        request,
        person,
        "maintenance.html",
        windows=rows,
        own=own,
        now=room.clock(),
        cameras=_cameras(room, own),
    )


def _cameras(room: Room, schools: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {"school": school.id, "camera": camera.id, "name": camera.name}
        for school in room.config.schools
        if school.id in set(schools)
        for camera in school.cameras
    ]


@router.post("/maintenance")
async def plan(
    room: InRoom,
    person: SignedIn,
    school: Annotated[str, Form(max_length=63)],
    start: Annotated[str, Form(max_length=32)],
    end: Annotated[str, Form(max_length=32)],
    reason: Annotated[str, Form(max_length=500)] = "",
    cameras: Annotated[list[str] | None, Form()] = None,
) -> Response:
    room.must_inspect(person, school)
    span = _span(room, start, end)
    chosen = [one.removeprefix(f"{school}/") for one in cameras or () if one.startswith(f"{school}/")]
    known = {camera.id for camera in room.config.school(school).cameras}
    if not reason.strip():
        raise Wrong("no_reason", Text(N_("Please say what is done in this time.")), "R5.1")
    if len(chosen) != len(cameras or ()) or not set(chosen) <= known:
        raise Wrong("other_cameras", Text(N_("Please choose cameras of this school only.")), "R5.1")
    async with room.units.begin() as store:
        await maintenance.plan(store, school, chosen, span, reason.strip(), person.id)
    return RedirectResponse("/maintenance", status_code=303)


def _span(room: Room, start: str, end: str) -> tuple[datetime, datetime]:
    try:
        span = [datetime.fromisoformat(text).replace(tzinfo=room.zone) for text in (start, end)]
    except ValueError:
        span = []
    if not span or not timedelta(0) < span[1] - span[0] <= maintenance.LONGEST:
        text = N_("Please give a beginning and an end after it, at most 14 days apart.")
        raise Wrong("no_span", Text(text), "R5.1")
    return span[0], span[1]


@router.post("/maintenance/{name}/end")
async def call_off(room: InRoom, person: SignedIn, name: str) -> Response:
    async with room.units.begin() as store:
        school = await store.conn.fetchval("SELECT school FROM maintenance WHERE maintenance = $1", name)
        room.must_inspect(person, school or "")
        await store.conn.execute(
            "UPDATE maintenance SET called_off_at = $2 WHERE maintenance = $1 AND called_off_at IS NULL",
            name,
            store.clock(),
        )
        await maintenance.mark_planned(store, school)
    return RedirectResponse("/maintenance", status_code=303)
