"""Extensions of retention as people and programs see them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from reelwarden_access.district.desk import extension
from reelwarden_access.district.desk.application import Actor
from reelwarden_access.district.desk.attachment import check_adding_to_extension
from reelwarden_access.district.desk.attachment_shown import AttachmentShown, EarlierFormShown
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.domain import MAY_READ
from reelwarden_access.district.desk.extension import Extension, ExtensionStatus
from reelwarden_access.district.desk.reading import passes, schools_of
from reelwarden_access.district.desk.shown import HoldShown, SignatureShown, SignedActShown
from reelwarden_access.district.desk.to_sign import digest_of_form, stop_release
from reelwarden_common.events.retention import HoldSource


class ExtensionShort(BaseModel):
    """An extension in a list."""

    id: str
    number: str
    school: str
    school_name: str
    source: HoldSource
    status: ExtensionStatus
    outcome: str | None
    cameras: list[str]
    start: datetime
    end: datetime
    until: datetime = Field(description="until when the footage is kept")
    applicant: str
    may: list[str] = Field(description="what whoever asks may do next")


class SignedStepShown(SignatureShown):
    """A signed step, and until when it has the footage kept."""

    until: datetime | None


class ExtensionShown(ExtensionShort):
    """An extension with all that belongs to it."""

    form: dict[str, Any] = Field(description="what is signed; `digest` is its SHA-256 (RFC 8785)")
    digest: str
    filed_at: datetime
    decide_by: datetime
    signatures: list[SignedStepShown]
    holds: list[HoldShown]
    to_sign: dict[str, str] = Field(description="by act: the digest of what is shown, to be signed")
    acts: list[SignedActShown] = Field(description="signed acts that have no form of their own")
    attachments: list[AttachmentShown]
    earlier_forms: list[EarlierFormShown] = Field(description="as they were signed before a file was added")


async def listed(work: Work) -> list[ExtensionShort]:
    """One's own, and those of the schools where one has to do with them; what ends soonest first."""
    me = await work.actor("district")
    found = await work.store.extensions.listed(filer=me.id, schools=schools_of(work, *MAY_READ))
    return [ExtensionShort(**await _short(work, one)) for one in found]


async def show(work: Work, name: str) -> ExtensionShown:
    """One extension, to those who have to do with it.

    Raises:
        Denied: it is none of theirs (R3.3).
    """
    found = await work.store.extensions.load(name)
    extension.check_reading(found, await work.actor(found.school))
    form, filed_at = await work.store.extensions.form(found.id)
    short = await _short(work, found)
    return ExtensionShown(
        **short,
        form=form,
        digest=found.form_digest,
        filed_at=filed_at,
        decide_by=found.decide_by,
        signatures=[
            SignedStepShown(**SignatureShown.of(step.signature).model_dump(), until=step.until)
            for step in await work.store.extensions.signatures(found.id)
        ],
        holds=[HoldShown.of(hold) for hold in await work.store.holds.of(found.id)],
        to_sign={"stop_release": digest_of_form(stop_release(found))}
        if "stop_release" in short["may"]
        else {},
        acts=[SignedActShown.of(one) for one in await work.store.signed_acts.of(found.id)],
        attachments=[AttachmentShown.of(one) for one in await work.store.attachments.of(found.id)],
        earlier_forms=EarlierFormShown.of(await work.store.attachments.earlier(found.id)),
    )


async def _short(work: Work, found: Extension) -> dict[str, Any]:
    form, _ = await work.store.extensions.form(found.id)
    actor = await work.actor(found.school)
    waits = await work.store.holds.release_waits(found.id, work.now)
    return {
        "id": found.id,
        "number": found.number,
        "school": found.school,
        "school_name": work.config.school(found.school).name,
        "source": found.source,
        "status": found.status,
        "outcome": found.outcome,
        "cameras": list(found.cameras),
        "start": found.start,
        "end": found.end,
        "until": found.until,
        "applicant": form["applicant"]["name"],
        "may": _may(found, actor, work.now, release_waits=waits),
    }


def _may(found: Extension, actor: Actor, now: datetime, *, release_waits: bool) -> list[str]:
    checks: dict[str, Callable[[], object]] = {
        "decide": lambda: extension.check_decision(found, actor),
        "review": lambda: extension.check_renewable(found, actor, now),
        "end": lambda: extension.check_ending(found, actor),
        "attach": lambda: check_adding_to_extension(found, actor),
        "withdraw": lambda: extension.check_withdrawal(found, actor),
        "stop_release": lambda: extension.check_stop(actor, waiting=release_waits),
    }
    return [act for act, check in checks.items() if passes(check)]
