"""The rules in force, for everybody; the next version, for the district officer (R6)."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.district import PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import N_, Denied, Person, SignedIn, Text, Wrong
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.signing.key_pages import own_key_ids
from reelwarden_report.district.inspector import rule_drafts
from reelwarden_report.district.inspector.own_keys import Act, Sent
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.rule_drafts import NUMBERS, Draft
from reelwarden_report.district.inspector.rules import Version, announce, as_html, translated
from reelwarden_report.district.inspector.signing import means

router = APIRouter(include_in_schema=False)


def may_edit(person: Person) -> bool:
    """The district interprets and revises the rules (R6)."""
    return person.holds(DISTRICT_SCHOOL, PersonRole.DISTRICT_OFFICER)


def _must_edit(person: Person) -> None:
    if not may_edit(person):
        raise Denied("no_right", Text(N_("Only a district officer changes the rules (R6).")), "R6")


@router.get("/rules")
async def rules(room: InRoom, request: Request, person: SignedIn) -> Response:
    """What counts now, what comes, and what counted before."""
    versions = await room.views.rules()
    now = room.clock()
    found = next((one for one in versions if one.effective_from <= now), None)
    values: dict[str, Any] = {
        "numbers": NUMBERS,
        "versions": versions,
        "may_edit": may_edit(person),
        "means": means,
    }
    values["coming"] = [one for one in versions if one.effective_from > now]
    if found:
        english = found.english or translated(found.version)
        values |= {"text": as_html(found.text), "english": as_html(english)}
    return Pages(room).page(request, person, "rules.html", rules=found, **values)


@router.get("/rules/draft")
async def draft(room: InRoom, request: Request, person: SignedIn) -> Response:
    """The draft, beside what is in force."""
    _must_edit(person)
    async with room.units.begin() as store:
        found = await rule_drafts.draft_of(store, await room.views.rules_in_force(room.clock()))
    return await _page(room, request, person, found)


async def _page(
    room: Room, request: Request, person: Person, found: Draft, problem: WebRefusal | None = None
) -> Response:
    in_force = await room.views.rules_in_force(room.clock())
    lines = rule_drafts.compared(in_force.text if in_force else "", found.text)
    changed = {
        name: (before, after)
        for name in NUMBERS
        if (before := getattr(in_force.settings, name) if in_force else None)
        != (after := getattr(found.settings, name))
    }
    return Pages(room).page(
        request,
        person,
        "rules_draft.html",
        status=problem.status if problem else 200,
        draft=found,
        digest=rule_drafts.digest_of(found),
        own_keys=await own_key_ids(request, person),
        in_force=in_force,
        lines=lines,
        changes=any(line.kind != "same" for line in lines) or bool(changed),
        changed=changed,
        numbers=NUMBERS,
        today=room.clock().astimezone(room.zone).date(),
        problem=problem,
    )


@router.post("/rules/draft")
async def keep(room: InRoom, request: Request, person: SignedIn) -> Response:
    """Keep what was written."""
    _must_edit(person)
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    try:
        written = rule_drafts.read_draft(form)
    except Wrong as problem:
        async with room.units.begin() as store:
            known = await rule_drafts.draft_of(store, await room.views.rules_in_force(room.clock()))
        shown = Draft(form.get("text", ""), form.get("english", ""), known.settings, known.edited_at)
        return await _page(room, request, person, shown, problem)
    async with room.units.begin() as store:
        await rule_drafts.keep_draft(store, written, person.id)
    return RedirectResponse("/rules/draft#compared", status_code=303)


@router.post("/rules/publish")
async def publish(
    room: InRoom,
    request: Request,
    person: SignedIn,
    effective: Annotated[str, Form(max_length=10)] = "",
    digest: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    passkey: Annotated[str, Form(max_length=8000)] = "",
) -> Response:
    """Publish the draft, signed, with the day from which it counts."""
    _must_edit(person)
    try:
        sent, act = Sent.of(digest, password, passkey, effective), Act("publish_rules", DISTRICT_SCHOOL, "R6")
        async with room.keys.signing(person, act, sent) as own_key, room.units.begin() as store:
            since = rule_drafts.in_effect(effective, room.clock(), room.zone)
            taken = await rule_drafts.take_draft(store)
            if taken is None:
                raise Wrong("no_draft", Text(N_("There is no draft: write one and keep it first.")), "R6")
            written, number = taken
            sent.must_be(rule_drafts.digest_of(written))
            signer = (person.id, person.name, own_key)
            version = Version(number, written.text, written.english, written.settings, since, *signer)
            await announce(store, [school.id for school in room.config.schools], version)
    except WebRefusal as problem:
        async with room.units.begin() as store:
            known = await rule_drafts.draft_of(store, await room.views.rules_in_force(room.clock()))
        return await _page(room, request, person, known, problem)
    return RedirectResponse("/rules", status_code=303)
