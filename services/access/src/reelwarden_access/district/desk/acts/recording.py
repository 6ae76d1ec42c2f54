"""The record form, the use of a copy, the end (R4.3, R4.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reelwarden_access.district.desk import domain, retrieval
from reelwarden_access.district.desk.acts.filing import end, iso
from reelwarden_access.district.desk.acts.signing import Signed, keep_signature
from reelwarden_access.district.desk.application import (
    Actor,
    Application,
    Capacity,
    Declaration,
    Signature,
    Status,
    Supervision,
)
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.domain import MAY_APPLY
from reelwarden_access.district.desk.paper_form import check_reviewed
from reelwarden_access.district.desk.tables.retrievals import Record
from reelwarden_access.district.desk.tables.supervised import Still
from reelwarden_access.district.desk.to_sign import declaration as declaration_to_sign
from reelwarden_access.district.desk.to_sign import digest_of_form
from reelwarden_access.district.desk.watched import Watched, watched
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import ApplicationClosed, Manner, RecordSigned, UseDeclared
from reelwarden_common.web.refusals import Missing


@dataclass(frozen=True)
class RecordDraft:
    """What the operator fills in; the rest of the form is known."""

    content: str
    outcome: str
    copies: int = 1


async def fill(work: Work, application_id: str, draft: RecordDraft) -> Record:
    """Fill in the retrieval record form; may be done again until somebody has signed it."""
    application, actor = await work.lock(application_id)
    table = work.store.retrievals
    signed = await work.store.applications.signatures(application.id, "record")
    retrieval.check_record(application, actor, await table.retrievers(application.id), signed=bool(signed))
    retrieval.check_record_fields(draft.content, draft.outcome)
    supervision, what = await _what_happened(work, application, actor)
    row = await work.store.applications.row(application.id)
    asked = row["form"]
    form = {
        "kind": "record",
        "application_number": application.number,
        "application_digest": application.form_digest,
        "school": asked["school"],
        "applicant": {"name": asked["applicant"]["name"], "unit": asked["applicant"]["unit"]},
        "purpose": asked["reason"],
        "content": draft.content.strip(),
        "cameras": asked["cameras"],
        "start": asked["start"],
        "end": asked["end"],
        "operator": {"name": actor.name, "unit": actor.unit},
        "supervisor": {"name": supervision.name, "unit": supervision.unit},
        "present": await work.store.supervised.present_at(application.id),
        "outcome": draft.outcome.strip(),
        "filled_at": iso(work.now),
        **what,
    }
    if combined := await work.store.combined.of(application.id):
        form["combined"] = [{"name": one.name, "parts": list(one.parts)} for one in combined]
    if application.manner is Manner.COPY:
        form["copies"] = draft.copies
    record = Record(
        application=application.id,
        form=form,
        digest=digest_of_form(form),
        retriever=actor.id,
        supervisor=supervision.supervisor,
        filled_at=work.now,
        complete_at=None,
    )
    await table.fill_record(record)
    return record


async def _what_happened(
    work: Work, application: Application, actor: Actor
) -> tuple[Supervision, dict[str, Any]]:
    """The supervision, and what the form says of viewing or copy."""
    table = work.store.retrievals
    export = await work.store.exports.of(application.id)
    seen = {
        "gaps": [g.model_dump(mode="json") for g in export.gaps] if export else [],
        "watched": [_stretch(one) for one in await what_was_watched(work, application)],
        "stills": [_still(one) for one in await work.store.supervised.stills(application.id)],
    }
    if application.manner is Manner.COPY:
        release = await table.release(application.id)
        if release is None or release.released_at is None:
            raise Missing
        return await table.supervision_by_id(release.supervision), {
            "retrieved_at": iso(release.released_at),
            **seen,
            "copied": True,
            "medium": release.medium,
            "package": release.digest,
            "recipient": release.recipient,
            "use_by": iso(application.use_by) if application.use_by else None,
        }
    viewings = [v for v in await table.viewings(application.id) if v["retriever"] == actor.id]
    return await table.supervision_by_id(viewings[-1]["supervision"]), {
        "retrieved_at": iso(viewings[0]["started_at"]),
        **seen,
        "copied": False,
    }


async def what_was_watched(work: Work, application: Application) -> list[Watched]:
    """The stretches of footage that were played, and the files of which bytes went out untold."""
    table = work.store.supervised
    export = await work.store.exports.of(application.id)
    return watched(
        await table.marks(application.id),
        await table.fetched(application.id),
        export.files if export else (),
    )


def _stretch(one: Watched) -> dict[str, Any]:
    """As it stands in the form."""
    return {
        "camera": one.camera or one.file,
        "start": iso(one.start) if one.start else None,
        "end": iso(one.end) if one.end else None,
        "played": one.played,
    }


def _still(one: Still) -> dict[str, Any]:
    """As it stands in the form: what it shows, and the digest by which it is known."""
    return {
        "camera": one.camera or one.file,
        "shown_at": iso(one.shown_at) if one.shown_at else None,
        "position_ms": one.position_ms,
        "digest": one.digest,
    }


async def sign(work: Work, application_id: str, digest: str) -> Record:
    """Sign the record; with the last signature it is complete."""
    application, actor = await work.lock(application_id)
    table = work.store.retrievals
    record = await table.record(application.id)
    if record is None:
        raise Missing
    signed = {s.capacity for s in await work.store.applications.signatures(application.id, "record")}
    parties = (record.retriever, record.supervisor)
    left = await work.store.departures.actors()
    capacity = retrieval.signing_capacity(application, actor, *parties, signed, left)
    domain.check_digest(digest, record.digest)
    signature = _signature(work, application, actor, (capacity, digest))
    if actor.id not in (*parties, application.filer):
        signature = replace(
            signature,
            role=PersonRole.SAFETY.value,
            on_behalf_of=_name_of(work, application, record, capacity, left),
        )
    await work.store.applications.sign(application.id, signature)
    complete = signed | {capacity} >= retrieval.RECORD_CAPACITIES
    if complete:
        await table.complete_record(application.id, work.now)
        await work.store.applications.update(application.id, status=Status.RECORDED)
    work.store.publish(
        application.school,
        RecordSigned(
            application=application.id,
            form_digest=record.digest,
            signer=actor.id,
            capacity=capacity,
            complete=complete,
        ),
    )
    return record


def _name_of(
    work: Work, application: Application, record: Record, capacity: Capacity, left: Mapping[str, str]
) -> str:
    """Of whoever left before they signed."""
    whose = {
        Capacity.RETRIEVER: record.retriever,
        Capacity.SUPERVISOR: record.supervisor,
        Capacity.RECIPIENT: application.filer,
    }[capacity]
    account = left[whose]
    return next((one.name for one in work.config.people if one.id == account), account)


def _signature(work: Work, application: Application, actor: Actor, what: tuple[Capacity, str]) -> Signature:
    capacity, digest = what
    attests = capacity is Capacity.RECIPIENT and application.outsider is not None
    return Signature(
        form="record",
        capacity=capacity,
        signer=actor.id,
        name=actor.name,
        unit=actor.unit,
        role=retrieval.role_in(actor, capacity),
        digest=digest,
        signed_at=work.now,
        on_behalf_of=application.applicant_name if attests else None,
        own_key=work.own_key,
    )


async def declare(
    work: Work, application_id: str, declaration: Declaration, note: str, signed: Signed
) -> Application:
    """The recipient says what became of the copy, and signs it."""
    application, actor = await work.lock(application_id)
    retrieval.check_declaration(application, actor, declaration, note)
    release = await work.store.retrievals.release(application.id)
    shown = declaration_to_sign(application, release.digest or "" if release else "")
    roles = (PersonRole.RECEPTION, PersonRole.SAFETY, *MAY_APPLY)
    await keep_signature(work, actor, application.id, shown, signed, roles)
    await work.store.applications.update(
        application.id, declaration=declaration, declaration_note=note.strip()
    )
    work.store.publish(application.school, UseDeclared(application=application.id, declaration=declaration))
    return application


async def close(work: Work, application_id: str) -> Application:
    """Everything is done and signed."""
    application, actor = await work.lock(application_id)
    outcome = retrieval.check_close(application, actor)
    check_reviewed(await work.store.paper_forms.of_application(application.id))
    await end(work.store, application, Status.CLOSED, work.now, outcome)
    work.store.publish(
        application.school,
        ApplicationClosed(application=application.id, version=application.version + 1, outcome=outcome),
    )
    return application
