"""The desk's pages: the same acts as the API, for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from markdown_it import MarkdownIt

from reelwarden_access.district.desk import waiting, words
from reelwarden_access.district.desk.acts.knowing import MAY_LOOK
from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.api.retrieving import opened
from reelwarden_access.district.desk.api.streaming import package
from reelwarden_access.district.desk.application import Status
from reelwarden_access.district.desk.apply_pages import written
from reelwarden_access.district.desk.attachment_beside import papers_beside
from reelwarden_access.district.desk.bodies import Confirming
from reelwarden_access.district.desk.departure_office import MAY_END
from reelwarden_access.district.desk.deputy_office import MAY_NAME
from reelwarden_access.district.desk.domain import MAY_APPLY, MAY_DECIDE, MAY_READ
from reelwarden_access.district.desk.office import Office
from reelwarden_access.district.desk.page_acts import ACTS
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_access.district.desk.page_words import WORDS
from reelwarden_access.district.desk.retrieval import ViewingOver
from reelwarden_common.district import PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.ingest import CoverageQuery
from reelwarden_common.web import Person, Section, SignedIn, Web
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.signing.key_pages import own_key_ids
from reelwarden_common.web.text import N_

_OVERSEE = (
    PersonRole.LEADER,
    PersonRole.SAFETY,
    PersonRole.AUDITOR,
    PersonRole.DISTRICT_OFFICER,
    PersonRole.DISTRICT_OPERATOR,
)
_ALL = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.AUDITOR, PersonRole.DISTRICT_OFFICER)
SECTIONS = (
    Section("/", N_("My applications")),
    Section("/apply", N_("Apply"), MAY_APPLY),
    Section("/reception", N_("Reception"), (PersonRole.RECEPTION,)),
    Section("/approve", N_("To approve"), MAY_DECIDE),
    Section("/supervise", N_("To supervise"), (PersonRole.SAFETY,)),
    Section("/retrieve", N_("Retrieve"), (PersonRole.RETRIEVER,)),
    Section("/all", N_("All applications"), _ALL),
    Section("/extensions", N_("Kept longer"), (*MAY_APPLY, PersonRole.AUDITOR, PersonRole.DISTRICT_OFFICER)),
    Section("/alarms", N_("Alarms"), _OVERSEE),
    Section("/training", N_("Rules and training")),
    Section("/people", N_("People"), MAY_END),
    Section("/deputies", N_("Deputies"), MAY_NAME),
    Section("/keys", N_("My keys")),
)
_FORMS = frozenset(
    {
        "decide",
        "advise",
        "supervise",
        "view",
        "release",
        "record",
        "sign",
        "declare",
        "withdraw",
        "stop_release",
        "review_parts",
        "attach",
        "review_paper",
    }
)
"""The acts that have a place of their own on an application's page: there they tell their refusal."""
REFRESH_SECONDS = 10
"""How often a page that waits for something loads again."""
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
"""Markup that is no Markdown is shown as it is written."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class RefusedAct:
    """What a button did not do: with what was written beside it (never a password), and why."""

    act: str
    form: Mapping[str, Any]
    why: WebRefusal


def _web(request: Request) -> Web:
    web: Web = request.app.state.web
    return web


Pages = Annotated[Web, Depends(_web)]


@router.get("/applications/{application}")
async def application_page(request: Request, office: At, person: SignedIn, application: str) -> Response:
    """One application, with what may be done next."""
    return await render_application(request, office, person, application)


async def render_application(
    request: Request, office: Office, person: Person, application: str, refused: RefusedAct | None = None
) -> Response:
    """An application's page, with what was refused on it."""
    shown = await office.show(person, application)
    coverage = None
    if shown.status in (Status.FILED, Status.APPROVED):
        coverage = await office.coverage(
            person, CoverageQuery(school=shown.school, start=shown.start, end=shown.end)
        )
    at_form = refused is not None and refused.act in _FORMS and refused.act in shown.may
    papers = await papers_beside(request, person, shown.id, shown.may)
    renews = (
        refused is None
        and not papers["adding_papers"]
        and waiting.renews([wait.what for wait in shown.waits], shown.may)
    )
    values = {
        "a": shown,
        **papers,
        "coverage": [c for c in coverage.cameras if c.camera in shown.cameras] if coverage else None,
        "asked_index": shown.status in (Status.FILED, Status.APPROVED),
        "camera_names": {c["id"]: c["name"] for c in shown.form["cameras"]},
        "refused": refused if at_form else None,
        "given": refused.form if refused else {},
        "problem": refused.why.text if refused and not at_form else None,
        "renews": renews,
        "own_keys": await own_key_ids(request, person),
        "longest": int(office.rules.supervise_at_most.total_seconds() // 60),
        "renewing": REFRESH_SECONDS if renews and request.query_params.get("renew") != "no" else 0,
        "overdue": bool(shown.use_by and not shown.declaration and shown.use_by < office.now()),
        **WORDS,
    }
    status = refused.why.status if refused else 200
    return _web(request).render(request, "application.html", values, status)


@router.post("/applications/{application}/package")
async def take_package(request: Request, office: At, person: SignedIn, application: str) -> Response:
    """The released copy; a refusal is told above the application."""
    try:
        return await package(office, person, application)
    except WebRefusal as refusal:
        return await render_application(request, office, person, application, RefusedAct("take", {}, refusal))


@router.get("/applications/{application}/{act}")
async def back(request: Request, application: str, act: str) -> Response:  # noqa: ARG001 - the address's
    """A refusal stands at its button's address; asked for anew (in the other language), the page is meant."""
    return RedirectResponse(f"/applications/{application}?{request.url.query}", status_code=303)


@router.post("/applications/{application}/{act}")
async def act_on(request: Request, office: At, person: SignedIn, application: str, act: str) -> Response:
    """Do what a button says; a refusal is told above its form, which keeps what was written."""
    sent = await request.form()
    form = written(sent)
    try:
        where = await ACTS[act](office, person, application, form | {"password": sent.get("password", "")})
    except WebRefusal as refusal:
        return await render_application(request, office, person, application, RefusedAct(act, form, refusal))
    return RedirectResponse(where or f"/applications/{application}#content", status_code=303)


@router.get("/viewings/{viewing}")
async def viewing_page(request: Request, office: At, person: SignedIn, viewing: str) -> Response:
    """The player, with the gaps stated above it; once it is over, the application says so."""
    try:
        found, export = await office.viewing(person, viewing)
    except ViewingOver as over:
        refused = RefusedAct("watch", {}, over)
        return await render_application(request, office, person, over.application, refused)
    shown = await office.show(person, found.application)
    values = {
        "a": shown,
        "viewing": opened(found, export),
        "gaps": export.gaps,
        "zone": office.config.time_zone,
        "camera_names": {c["id"]: c["name"] for c in shown.form["cameras"]},
    }
    return _web(request).render(request, "viewing.html", values)


@router.post("/viewings/{viewing}/stop")
async def stop_viewing(office: At, person: SignedIn, viewing: str) -> Response:
    """Close the footage."""
    stopped = await office.stop_viewing(person, viewing)
    return RedirectResponse(f"/applications/{stopped.application}", status_code=303)


@router.get("/alarms")
async def alarms(request: Request, office: At, person: SignedIn) -> Response:
    """Stopped sweeps, lost segments, refused attempts."""
    return await _alarms(request, office, person)


async def _alarms(
    request: Request, office: Office, person: Person, problem: WebRefusal | None = None
) -> Response:
    found: dict[str, Sequence[Any]] = {
        kind: await office.alarms(person, kind) for kind in ("sweeps", "lost", "denials")
    }
    values = {
        **found,
        "may_confirm": person.holds("district", PersonRole.DISTRICT_OFFICER),
        "may_restore": {
            s.id
            for s in office.config.schools
            if person.holds(s.id, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
        },
        "may_read": {s.id for s in office.config.schools if person.holds(s.id, *MAY_READ)},
        "act_words": words.ACT_WORDS,
        "refusal_words": words.REFUSAL_WORDS,
        "sweep_words": words.SWEEP_WORDS,
        "school_names": {s.id: s.name for s in office.config.schools} | {DISTRICT_SCHOOL: office.config.name},
        "names": {one.id: one.name for one in _web(request).people.all()},
        "problem": problem.text if problem else None,
        "own_keys": await own_key_ids(request, person),
    }
    return _web(request).render(request, "alarms.html", values, problem.status if problem else 200)


@router.post("/alarms/{kind}/{item}")
async def act_on_alarm(request: Request, office: At, person: SignedIn, kind: str, item: str) -> Response:
    """Confirm a sweep, or have a segment restored."""
    form = await request.form()
    try:
        if kind == "sweeps":
            body = taken(Confirming, {k: v for k, v in form.items() if isinstance(v, str)})
            await office.confirm_sweep(person, item, body.signed)
        else:
            await office.ask_restore(person, item)
    except WebRefusal as refusal:
        return await _alarms(request, office, person, refusal)
    return RedirectResponse("/alarms", status_code=303)


@router.get("/training")
async def training(request: Request, office: At, person: SignedIn) -> Response:
    """The rules in force, to be acknowledged."""
    found = await office.training(person)
    values = {
        "training": found,
        "rules": _MARKDOWN.render(found.text) if found.text else None,
        "may_look": person.holds_somewhere(*MAY_LOOK),
    }
    return _web(request).render(request, "training.html", values)


@router.post("/training")
async def acknowledge(office: At, person: SignedIn) -> Response:
    """I know them and was trained."""
    await office.acknowledge_training(person)
    return RedirectResponse("/training", status_code=303)
