"""Pages about findings: the list with its filters and its CSV, and one finding with its conversation."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.district import PersonRole
from reelwarden_common.web import N_, Missing, Person, SignedIn, Text, Wrong
from reelwarden_common.web.i18n import language_of
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.csv_file import csv_file
from reelwarden_report.district.inspector.domain import Kind, waits_at_the_desk
from reelwarden_report.district.inspector.finding_views import FindingViews, Wanted
from reelwarden_report.district.inspector.finding_work import (
    ENDINGS,
    PROGRESS,
    STATES,
    Step,
    account_of,
    check_owner,
    check_step,
    may_comment,
)
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import InRoom, Room

router = APIRouter(include_in_schema=False)
SPEAKERS = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
"""Who takes part in the conversation: those who have it mended, and those over them."""
OWNERS = (PersonRole.SAFETY, PersonRole.LEADER, PersonRole.RETRIEVER)
_COLUMNS = (
    *("finding", "school", "camera", "kind", "severity", "rule", "state"),
    *("owner", "opened_at", "deadline", "closed_at", "escalated", "text"),
)
A_PAGE = 50
MOST = 5000


@dataclass(frozen=True)
class Filter:
    """What the form above the list asks for."""

    school: str = ""
    kind: str = ""
    severity: str = ""
    state: str = ""


@router.get("/findings")
async def findings(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: Annotated[str, Query(max_length=63)] = "",
    kind: Annotated[str, Query(max_length=64)] = "",
    severity: Annotated[str, Query(max_length=16)] = "",
    state: Annotated[str, Query(max_length=16)] = "standing",
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    """The worst and newest first."""
    asked = Filter(school, kind, severity, state)
    seen = room.seen_by(person, school or None)
    wanted = Wanted(tuple(seen), kind, severity, state, A_PAGE, (page - 1) * A_PAGE)
    views = FindingViews(room.pool)
    total, rows = await views.listed(wanted, room.clock())
    worded = [room.worded(one, language_of(request)) for one in rows]
    return Pages(room).page(
        request,
        person,
        "findings.html",
        findings=worded,
        total=total,
        page=page,
        pages=-(-total // A_PAGE) or 1,
        asked=asked,
        schools=room.seen_by(person),
        kinds=list(Kind),
        states=("standing", *STATES),
    )


@router.get("/findings.csv")
async def as_csv(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: Annotated[str, Query(max_length=63)] = "",
    kind: Annotated[str, Query(max_length=64)] = "",
    severity: Annotated[str, Query(max_length=16)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """The same as a table for other programs; codes stand beside the sentence."""
    wanted = Wanted(tuple(room.seen_by(person, school or None)), kind, severity, state, MOST, 0)
    _, rows = await FindingViews(room.pool).listed(wanted, room.clock())
    language = language_of(request)
    head = _COLUMNS
    lines = (
        [
            *(one.finding, one.school, one.camera or "", one.kind, one.severity, one.rule, one.state),
            # a person's account is nobody's business outside
            "person" if account_of(one.owner or "") else one.owner or "",
            *(m.isoformat() if m else "" for m in (one.opened_at, one.deadline, one.closed_at)),
            one.escalated or "",
            room.worded(one, language).text,
        ]
        for one in rows
    )
    return csv_file("findings", head, lines)


@router.get("/findings/{finding}")
async def finding(room: InRoom, request: Request, person: SignedIn, finding: str) -> Response:
    """One finding."""
    return await _page(room, request, person, finding)


async def _page(
    room: Room, request: Request, person: Person, finding: str, problem: Wrong | None = None
) -> Response:
    views = FindingViews(room.pool)
    found = await views.one(finding, room.clock())
    if found is None:
        raise Missing
    room.seen_by(person, found.school)
    values: dict[str, Any] = {
        "finding": room.worded(found, language_of(request)),
        "notes": await views.notes(finding),
        "who": partial(_who, room, person, found.school),
        "owner": partial(_owner, room, person, found.school),
        "owners": [role.value for role in OWNERS],
        "people": _people(room, found.school),
        "may_speak": person.holds(found.school, *SPEAKERS),
        "waits": waits_at_the_desk(found.kind, found.facts),
        "deadline": found.deadline.astimezone(room.zone).strftime("%Y-%m-%dT%H:%M"),
        "problem": problem,
    }
    status = problem.status if problem else 200
    return Pages(room).page(request, person, "finding.html", status=status, **values)


def _people(room: Room, school: str) -> list[Person]:
    own = (one for one in room.web.people.all() if any(g.school == school for g in one.grants))
    return sorted(own, key=lambda one: one.name)


def _owner(room: Room, reader: Person, school: str, owner: str) -> Text | str:
    """A role, or whoever it is."""
    account = account_of(owner)
    return _who(room, reader, school, account) if account else words.code(owner)


def _who(room: Room, reader: Person, school: str, account: str | None) -> Text | str:
    """Names are for those in charge; others read which side spoke."""
    if account is None:
        return Text(N_("the system"))
    known = room.web.people.find(account)
    if reader.holds(school, *SPEAKERS) or reader.id == account:
        return known.name if known else account
    return Text(N_("a person of the school"))


@router.post("/findings/{finding}/steps")
async def step(
    room: InRoom,
    request: Request,
    person: SignedIn,
    finding: str,
    kind: Annotated[str, Form(max_length=16)],
    text: Annotated[str, Form(max_length=8000)] = "",
) -> Response:
    """Say something, take it over, give it to somebody, set its deadline, mend it, or call it false."""
    try:
        await _take(room, person, finding, Step(kind, text))
    except Wrong as problem:
        return await _page(room, request, person, finding, problem)
    return RedirectResponse(f"/findings/{finding}", status_code=303)


async def _take(room: Room, person: Person, finding: str, step: Step) -> None:
    async with room.units.begin() as store:
        row = await store.conn.fetchrow(
            "SELECT school, closed_at, kind, facts::text FROM finding WHERE finding = $1 FOR UPDATE", finding
        )
        if row is None or step.kind not in ("comment", "owner", "due", *PROGRESS, *ENDINGS):
            raise Missing
        school = row["school"]
        sees = school in room.seen_by(person)
        may_comment(sees=sees, roles=person.holds(school, *SPEAKERS))
        check_step(step, is_open=row["closed_at"] is None)
        if step.kind != "comment":
            await _check_work(room, person, row, step)
        if step.kind == "due":
            step = Step(step.kind, _moment(room, step.text).isoformat())
        await store.take_step(finding, school, step, person.id)


async def _check_work(room: Room, person: Person, row: Any, step: Step) -> None:  # noqa: ANN401 - a row
    school = row["school"]
    if step.kind in PROGRESS:
        return
    room.must_inspect(person, school)
    if step.kind == "owner":
        accounts = [one.id for one in _people(room, school)]
        check_owner(step.text, [role.value for role in OWNERS], accounts)
    if step.kind in ENDINGS:
        room.must_not_wait(row["kind"], row["facts"])


def _moment(room: Room, written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise Wrong("bad_time", Text(N_("Please give a day and a time.")), "R5.1") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=room.zone)
    if moment <= room.clock():
        raise Wrong("in_the_past", Text(N_("A deadline lies ahead.")), "R5.1")
    return moment
