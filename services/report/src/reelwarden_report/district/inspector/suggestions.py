"""Suggestions (R5.3): from anybody, also unknown; answered, summarised by the quarter, led to rules."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.district import PersonRole
from reelwarden_common.web import N_, Missing, SignedIn, Text, Wrong
from reelwarden_report.district.inspector.commands import LONGEST_SUGGESTION, Doing
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.quarters import counted, listed, quarters_back
from reelwarden_report.district.inspector.room import VIEWERS, InRoom

router = APIRouter(include_in_schema=False)


@router.get("/feedback")
async def feedback(
    room: InRoom, request: Request, person: SignedIn, quarter: Annotated[str, Query(max_length=7)] = ""
) -> Response:
    """The form, for everybody; what came in, for those who answer."""
    own = room.schools_of(person, *PersonRole)
    seen = [s for s in own if person.holds(s, *VIEWERS)]
    quarters = quarters_back(room.clock(), room.zone)
    chosen = quarter if quarter in quarters else quarters[0]
    asked = (room.pool, seen, chosen, room.zone)
    return Pages(room).page(
        request,
        person,
        "feedback.html",
        suggestions=await listed(*asked),
        waiting=await listed(*asked, others=True),
        summary=(await counted(*asked)).said(),
        quarters=quarters,
        quarter=chosen,
        own=own,
        may_read=bool(seen),
        rules=await room.views.rules(),
    )


@router.post("/feedback")
async def suggest(
    commands: Doing,
    person: SignedIn,
    school: Annotated[str, Form()],
    text: Annotated[str, Form(max_length=4000)],
    *,
    anonymous: Annotated[bool, Form()] = False,
) -> Response:
    """Suggest something."""
    await commands.suggest(person, school, text, anonymous=anonymous)
    return RedirectResponse("/feedback?sent=1", status_code=303)


@router.post("/feedback/{feedback}/answer")
async def answer(
    room: InRoom,
    person: SignedIn,
    feedback: str,
    text: Annotated[str, Form(max_length=4000)] = "",
    rules_version: Annotated[str, Form(max_length=6)] = "",
) -> Response:
    """The safety department answers, and names the version of the rules that it led to."""
    if not 1 <= len(text.strip()) <= LONGEST_SUGGESTION:
        raise Wrong("no_text", Text(N_("Please write between 1 and 4000 characters.")), "R5.3")
    versions = {str(one.version) for one in await room.views.rules()}
    async with room.units.begin() as store:
        school = await store.conn.fetchval("SELECT school FROM feedback WHERE feedback = $1", feedback)
        if school is None:
            raise Missing
        room.must_inspect(person, school)
        await store.conn.execute(
            "UPDATE feedback SET answered_at = $2, answer = $3, answered_by = $4, rules_version = $5"
            " WHERE feedback = $1",
            feedback,
            store.clock(),
            text.strip(),
            person.id,
            int(rules_version) if rules_version in versions else None,
        )
    return RedirectResponse("/feedback", status_code=303)
