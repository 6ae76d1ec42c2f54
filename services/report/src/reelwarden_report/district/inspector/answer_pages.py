"""The page that answers: what is held, what was erased, which camera falls short, when was this read back."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ValidationError

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import CamerasQuery, HoldsQuery
from reelwarden_common.web import N_, Missing, SignedIn, Text, Wrong
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_report.district.inspector.asking import copies_of, erased_query
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import InRoom, Room

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class _Asked:
    """What the form at the top of the page asks for, as it was written."""

    school: str
    camera: str
    start: str
    end: str
    over: bool


class _Span(BaseModel):
    start: datetime
    end: datetime


@router.get("/footage")
async def footage(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: str = "",
    camera: str = "",
    start: Annotated[str, Query(max_length=30)] = "",
    end: Annotated[str, Query(max_length=30)] = "",
    *,
    over: bool = False,
) -> Response:
    """One school's footage; with camera and span, the copies of it."""
    seen = [one for one in room.seen_by(person) if one != DISTRICT_SCHOOL]
    asked = _Asked(school or next(iter(seen), ""), camera, start, end, over)
    if asked.school not in seen:
        raise Missing
    values, status = await _answers(room, asked)
    return Pages(room).page(
        request, person, "footage.html", status=status, schools=seen, asked=asked, **values
    )


async def _answers(room: Room, asked: _Asked) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {
        "cameras": (await room.answers.cameras(CamerasQuery(school=asked.school))).cameras,
        "holds": await room.answers.holds(HoldsQuery(school=asked.school, over=asked.over)),
        "copies": None,
        "erased": None,
        "problem": None,
    }
    try:
        since, until, span = None, None, None
        if asked.start or asked.end:
            span = _span(asked)
            since, until = _local(room, span.start), _local(room, span.end)
        values["erased"] = await room.answers.erased(erased_query(asked.school, asked.camera, since, until))
        if span and asked.camera:
            values["copies"] = await copies_of(room, asked.school, asked.camera, span.start, span.end)
    except WebRefusal as refusal:
        return values | {"problem": refusal.text}, refusal.status
    return values, 200


def _span(asked: _Asked) -> _Span:
    try:
        return _Span.model_validate({"start": asked.start, "end": asked.end})
    except ValidationError as error:
        raise Wrong("span_unclear", Text(N_("Please give both times, from and to."))) from error


def _local(room: Room, moment: datetime) -> date:
    return (moment.astimezone(room.zone) if moment.tzinfo else moment).date()
