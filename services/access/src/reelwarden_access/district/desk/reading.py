"""What is read at the desk: lists, one application with everything, alarms."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from reelwarden_access.district.desk import domain, extension, retrieval, to_sign
from reelwarden_access.district.desk.acts.paper_forms import signers_of
from reelwarden_access.district.desk.acts.recording import what_was_watched
from reelwarden_access.district.desk.acts.releasing import building, export_digest
from reelwarden_access.district.desk.application import (
    SWEEPS_THAT_ASK,
    Actor,
    Application,
    Declaration,
    Status,
    Supervision,
)
from reelwarden_access.district.desk.attachment import check_adding
from reelwarden_access.district.desk.attachment_shown import AttachmentShown, EarlierFormShown
from reelwarden_access.district.desk.awaiting import awaited
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.paper_form import PaperForm, check_review, check_reviewed
from reelwarden_access.district.desk.shown import (
    ApplicationShort,
    ApplicationShown,
    CombinedShown,
    ExportShown,
    HoldShown,
    PaperShown,
    RecordShown,
    ReleaseShown,
    SignatureShown,
    SignedActShown,
    StillTakenShown,
    SupervisionShown,
    ViewingShown,
    WatchedShown,
    short,
)
from reelwarden_access.district.desk.tables.combined import Combined
from reelwarden_access.district.desk.tables.footage import Export
from reelwarden_access.district.desk.tables.retrievals import Release
from reelwarden_access.district.desk.wanted import MOST_IN_A_TABLE, Wanted
from reelwarden_common.district import PersonRole
from reelwarden_common.web import Denied, Wrong
from reelwarden_common.web.text import N_, Text

VIEWS = ("mine", "approve", "supervise", "retrieve", "all")
_SEES_ALL = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.AUDITOR, PersonRole.DISTRICT_OFFICER)
_WHO = {
    "approve": domain.MAY_DECIDE,
    "supervise": (PersonRole.SAFETY,),
    "retrieve": (PersonRole.RETRIEVER,),
    "all": _SEES_ALL,
}
_STATUSES = {
    "approve": {Status.FILED},
    "supervise": {Status.APPROVED, Status.READY, Status.RETRIEVED, Status.RELEASED, Status.RECORDED},
    "retrieve": {Status.APPROVED, Status.READY, Status.RETRIEVED, Status.RELEASED},
}


def passes(check: Callable[[], object]) -> bool:
    """Whether a rule lets it pass now: what buttons are for."""
    try:
        check()
    except (Denied, Wrong):
        return False
    return True


def schools_of(work: Work, *roles: PersonRole) -> list[str]:
    """The schools where somebody has one of the roles; the district's roles count at all."""
    return [s.id for s in work.config.schools if work.who.holds(s.id, *roles)]


async def listed(work: Work, view: str, wanted: Wanted) -> list[ApplicationShort]:
    """My applications, or those that wait for me in one of my roles."""
    if view == "mine":
        actor = await work.actor("district")
        found = await work.store.applications.listed(
            filer=actor.id, schools=None, statuses=list(Status), wanted=wanted
        )
    else:
        schools = schools_of(work, *_WHO[view])
        if not schools:
            raise Denied("no_right", Text(N_("Your account has no right to this (R3.3).")), "R3.3")
        statuses = _STATUSES.get(view, set(Status))
        asked = wanted.all_at_once(MOST_IN_A_TABLE) if view == "approve" else wanted
        found = await work.store.applications.listed(
            filer=None, schools=schools, statuses=statuses, wanted=asked
        )
    found = [work.at_school(application) for application in found]
    actors = {school: await work.actor(school) for school in {a.school for a in found}}
    if view == "approve":
        found = [a for a in found if passes(partial(domain.check_decision, a, actors[a.school]))]
        found = found[wanted.skip : wanted.skip + wanted.most]
    return [_short(work, application) for application in found]


def _short(work: Work, application: Application) -> ApplicationShort:
    name = work.config.school(application.school).name
    return ApplicationShort(**short(application, domain.approvals_needed(application), name))


