"""Filing, deciding, withdrawing (R4.2)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk import domain, retrieval
from reelwarden_access.district.desk.acts import retrieving
from reelwarden_access.district.desk.application import (
    STATE_ORGANS,
    Actor,
    Application,
    Capacity,
    Draft,
    Rules,
    Signature,
    Status,
)
from reelwarden_access.district.desk.attachment import Attachment
from reelwarden_access.district.desk.deputy import principal_of
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.to_sign import digest_of_form
from reelwarden_common.district import Camera, DistrictConfig, PersonRole, School
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationRejected,
    ApplicationWithdrawn,
    RetrievalAuthorised,
)
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.web.refusals import Wrong
from reelwarden_common.web.text import N_, Text

UNDERTAKING = "undertaking-1"
"""The text of the undertaking that the form shows; a new text gets a new number."""


@dataclass(frozen=True)
class Decision:
    """What an approver signs: the digest of the form that was shown, and an opinion."""

    digest: str
    opinion: str = ""
    interested: bool = False
    """They have an interest of their own in the matter: then they do not decide."""


def iso(moment: datetime) -> str:
    """A moment as it stands in forms."""
    return moment.isoformat(timespec="seconds")


async def file(work: Work, draft: Draft) -> Application:
    """File an application; its footage is held at once (R4.2). Sent again, it is the one that was filed."""
    cameras = cameras_of(work.config, draft)
    school = work.config.school(draft.school)
    actor = await work.actor(school.id)
    await work.store.people.one_at_a_time(actor.id)
    if draft.outsider is None:
        draft = _for_staff(draft, actor)
    store = work.store
    said = written(school, cameras, draft)
    if draft.id is not None and await store.applications.known(draft.id):
        filed = await store.applications.load(draft.id)
        domain.check_own_form(filed, actor)
        domain.check_same_form(filed, (await store.applications.row(filed.id))["form"], said)
        return filed
    domain.check_filing(actor, draft, work.rules, await store.applications.count_open(actor.id), work.now)
    local = work.now.astimezone(ZoneInfo(work.config.time_zone))
    number = await store.applications.next_number(school.id, local.year)
    content = _content(actor, said) | await papers_in_form(store, draft.id, actor.id, work.now)
    if work.own_key:
        domain.check_digest(work.own_key["digest"], digest_of_form(content))
    form = {"number": number, "filed_at": iso(work.now), **content}
    application = Application(
        id=draft.id or uuid.uuid4().hex,
        number=number,
        school=school.id,
        status=Status.FILED,
        version=1,
        manner=draft.manner,
        cameras=draft.cameras,
        start=draft.start,
        end=draft.end,
        filer=actor.id,
        outsider=draft.outsider,
        concerns_leader=draft.concerns_leader,
        applicant_name=draft.name,
        form_digest=digest_of_form(form),
        decide_by=domain.decide_by(draft, work.rules, work.now),
        urgent=draft.urgent,
        unit=draft.unit,
    )
    await store.applications.add(application, form, work.now)
    signature = Signature(
        form="application",
        capacity=Capacity.APPLICANT,
        signer=actor.id,
        name=actor.name,
        unit=actor.unit,
        role=next(r for r in (*domain.MAY_APPLY, PersonRole.RECEPTION) if actor.has(r)),
        digest=application.form_digest,
        signed_at=work.now,
        on_behalf_of=draft.name if draft.outsider else None,
        own_key=work.own_key,
    )
    await store.applications.sign(application.id, signature)
    store.publish(school.id, _filed(application, work.rules, work.now))
    return application


async def papers_in_form(
    store: DeskStore, form: str | None, owner: str, now: datetime
) -> dict[str, list[dict[str, object]]]:
    """The files that waited for a form: their digests stand in it, so that every signature covers them."""
    return _papers(await store.attachments.sign(form, owner, now) if form else [])


async def papers_waiting(
    store: DeskStore, form: str | None, owner: str
) -> dict[str, list[dict[str, object]]]:
    """The same before it is filed."""
    return _papers(await store.attachments.of(form, owner) if form else [])


def _papers(attached: Sequence[Attachment]) -> dict[str, list[dict[str, object]]]:
    return {"attachments": [one.in_form for one in attached]} if attached else {}


async def to_sign(work: Work, draft: Draft) -> str:
    """What the applicant's own key signs: the form but for what it gets when it is filed."""
    cameras, school = cameras_of(work.config, draft), work.config.school(draft.school)
    actor = await work.actor(school.id)
    if draft.outsider is None:
        draft = _for_staff(draft, actor)
    papers = await papers_waiting(work.store, draft.id, actor.id)
    return digest_of_form(_content(actor, written(school, cameras, draft)) | papers)


