"""Keeping footage for longer: filing, deciding, reviewing, ending, and stopping a release (R3.1)."""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk import domain, extension, to_sign
from reelwarden_access.district.desk.acts.filing import (
    Decision,
    cameras_of,
    iso,
    papers_in_form,
    papers_waiting,
)
from reelwarden_access.district.desk.acts.signing import Signed, keep_signature
from reelwarden_access.district.desk.application import Actor, Capacity, Signature
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.extension import Extension, ExtensionDraft, ExtensionStatus
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.tables.extensions import SignedStep
from reelwarden_access.district.desk.to_sign import digest_of_form
from reelwarden_common.events.access import (
    ExtensionEnded,
    ExtensionFiled,
    ExtensionGranted,
    ReleaseStopped,
)
from reelwarden_common.events.base import CameraSpan

_REOPENED = {"achieved": ExtensionStatus.GRANTED}
"""What an ended extension is again once its release was stopped; else it waits for a decision."""


async def file(work: Work, draft: ExtensionDraft) -> Extension:
    """Ask to keep footage for longer; it is held at once. Sent again, it is the one that was filed."""
    store, school = work.store, work.config.school(draft.school)
    actor = await work.actor(school.id)
    await store.people.one_at_a_time(actor.id)
    if draft.id is not None and await store.extensions.school_of(draft.id):
        filed = await store.extensions.load(draft.id)
        extension.check_reading(filed, actor)
        return filed
    role = extension.check_filing(actor, draft, work.rules, work.now)
    content = _content(work, actor, draft) | await papers_in_form(store, draft.id, actor.id, work.now)
    if work.own_key:
        domain.check_digest(work.own_key["digest"], digest_of_form(content))
    year = work.now.astimezone(ZoneInfo(work.config.time_zone)).year
    number = await store.applications.next_number(school.id, year)
    form = {"number": number, "filed_at": iso(work.now), **content}
    filed = Extension(
        id=draft.id or uuid.uuid4().hex,
        number=number,
        school=school.id,
        source=draft.source,
        status=ExtensionStatus.FILED,
        version=1,
        cameras=draft.cameras,
        start=draft.start,
        end=draft.end,
        until=draft.until,
        filer=actor.id,
        form_digest=digest_of_form(form),
        decide_by=work.now + work.rules.decide_within,
    )
    await store.extensions.add(filed, form, work.now)
    signature = _signature(work, actor, Capacity.APPLICANT, role, filed.form_digest)
    await store.extensions.sign(filed.id, SignedStep(1, signature, filed.until))
    store.publish(
        school.id,
        ExtensionFiled(
            extension=filed.id,
            version=1,
            number=filed.number,
            source=filed.source,
            spans=tuple(CameraSpan(camera=c, start=filed.start, end=filed.end) for c in filed.cameras),
            purpose=filed.source.value,
            applicant=actor.id,
            until=filed.until,
        ),
    )
    return filed


async def content_to_sign(work: Work, draft: ExtensionDraft) -> str:
    """What the applicant's own key signs: the form but for what it gets when it is filed."""
    actor = await work.actor(draft.school)
    papers = await papers_waiting(work.store, draft.id, actor.id)
    return digest_of_form(_content(work, actor, draft) | papers)


def _content(work: Work, actor: Actor, draft: ExtensionDraft) -> dict[str, Any]:
    school = work.config.school(draft.school)
    return {
        "kind": "extension",
        "school": {"id": school.id, "name": school.name},
        "applicant": {"name": actor.name, "unit": actor.unit},
        "source": draft.source.value,
        "case_number": draft.case_number,
        "reason": draft.reason,
        "cameras": [{"id": c.id, "name": c.name, "place": c.place} for c in cameras_of(work.config, draft)],
        "start": iso(draft.start),
        "end": iso(draft.end),
        "until": iso(draft.until),
    }


async def approve(work: Work, name: str, decision: Decision) -> Extension:
    """The safety department signs that the footage is kept until the date of the form."""
    found, actor = await work.lock_extension(name)
    role = extension.check_decision(found, actor)
    domain.check_digest(decision.digest, found.form_digest)
    signature = _signature(work, actor, Capacity.APPROVER, role, found.form_digest, decision.opinion)
    await _granted(work, found, signature, found.until)
    return found


async def review(work: Work, name: str, decision: Decision, until: datetime) -> Extension:
    """The safety department looked again: the purpose stands, until another date."""
    found, actor = await work.lock_extension(name)
    role = extension.check_review(found, actor, until, work.rules, work.now)
    domain.check_digest(decision.digest, found.form_digest)
    domain.check_opinion(decision.opinion)
    digest = digest_of_step(found, "review", until)
    signature = _signature(work, actor, Capacity.REVIEWER, role, digest, decision.opinion)
    await _granted(work, found, signature, until)
    return found


