"""Numbered paper forms: printed, entered with their application, reviewed, accounted for (R4.2, R4.3)."""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk import to_sign
from reelwarden_access.district.desk.acts.filing import (
    cameras_of,
    iso,
    papers_in_form,
    written,
)
from reelwarden_access.district.desk.acts.signing import Signed, keep_signature
from reelwarden_access.district.desk.application import Actor, Application, Capacity, Rules, Signature, Status
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.domain import check_opinion
from reelwarden_access.district.desk.paper_form import (
    MAY_REVIEW,
    PaperDraft,
    PaperForm,
    Signer,
    check_entering,
    check_keeper,
    check_number,
    check_printing,
    check_review,
    check_void,
    doubts,
    name_of,
    skipped,
)
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.to_sign import digest_of_form
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationFiled,
    Manner,
    TaskDone,
    TaskOverdue,
)
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.web import Person
from reelwarden_common.web.refusals import Denied, Missing
from reelwarden_common.web.text import N_, Text

SKIPPED, TWICE = "paper_skipped", "paper_twice"
_LOOKS = (PersonRole.SAFETY, PersonRole.LEADER, PersonRole.AUDITOR, PersonRole.DISTRICT_OFFICER)


def check_looking(work: Work, school: str) -> None:
    """Who sees the list of numbered forms."""
    if school not in {one.id for one in work.config.schools}:
        raise Missing
    if not work.who.holds(school, *_LOOKS):
        raise Denied("no_right", Text(N_("Your account has no right to this (R3.3).")), "R3.3")


async def listed(work: Work, school: str) -> list[PaperForm]:
    """All numbered forms of a school."""
    check_looking(work, school)
    return await work.store.paper_forms.of_school(school)


async def print_block(work: Work, school: str, count: int) -> list[int]:
    """Take the next numbers: none is ever printed twice."""
    check_looking(work, school)
    actor = await work.actor(school)
    check_printing(actor, count)
    await work.store.paper_forms.lock(school)
    return await work.store.paper_forms.print(school, count, actor.id, work.now)


async def void(work: Work, school: str, numbers: range, reason: str) -> None:
    """Blank forms were spoilt or lost."""
    check_looking(work, school)
    actor = await work.actor(school)
    check_keeper(actor)
    await work.store.paper_forms.lock(school)
    sheets = [one for one in await work.store.paper_forms.of_school(school) if one.number in numbers]
    check_void(sheets if len(sheets) == len(numbers) else (), reason)
    await work.store.paper_forms.void(school, numbers, reason.strip(), actor.id, work.now)
    await _settle_skipped(work.store, school, work.rules, work.now)


async def signer(work: Work, person: Person, school: str) -> Signer:
    """Somebody who signed on paper, by the number under which events know them."""
    actor = await work.store.people.actor_id(person.id)
    return Signer(actor, person.id, person.name, frozenset(person.roles_at(school)))


async def enter(work: Work, number: int, draft: PaperDraft, *, again: bool) -> Application:
    """Enter a filled sheet: its footage stays held until somebody else has reviewed it."""
    store, asked = work.store, draft.asked
    school, cameras = work.config.school(asked.school), cameras_of(work.config, asked)
    actor = await work.actor(school.id)
    check_keeper(actor)
    await store.people.one_at_a_time(actor.id)
    if asked.id is not None and await store.applications.known(asked.id):
        return await store.applications.load(asked.id)
    await store.paper_forms.lock(school.id)
    name = name_of(school.id, number)
    copy = check_number(await store.paper_forms.of_number(school.id, number), name, again=again)
    scans = [one for one in await store.attachments.of(asked.id or "", actor.id) if one.signed_at is None]
    check_entering(draft, len(scans), work.now)
    local = work.now.astimezone(ZoneInfo(work.config.time_zone))
    form = {
        "kind": "application",
        "number": await store.applications.next_number(school.id, local.year),
        "filed_at": iso(work.now),
        "filed_by": {"name": actor.name, "unit": actor.unit},
        "undertaking": "on paper",
        **written(school, cameras, asked),
        "paper": _on_paper(draft, name, doubts(draft, work.rules, work.now)),
        **await papers_in_form(store, asked.id, actor.id, work.now),
    }
    application = Application(
        id=asked.id or uuid.uuid4().hex,
        number=str(form["number"]),
        school=school.id,
        status=Status.RECORDED,
        version=2,
        manner=asked.manner,
        cameras=asked.cameras,
        start=asked.start,
        end=asked.end,
        filer=actor.id,
        outsider=asked.outsider,
        concerns_leader=asked.concerns_leader,
        applicant_name=asked.name,
        form_digest=digest_of_form(form),
        decide_by=work.now,
        unit=asked.unit,
    )
    await store.applications.add(application, form, work.now)
    await _sign(work, application, actor, draft)
    copied = asked.manner is Manner.COPY
    use_by = draft.retrieved_at + work.rules.use_within if copied else None
    await store.applications.update(application.id, approved_at=draft.approved_at, use_by=use_by)
    await store.paper_forms.enter((school.id, number, copy), application.id, actor.id, work.now)
    _say(work, application, draft, name)
    if copy > 1 and await store.paper_forms.tell(school.id, number, TWICE, work.now):
        store.publish(school.id, _overdue(school.id, number, TWICE, work.now))
    await _settle_skipped(store, school.id, work.rules, work.now)
    return application