async def show(work: Work, application_id: str) -> ApplicationShown:
    """One application, to those who have to do with it.

    Raises:
        Denied: it is none of theirs (R3.3).
    """
    application = await work.load(application_id)
    actor = await work.actor(application.school)
    domain.check_reading(application, actor)
    row = await work.store.applications.row(application.id)
    sheet = await work.store.paper_forms.of_application(application.id)
    table = work.store.retrievals
    supervision = await table.supervision(application.id, work.now)
    record = await _record(work, application)
    release = await table.release(application.id)
    export = await work.store.exports.of(application.id)
    combined = await work.store.combined.of(application.id)
    may = await _may(work, application, actor, sheet)
    kept = short(
        application, domain.approvals_needed(application), work.config.school(application.school).name
    )
    columns = ("form", "filed_at", "valid_until", "use_by", "declaration")
    return ApplicationShown(
        **kept,
        **{name: row[name] for name in (*columns, "declaration_note", "outcome")},
        digest=application.form_digest,
        signatures=[
            SignatureShown.of(s)
            for s in await work.store.applications.signatures(application.id, "application")
        ],
        holds=[HoldShown.of(hold) for hold in await work.store.holds.of(application.id)],
        export=ExportShown(
            ready_at=export.ready_at,
            files=list(export.files),
            gaps=list(export.gaps),
            sources=list(export.sources),
            problem=export.problem,
        )
        if export
        else None,
        supervision=await _supervision(work, supervision),
        viewings=[ViewingShown(**v) for v in await table.viewings(application.id)],
        watched=[WatchedShown(**asdict(one)) for one in await what_was_watched(work, application)],
        stills=[StillTakenShown(**asdict(s)) for s in await work.store.supervised.stills(application.id)],
        release=ReleaseShown(
            recipient=release.recipient,
            medium=release.medium,
            package=release.digest or "",
            size=release.size or 0,
            released_at=release.released_at,
            handed_over_at=release.handed_over_at,
        )
        if release and release.released_at
        else None,
        record=record,
        combined=[CombinedShown(**asdict(one)) for one in combined],
        attachments=[AttachmentShown.of(one) for one in await work.store.attachments.of(application.id)],
        earlier_forms=EarlierFormShown.of(await work.store.attachments.earlier(application.id)),
        paper=_paper(work, sheet),
        waits=await awaited(work, application, actor),
        may=may,
        to_sign={
            act: digest
            for act, digest in _to_sign(application, export, release, combined, sheet).items()
            if act in may
        },
        acts=[SignedActShown.of(one) for one in await work.store.signed_acts.of(application.id)],
    )


def _to_sign(
    application: Application,
    export: Export | None,
    release: Release | None,
    combined: Sequence[Combined],
    sheet: PaperForm | None,
) -> dict[str, str]:
    shown = {
        "release": to_sign.release(application, export_digest(export)),
        "declare": to_sign.declaration(application, release.digest or "" if release else ""),
        "review_parts": to_sign.review_parts(application, [(one.name, one.parts) for one in combined]),
        "review_paper": to_sign.review_paper(application, sheet.name if sheet else ""),
        "stop_release": to_sign.stop_release(application),
    }
    return {act: to_sign.digest_of_form(what) for act, what in shown.items()}


async def _supervision(work: Work, found: Supervision | None) -> SupervisionShown | None:
    if found is None:
        return None
    there = [one.name for one in await work.store.supervised.presences(found.id) if one.left_at is None]
    return SupervisionShown(id=found.id, name=found.name, unit=found.unit, present=there, until=found.until)


async def _record(work: Work, application: Application) -> RecordShown | None:
    record = await work.store.retrievals.record(application.id)
    if record is None:
        return None
    signatures = await work.store.applications.signatures(application.id, "record")
    signed = {s.capacity for s in signatures}
    return RecordShown(
        form=record.form,
        digest=record.digest,
        filled_at=record.filled_at,
        complete_at=record.complete_at,
        signatures=[SignatureShown.of(s) for s in signatures],
        missing=sorted(retrieval.RECORD_CAPACITIES - signed),
    )


def _paper(work: Work, sheet: PaperForm | None) -> PaperShown | None:
    if sheet is None or sheet.entered_at is None:
        return None
    return PaperShown(
        number=sheet.name,
        entered_at=sheet.entered_at,
        review_by=sheet.entered_at + work.rules.paper_within,
        reviewed_at=sheet.reviewed_at,
        reviewer_name=sheet.reviewer_name,
        in_order=sheet.in_order,
        opinion=sheet.opinion,
    )