def _content(actor: Actor, written: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "application",
        "filed_by": {"name": actor.name, "unit": actor.unit},
        "undertaking": UNDERTAKING,
        **written,
    }


async def filed_as(work: Work, form: str) -> Application | None:
    """What a form was filed as by whoever asks."""
    if not await work.store.applications.known(form):
        return None
    application = await work.store.applications.load(form)
    actor = await work.actor(application.school)
    return application if application.filer == actor.id else None


def written(school: School, cameras: Sequence[Camera], draft: Draft) -> dict[str, Any]:
    """What the applicant says, as it stands in the form."""
    return {
        "school": {"id": school.id, "name": school.name},
        "applicant": {
            "name": draft.name,
            "unit": draft.unit,
            "role": draft.outsider or "staff",
            "identity_document": draft.identity_document,
            "phone": draft.phone,
            "relation": draft.relation,
        },
        "reason": draft.reason,
        "cameras": [{"id": c.id, "name": c.name, "place": c.place} for c in cameras],
        "start": iso(draft.start),
        "end": iso(draft.end),
        "manner": draft.manner,
        "documents": list(draft.documents),
        "authority_document": draft.authority_document,
        "concerns_leader": draft.concerns_leader,
        **({"urgent": True} if draft.urgent else {}),
    }


class NamesCameras(Protocol):
    """A form that names cameras of one school."""

    @property
    def school(self) -> str: ...
    @property
    def cameras(self) -> tuple[str, ...]: ...


def cameras_of(config: DistrictConfig, draft: NamesCameras) -> list[Camera]:
    """The cameras that a form names.

    Raises:
        Wrong: the school has no such camera.
    """
    known = {(school.id, camera.id): camera for school in config.schools for camera in school.cameras}
    unknown = [camera for camera in draft.cameras if (draft.school, camera) not in known]
    if unknown:
        text = Text(
            N_("School %(school)s has no camera %(camera)s: please choose again."),
            school=draft.school,
            camera=unknown[0],
        )
        raise Wrong("unknown_camera", text, "R4.2")
    return [known[draft.school, camera] for camera in draft.cameras]


def _for_staff(draft: Draft, actor: Actor) -> Draft:
    """Staff are known: name, unit and work number are not theirs to fill in."""
    known = {
        "name": actor.name,
        "unit": actor.unit or "—",
        "identity_document": draft.identity_document or f"工号 {actor.account}",
    }
    return Draft(**{**draft.__dict__, **known})


def _filed(application: Application, rules: Rules, now: datetime) -> ApplicationFiled:
    return ApplicationFiled(
        application=application.id,
        version=1,
        number=application.number,
        manner=application.manner,
        spans=_spans(application),
        purpose="application",
        applicant=application.filer,
        outsider=application.outsider,
        hold_until=now + rules.hold_when_filed,
    )


def _spans(application: Application) -> tuple[CameraSpan, ...]:
    return tuple(
        CameraSpan(camera=camera, start=application.start, end=application.end)
        for camera in application.cameras
    )


async def approve(work: Work, application_id: str, decision: Decision) -> Application:
    """Sign an approval; with the last that was missing, the exporter may begin."""
    application, actor = await work.lock(application_id)
    role = domain.check_decision(application, actor)
    domain.check_heard(application, role)
    domain.check_digest(decision.digest, application.form_digest)
    signature = await _decided(work, application, actor, role, decision)
    await work.store.applications.sign(application.id, signature)
    if not domain.is_approved(application, signature):
        return application
    version = application.version + 1
    valid_until = work.now + work.rules.valid_for
    await work.store.applications.update(
        application.id,
        status=Status.APPROVED,
        version=version,
        approved_at=work.now,
        valid_until=valid_until,
    )
    signed = (*application.approvals, signature)
    work.store.publish(
        application.school,
        ApplicationApproved(
            application=application.id,
            version=version,
            approvers=tuple(s.signer for s in signed),
            approver_roles=tuple(s.role for s in signed),
            form_digest=application.form_digest,
            valid_until=valid_until,
            hold_until=work.now + work.rules.hold_when_approved,
        ),
    )
    authorise(work.store, application, valid_until)
    return application