async def reject(work: Work, name: str, decision: Decision) -> Extension:
    """The safety department signs that it is not kept; the release waits, so that one may appeal."""
    found, actor = await work.lock_extension(name)
    role = extension.check_decision(found, actor)
    domain.check_digest(decision.digest, found.form_digest)
    domain.check_opinion(decision.opinion)
    signature = _signature(work, actor, Capacity.APPROVER, role, found.form_digest, decision.opinion)
    await work.store.extensions.sign(found.id, SignedStep(found.version + 1, signature, None))
    await _ended(work.store, found, "rejected", actor.id)
    return found


async def finish(work: Work, name: str, decision: Decision) -> Extension:
    """Its purpose is achieved: the footage goes by its ordinary day again (条例 art. 17)."""
    found, actor = await work.lock_extension(name)
    role = extension.check_ending(found, actor)
    domain.check_digest(decision.digest, found.form_digest)
    domain.check_opinion(decision.opinion)
    digest = digest_of_step(found, "end", None)
    signature = _signature(work, actor, Capacity.REVIEWER, role, digest, decision.opinion)
    await work.store.extensions.sign(found.id, SignedStep(found.version + 1, signature, None))
    await _ended(work.store, found, "achieved", actor.id)
    return found


async def withdraw(work: Work, name: str) -> Extension:
    """Whoever filed it thinks better of it."""
    found, actor = await work.lock_extension(name)
    extension.check_withdrawal(found, actor)
    await _ended(work.store, found, "withdrawn", actor.id)
    return found


async def stop_release(work: Work, name: str, signed: Signed) -> Extension:
    """Take a waiting release back: what had been granted is so again, all else is to be decided anew."""
    found, actor = await work.lock_extension(name)
    waits = await work.store.holds.release_waits(found.id, work.now)
    extension.check_stop(actor, waiting=waits)
    shown = to_sign.stop_release(found)
    await keep_signature(work, actor, found.id, shown, signed, extension.STOPPERS)
    version = found.version + 1
    status = _REOPENED.get(found.outcome or "", ExtensionStatus.FILED)
    await work.store.extensions.reopen(found, status, version, work.now + work.rules.decide_within)
    work.store.publish(found.school, ReleaseStopped(cause=found.id, version=version, actor=actor.id))
    return found


async def stop_release_of_application(work: Work, name: str, signed: Signed) -> None:
    """The same for an application that is over: its footage stays held until its end date."""
    found, actor = await work.lock(name)
    waits = await work.store.holds.release_waits(found.id, work.now)
    extension.check_stop(actor, waiting=waits)
    shown = to_sign.stop_release(found)
    await keep_signature(work, actor, found.id, shown, signed, extension.STOPPERS)
    version = found.version + 1
    await work.store.applications.update(found.id, version=version)
    work.store.publish(found.school, ReleaseStopped(cause=found.id, version=version, actor=actor.id))


async def end_by_time(store: DeskStore, now: datetime) -> None:
    """End what was not decided in time; say what has passed its end date (its hold lapses by itself)."""
    for found in await store.extensions.may_end(now):
        outcome = extension.outcome_by_time(found, now)
        if outcome == "over":
            await store.extensions.change(found, ExtensionStatus.OVER, outcome=outcome)
        elif outcome is not None:
            await _ended(store, found, outcome, None)


def digest_of_step(found: Extension, kind: str, until: datetime | None) -> str:
    """What a later step signs: the form that was filed, and what the step adds to it."""
    step: dict[str, Any] = {"kind": kind, "number": found.number, "form": found.form_digest}
    return digest_of_form(step | ({"until": iso(until)} if until else {}))


async def _granted(work: Work, found: Extension, signature: Signature, until: datetime) -> None:
    version = found.version + 1
    await work.store.extensions.sign(found.id, SignedStep(version, signature, until))
    await work.store.extensions.change(found, ExtensionStatus.GRANTED, until=until, version=version)
    work.store.publish(
        found.school,
        ExtensionGranted(
            extension=found.id,
            version=version,
            signer=signature.signer,
            form_digest=signature.digest,
            review=signature.capacity is Capacity.REVIEWER,
            until=until,
        ),
    )


async def _ended(store: DeskStore, found: Extension, reason: str, by: str | None) -> None:
    version = found.version + 1
    await store.extensions.change(found, ExtensionStatus.ENDED, outcome=reason, version=version)
    store.publish(found.school, ExtensionEnded(extension=found.id, version=version, reason=reason, by=by))


def _signature(
    work: Work, actor: Actor, capacity: Capacity, role: str, digest: str, opinion: str = ""
) -> Signature:
    return Signature(
        form="extension",
        capacity=capacity,
        signer=actor.id,
        name=actor.name,
        unit=actor.unit,
        role=role,
        digest=digest,
        signed_at=work.now,
        opinion=opinion,
        own_key=work.own_key,
    )
