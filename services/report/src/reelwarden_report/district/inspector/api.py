"""The same for programs: JSON under /api, described by OpenAPI."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from reelwarden_common.events.backup import CopiesAnswer
from reelwarden_common.events.letters import Act
from reelwarden_common.events.report import (
    CamerasAnswer,
    CamerasQuery,
    ErasedAnswer,
    HoldsAnswer,
    HoldsQuery,
)
from reelwarden_common.web import Missing, SignedIn
from reelwarden_common.web.i18n import language_of
from reelwarden_report.district.inspector.asking import copies_of, erased_query
from reelwarden_report.district.inspector.commands import LONGEST_SUGGESTION, Doing, InspectionKind
from reelwarden_report.district.inspector.exports import Exporting
from reelwarden_report.district.inspector.letters import LetterKey
from reelwarden_report.district.inspector.room import InRoom
from reelwarden_report.district.inspector.shapes import (
    CustodyView,
    FeedbackView,
    FindingView,
    LetterView,
    LogView,
    ReportView,
    RulesView,
    SchoolView,
    ViolationView,
)

SchoolQuery = Annotated[str | None, Query(max_length=63, description="Only this school.")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class InspectionOrder(BaseModel):
    """Inspect a school now (R5.1)."""

    school: str = Field(max_length=63, examples=["s001"])
    kind: InspectionKind = "daily"


class Closing(BaseModel):
    """Why a finding or violation is closed."""

    reason: str = Field(min_length=1, max_length=64, examples=["mended"])


class Settling(BaseModel):
    """What to do about a dead letter."""

    letter: str = Field(max_length=400, examples=["s001/exporter/DISTRICT.17"])
    act: Act
    note: str = Field(default="", max_length=500)
    """Why, never a name; who dismisses must say it."""


class Suggestion(BaseModel):
    """A suggestion by staff (R5.3)."""

    school: str = Field(max_length=63, examples=["s001"])
    text: str = Field(min_length=1, max_length=LONGEST_SUGGESTION)


class Received(BaseModel):
    """What was made."""

    id: str


router = APIRouter(prefix="/api", route_class=Exporting)


@router.get("/schools", tags=["state"], summary="All schools that you may see")
async def schools(room: InRoom, person: SignedIn) -> list[SchoolView]:
    """State, cameras and coverage; a school not heard of lately is `unknown`, never good."""
    return await room.views.schools(room.clock(), room.seen_by(person))


@router.get("/schools/{school}", tags=["state"], summary="One school")
async def school(room: InRoom, person: SignedIn, school: str) -> SchoolView:
    """State, cameras and coverage of one school."""
    found = await room.views.schools(room.clock(), room.seen_by(person, school))
    if not found:
        raise Missing
    return found[0]


@router.get("/findings", tags=["findings"], summary="Findings")
async def findings(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: SchoolQuery = None,
    open: Annotated[bool | None, Query(description="Only open, or only closed ones.")] = None,  # noqa: A002 - the query's name
    limit: Limit = 200,
) -> list[FindingView]:
    """The worst and newest first; `text` is in the language of the request."""
    seen = room.seen_by(person, school)
    found = await room.views.findings(seen, room.clock(), still_open=open, limit=limit)
    return [room.worded(one, language_of(request)) for one in found]


@router.post("/findings/{finding}/close", tags=["findings"], summary="Close a finding", status_code=204)
async def close(commands: Doing, person: SignedIn, finding: str, closing: Closing) -> None:
    """The safety department closes what no fact closes by itself."""
    await commands.close(person, finding, closing.reason)


@router.get("/schools/{school}/holds", tags=["footage"], summary="What is held")
async def holds(room: InRoom, person: SignedIn, school: str, *, over: bool = False) -> HoldsAnswer:
    """Since when, why, until when; `over` also shows what was released or has lapsed (R3.1)."""
    room.seen_by(person, school)
    return await room.answers.holds(HoldsQuery(school=school, over=over))


@router.get("/schools/{school}/erased", tags=["footage"], summary="What was erased, and by which rule")
async def erased(
    room: InRoom,
    person: SignedIn,
    school: str,
    camera: str | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
) -> ErasedAnswer:
    """By day of the footage, as the school certified it, with the plan and its days (R3.1)."""
    room.seen_by(person, school)
    return await room.answers.erased(erased_query(school, camera, first_day, last_day))


@router.get("/schools/{school}/cameras", tags=["footage"], summary="Days really held against the rule")
async def cameras(room: InRoom, person: SignedIn, school: str) -> CamerasAnswer:
    """Those that fall short first (R3.1, R5.1)."""
    room.seen_by(person, school)
    return await room.answers.cameras(CamerasQuery(school=school))


@router.get("/schools/{school}/copies", tags=["footage"], summary="Copies, and when they were read back")
async def copies(
    room: InRoom, person: SignedIn, school: str, camera: str, start: datetime, end: datetime
) -> CopiesAnswer:
    """Of one camera's span, as the ledger keeps them (R3.2, R4.1)."""
    room.seen_by(person, school)
    return await copies_of(room, school, camera, start, end)