def authorise(store: DeskStore, application: Application, deadline: datetime) -> None:
    """Tell the exporter what to make: ids and spans, no names."""
    store.publish(
        application.school,
        RetrievalAuthorised(
            application=application.id,
            number=application.number,
            manner=application.manner,
            native=application.outsider in STATE_ORGANS,
            spans=_spans(application),
            deadline=deadline,
        ),
    )


async def _decided(
    work: Work, application: Application, actor: Actor, role: PersonRole, decision: Decision
) -> Signature:
    """The signature of whoever decides; a deputy's says for whom."""
    signature = _approval(work, actor, role, decision)
    principal = principal_of(application, actor, role)
    if principal is None:
        return signature
    accounts = await work.store.people.accounts({principal})
    name = next((one.name for one in work.config.people if one.id in accounts), principal)
    return replace(signature, on_behalf_of=name, principal=principal)


def _approval(work: Work, actor: Actor, role: str, decision: Decision) -> Signature:
    return Signature(
        form="application",
        capacity=Capacity.APPROVER,
        signer=actor.id,
        name=actor.name,
        unit=actor.unit,
        role=role,
        digest=decision.digest,
        signed_at=work.now,
        opinion=decision.opinion,
        own_key=work.own_key,
    )


async def advise(work: Work, application_id: str, decision: Decision) -> Application:
    """The department's opinion, before a leader signs (R4.2)."""
    application, actor = await work.lock(application_id)
    domain.check_advice(application, actor, decision.opinion)
    domain.check_digest(decision.digest, application.form_digest)
    role = next(r for r in (PersonRole.SAFETY, *sorted(actor.roles)) if actor.has(r))
    signature = replace(_approval(work, actor, role, decision), capacity=Capacity.DEPARTMENT)
    await work.store.applications.sign(application.id, signature)
    return application


async def declare_interest(work: Work, application_id: str) -> Application:
    """Whoever might decide has an interest of their own: from now on they may not."""
    application, actor = await work.lock(application_id)
    domain.check_interest(application, actor)
    await work.store.applications.declare_conflict(application.id, actor.id, work.now)
    return application


async def reject(work: Work, application_id: str, decision: Decision) -> Application:
    """Sign a rejection; the keeper releases the footage, visibly and with delay."""
    application, actor = await work.lock(application_id)
    role = domain.check_decision(application, actor)
    domain.check_digest(decision.digest, application.form_digest)
    domain.check_opinion(decision.opinion)
    signature = await _decided(work, application, actor, role, decision)
    await work.store.applications.sign(application.id, signature)
    await end(work.store, application, Status.REJECTED, work.now)
    work.store.publish(
        application.school,
        ApplicationRejected(
            application=application.id,
            version=application.version + 1,
            approver=actor.id,
            reason="rejected",
        ),
    )
    return application


async def withdraw(work: Work, application_id: str) -> Application:
    """The applicant thinks better of it."""
    application, actor = await work.lock(application_id)
    domain.check_withdrawal(application, actor)
    await end(work.store, application, Status.WITHDRAWN, work.now)
    work.store.publish(
        application.school,
        ApplicationWithdrawn(application=application.id, version=application.version + 1),
    )
    return application


async def export_again(work: Work, application_id: str) -> Application:
    """Ask the exporter once more, after it had said that it could not."""
    application, actor = await work.lock(application_id)
    export = await work.store.exports.of(application.id)
    retrieval.check_export_again(application, actor, failed=bool(export and export.problem))
    await work.store.exports.asked_again(application.id)
    authorise(work.store, application, application.valid_until or work.now)
    return application


async def lapse(store: DeskStore, rules: Rules, now: datetime) -> int:
    """End applications past their deadlines; returns how many."""
    lapsed = 0
    for application in await store.applications.may_lapse(now):
        reason = domain.lapse_reason(application, rules, now)
        if reason is None:
            continue
        await end(store, application, Status.LAPSED, now, outcome=reason)
        store.publish(
            application.school,
            ApplicationLapsed(application=application.id, version=application.version + 1, reason=reason),
        )
        lapsed += 1
    return lapsed


async def end(
    store: DeskStore, application: Application, status: Status, now: datetime, outcome: str | None = None
) -> None:
    """The application is over, and with it what was open under it."""
    await retrieving.end_with(store, application, now)
    await store.applications.update(
        application.id, status=status, version=application.version + 1, ended_at=now, outcome=outcome
    )