async def _may(work: Work, application: Application, actor: Actor, sheet: PaperForm | None) -> list[str]:
    """The acts that would not be refused now: what buttons are for."""
    table = work.store.retrievals
    supervision = await table.supervision(application.id, work.now)
    retrievers = await table.retrievers(application.id)
    record = await table.record(application.id)
    export = await work.store.exports.of(application.id)
    signed = {s.capacity for s in await work.store.applications.signatures(application.id, "record")}
    left = await work.store.departures.actors()
    version = await work.store.people.rules_version(work.now)
    trained = await work.store.people.trained(actor.id, version)
    release = await table.release(application.id)
    release_waits = await work.store.holds.release_waits(application.id, work.now)
    unreviewed = any(one.reviewed_at is None for one in await work.store.combined.of(application.id))
    name = application.applicant_name
    form = (await work.store.applications.row(application.id))["form"] if sheet else {}
    signers = await signers_of(work, form)

    def retrieve() -> None:
        retrieval.check_retriever(application, actor, supervision, trained=trained, now=work.now)

    def copy() -> None:
        retrieval.check_alone(taken=not building(release, work.now))
        retrieval.check_release(application, name)
        retrieve()

    def take() -> None:
        domain.check_status(application, Status.RELEASED)
        retrieval.check_handing_over(
            actor,
            release.retriever if release else "",
            done=bool(release and release.handed_over_at),
            supervised=supervision is not None,
        )

    def sign() -> None:
        domain.check_status(application, Status.RETRIEVED, Status.RELEASED)
        retrieval.signing_capacity(
            application,
            actor,
            record.retriever if record else "",
            record.supervisor if record else "",
            signed,
            left,
        )

    def close() -> None:
        retrieval.check_close(application, actor)
        check_reviewed(sheet)

    def supervise() -> None:
        retrieval.check_none_open(supervision)
        retrieval.check_supervision(application, actor, retrievers, [name])

    checks: dict[str, Callable[[], Any]] = {
        "decide": lambda: domain.check_decision(application, actor),
        "advise": lambda: domain.check_advice(application, actor, "-"),
        "attach": lambda: check_adding(application, actor),
        "withdraw": lambda: domain.check_withdrawal(application, actor),
        "export_again": lambda: retrieval.check_export_again(
            application, actor, failed=bool(export and export.problem)
        ),
        "supervise": supervise,
        "close_supervision": lambda: retrieval.check_closing(supervision, actor),
        "view": retrieve,
        "release": copy,
        "take": take,
        "record": lambda: retrieval.check_record(application, actor, retrievers, signed=bool(signed)),
        "declare": lambda: retrieval.check_declaration(application, actor, Declaration.RETURNED, "-"),
        "close": close,
        "review_paper": lambda: check_review(sheet, actor, signers),
        "review_parts": lambda: retrieval.check_parts_review(actor, waiting=unreviewed),
        "stop_release": lambda: extension.check_stop(actor, waiting=release_waits),
    }
    if record is not None:
        checks["sign"] = sign
    return [act for act, check in checks.items() if passes(check)]


async def check_school(work: Work, school: str) -> None:
    """R3.3: a school's footage is the business of those who have a role there."""
    if not work.who.holds(school, *PersonRole):
        raise Denied("no_right", Text(N_("Your account has no right to this (R3.3).")), "R3.3")


async def denials(work: Work) -> list[dict[str, Any]]:
    """Refused attempts at one's schools, for those who oversee them."""
    return await work.store.alarms.denials(_overseen(work))


async def lost(work: Work) -> list[dict[str, Any]]:
    """Lost segments at one's schools."""
    return await work.store.alarms.lost_segments(_overseen(work))


async def sweeps(work: Work) -> list[dict[str, Any]]:
    """Stopped sweeps at one's schools; `asks` where they wait for a confirmation."""
    schools = _overseen(work)
    return [
        sweep
        | {
            "asks": sweep["reason"] in SWEEPS_THAT_ASK and sweep["confirmed_at"] is None,
            "digest": to_sign.digest_of_form(to_sign.confirm_sweep(sweep)),
        }
        for sweep in await work.store.alarms.sweeps()
        if schools is None or sweep["school"] in schools
    ]


def _overseen(work: Work) -> list[str] | None:
    if work.who.holds("district", PersonRole.DISTRICT_OFFICER, PersonRole.DISTRICT_OPERATOR):
        return None
    schools = schools_of(work, PersonRole.SAFETY, PersonRole.LEADER, PersonRole.AUDITOR)
    if not schools:
        raise Denied("no_right", Text(N_("Your account has no right to this (R3.3).")), "R3.3")
    return schools