def _on_paper(draft: PaperDraft, name: str, found: list[str]) -> dict[str, Any]:
    def named(one: Signer) -> dict[str, Any]:
        return {"name": one.name, "account": one.account, "roles": sorted(one.roles)}

    return {
        "number": name,
        "approver": named(draft.approver),
        "approved_at": iso(draft.approved_at),
        "operator": named(draft.operator),
        "supervisor": named(draft.supervisor),
        "retrieved_at": iso(draft.retrieved_at),
        "present": list(draft.present),
        "content": draft.content,
        "outcome": draft.outcome,
        "medium": draft.medium,
        "doubts": found,
    }


async def _sign(work: Work, application: Application, actor: Actor, draft: PaperDraft) -> None:
    """Whoever enters it attests who signed on paper."""
    for capacity, name in ((Capacity.APPLICANT, draft.asked.name), (Capacity.APPROVER, draft.approver.name)):
        signature = Signature(
            form="application",
            capacity=capacity,
            signer=actor.id,
            name=actor.name,
            unit=actor.unit,
            role=PersonRole.SAFETY,
            digest=application.form_digest,
            signed_at=work.now,
            on_behalf_of=name,
        )
        await work.store.applications.sign(application.id, signature)


def _say(work: Work, application: Application, draft: PaperDraft, name: str) -> None:
    until = work.now + work.rules.hold_when_approved
    filed = ApplicationFiled(
        application=application.id,
        version=1,
        number=application.number,
        manner=application.manner,
        spans=tuple(
            CameraSpan(camera=camera, start=application.start, end=application.end)
            for camera in application.cameras
        ),
        purpose="application",
        applicant=application.filer,
        outsider=application.outsider,
        hold_until=until,
        paper=name,
    )
    approved = ApplicationApproved(
        application=application.id,
        version=2,
        approvers=(draft.approver.actor,),
        approver_roles=tuple(sorted(draft.approver.roles))[:1],
        form_digest=application.form_digest,
        valid_until=work.now,
        hold_until=until,
    )
    work.store.publish(application.school, filed)
    work.store.publish(application.school, approved)


async def review(
    work: Work, application_id: str, opinion: str, signed: Signed, *, in_order: bool
) -> Application:
    """Somebody else looked at the sheet and its scan."""
    application, actor = await work.lock(application_id)
    table = work.store.paper_forms
    sheet = await table.of_application(application.id)
    form = (await work.store.applications.row(application.id))["form"]
    check_review(sheet, actor, await signers_of(work, form))
    check_opinion(opinion)
    assert sheet is not None  # noqa: S101 - checked above
    shown = to_sign.review_paper(application, sheet.name)
    await keep_signature(work, actor, application.id, shown, signed, MAY_REVIEW)
    reviewer = (actor.id, actor.name)
    await table.review(application.id, reviewer, opinion.strip(), work.now, in_order=in_order)
    if sheet.copy > 1 and in_order and sheet.number in await table.told(sheet.school, TWICE):
        await table.settle(sheet.school, sheet.number, TWICE, work.now)
        work.store.publish(sheet.school, TaskDone(application=_id(sheet.school, sheet.number), task=TWICE))
    return application


async def signers_of(work: Work, form: dict[str, Any]) -> set[str]:
    """The numbers of those who signed a form on paper."""
    paper = form.get("paper", {})
    accounts = [paper[part]["account"] for part in ("approver", "operator", "supervisor") if part in paper]
    return {await work.store.people.actor_id(account) for account in accounts}


async def look(store: DeskStore, rules: Rules, now: datetime) -> None:
    """Say which numbers were skipped; what was accounted for since is over."""
    for school in await store.paper_forms.schools():
        for sheet in skipped(await store.paper_forms.of_school(school), rules, now):
            if await store.paper_forms.tell(school, sheet.number, SKIPPED, now):
                store.publish(school, _overdue(school, sheet.number, SKIPPED, now))


async def _settle_skipped(store: DeskStore, school: str, rules: Rules, now: datetime) -> None:
    still = {one.number for one in skipped(await store.paper_forms.of_school(school), rules, now)}
    for number in set(await store.paper_forms.told(school, SKIPPED)) - still:
        await store.paper_forms.settle(school, number, SKIPPED, now)
        store.publish(school, TaskDone(application=_id(school, number), task=SKIPPED))


def _id(school: str, number: int) -> str:
    """Under what a number is known where no application is."""
    return f"paper-{school}-{number}"


def _overdue(school: str, number: int, kind: str, now: datetime) -> TaskOverdue:
    return TaskOverdue(
        application=_id(school, number),
        number=name_of(school, number),
        task=kind,
        for_role=PersonRole.SAFETY,
        deadline=now,
        escalated_to=PersonRole.DISTRICT_OFFICER,
    )