@router.get("/letters", tags=["letters"], summary="Dead letters")
async def letters(
    room: InRoom, person: SignedIn, school: SchoolQuery = None, limit: Limit = 200
) -> list[LetterView]:
    """Messages that a role gave up, those that wait first, and what became of the others."""
    return await room.views.letters(room.seen_by(person, school), limit)


@router.post("/letters", tags=["letters"], summary="Replay or dismiss a dead letter", status_code=204)
async def settle_letter(commands: Doing, person: SignedIn, settling: Settling) -> None:
    """Those who run the district; the role that gave it up must answer."""
    await commands.settle(person, LetterKey.read(settling.letter), settling.act, settling.note)


@router.get("/violations", tags=["violations"], summary="Violations")
async def violations(
    room: InRoom, person: SignedIn, school: SchoolQuery = None, limit: Limit = 200
) -> list[ViolationView]:
    """Who acted against the rules, by number, never by name (R5.2)."""
    return await room.views.violations(room.seen_by(person, school), limit)


@router.post(
    "/violations/{violation}/close", tags=["violations"], summary="Close a violation", status_code=204
)
async def close_violation(commands: Doing, person: SignedIn, violation: str, closing: Closing) -> None:
    """Say what was decided."""
    await commands.close_violation(person, violation, closing.reason)


@router.post("/inspections", tags=["reports"], summary="Inspect a school now", status_code=201)
async def inspect(commands: Doing, person: SignedIn, order: InspectionOrder) -> ReportView:
    """Asks the index, judges, and writes the report, in Chinese and English."""
    return await commands.inspect(person, order.school, order.kind)


@router.get("/reports", tags=["reports"], summary="Written reports")
async def reports(
    room: InRoom, person: SignedIn, school: SchoolQuery = None, limit: Limit = 200
) -> list[ReportView]:
    """The newest first; files at `/reports/{report}.pdf` and `.html`, `?lang=zh` or `en`."""
    return await room.views.reports(room.seen_by(person, school), limit)


@router.get("/custody/{school}", tags=["custody"], summary="Newest custody checkpoints")
async def custody(room: InRoom, person: SignedIn, school: str) -> CustodyView:
    """The signed notes of the school's two logs."""
    room.seen_by(person, school)
    return await room.views.custody(school)


@router.get("/custody/{school}/log", tags=["custody"], summary="The district's custody log")
async def custody_log(
    room: InRoom,
    person: SignedIn,
    school: str,
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> LogView:
    """Entries as they were hashed, and every signed checkpoint: read it all to audit it offline."""
    room.seen_by(person, school)
    return await room.views.custody_log(school, start, limit)


@router.post("/feedback", tags=["feedback"], summary="Suggest something", status_code=201)
async def suggest(commands: Doing, person: SignedIn, suggestion: Suggestion) -> Received:
    """Any staff may (R5.3)."""
    return Received(id=await commands.suggest(person, suggestion.school, suggestion.text))


@router.get("/feedback", tags=["feedback"], summary="Suggestions")
async def feedback(
    room: InRoom, person: SignedIn, school: SchoolQuery = None, limit: Limit = 200
) -> list[FeedbackView]:
    """What staff suggested, without who."""
    return await room.views.feedback(room.seen_by(person, school), limit)


@router.get("/rules", tags=["rules"], summary="The rules in effect")
async def rules(room: InRoom, _: SignedIn) -> list[RulesView]:
    """Versions of the rule set, the newest first (R6)."""
    return await room.views.rules()
