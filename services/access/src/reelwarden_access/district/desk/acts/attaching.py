"""Papers: attached to a form before it is signed, added to a form that is then signed anew (R4.2)."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwarden_access.district.desk.acts.filing import iso
from reelwarden_access.district.desk.application import Actor
from reelwarden_access.district.desk.attachment import (
    Attachment,
    Limits,
    check_adding,
    check_adding_to_extension,
    check_sizes,
    check_waiting,
)
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.domain import MAY_APPLY, check_digest, check_reading, required
from reelwarden_access.district.desk.extension import check_reading as check_extension_reading
from reelwarden_access.district.desk.to_sign import as_written, digest_of_form
from reelwarden_common.district import PersonRole
from reelwarden_common.web.refusals import Denied, Missing
from reelwarden_common.web.text import N_, Text


@dataclass(frozen=True)
class Paper:
    """A file that came in and was looked at."""

    name: str
    media_type: str
    path: Path
    size: int


async def stage(work: Work, subject: str, papers: Sequence[Paper], limits: Limits) -> list[Attachment]:
    """Keep files for a form that is to be signed; returns all that wait, or are in it already."""
    table, owner = work.store.attachments, await work.store.people.actor_id(work.who.id)
    await work.store.people.one_at_a_time(owner)
    already = await table.of(subject, owner)
    fresh: list[tuple[str, Paper]] = []
    for paper in papers:
        with paper.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest not in {one.digest for one in already} | {known for known, _ in fresh}:
            fresh.append((digest, paper))
    if not fresh:
        return already
    await _check_adding(work, subject)
    check_sizes([(paper.name, paper.size) for _, paper in fresh], already, limits)
    for digest, paper in fresh:
        one = Attachment(
            id=uuid.uuid4().hex,
            subject=subject,
            owner=owner,
            name=paper.name,
            media_type=paper.media_type,
            size=paper.size,
            digest=digest,
            added_at=work.now,
        )
        with paper.path.open("rb") as file:
            await table.add(one, file)
    check_waiting(await table.weight_waiting(owner), limits)
    return await table.of(subject, owner)


async def _check_adding(work: Work, subject: str) -> None:
    """Whoever filed it, while nobody decided; of a form that is to be, whoever may file one."""
    if await work.store.applications.known(subject):
        application, actor = await work.lock(subject)
        check_adding(application, actor)
    elif await work.store.extensions.school_of(subject):
        extension, actor = await work.lock_extension(subject)
        check_adding_to_extension(extension, actor)
    elif not work.who.holds_somewhere(*MAY_APPLY, PersonRole.RECEPTION):
        raise Denied("no_right", Text(N_("Your account has no right to this (R3.3).")), "R3.3")


async def of_form(work: Work, subject: str) -> list[Attachment]:
    """One's own papers of a form, also those that wait."""
    return await work.store.attachments.of(subject, await work.store.people.actor_id(work.who.id))


async def forget(work: Work, subject: str, attachments: Sequence[str]) -> None:
    """Take papers back that wait; what was signed stays."""
    owner = await work.store.people.actor_id(work.who.id)
    for attachment in attachments:
        await work.store.attachments.forget(owner, subject, attachment)


async def add(work: Work, kind: str, name: str) -> str:
    """The filer signs an application or extension anew, with the papers that wait; returns its digest."""
    form, actor = await _open_form(work, kind, name)
    content = await _with_papers(work, name, form, actor)
    if work.own_key:
        check_digest(work.own_key["digest"], digest_of_form(as_written(content)))
    await work.store.attachments.sign(name, actor.id, work.now)
    content |= {"changed_at": iso(work.now)}
    digest = digest_of_form(content)
    await work.store.attachments.replace_form(kind, name, content, (digest, work.own_key), work.now)
    return digest


async def to_sign(work: Work, kind: str, name: str) -> str:
    """What the filer's own key signs: the form with the papers that wait."""
    form, actor = await _open_form(work, kind, name)
    return digest_of_form(as_written(await _with_papers(work, name, form, actor)))


async def _open_form(work: Work, kind: str, name: str) -> tuple[dict[str, Any], Actor]:
    """A form to which whoever asks may add."""
    if kind == "application":
        application, actor = await work.lock(name)
        check_adding(application, actor)
        return (await work.store.applications.row(name))["form"], actor
    extension, actor = await work.lock_extension(name)
    check_adding_to_extension(extension, actor)
    return (await work.store.extensions.form(name))[0], actor


async def _with_papers(work: Work, name: str, form: dict[str, Any], actor: Actor) -> dict[str, Any]:
    attached = await work.store.attachments.of(name, actor.id)
    required({N_("Files"): [one for one in attached if one.signed_at is None]})
    return form | {"attachments": [one.in_form for one in attached]}


async def readable(work: Work, kind: str, subject: str, attachment: str) -> Attachment:
    """A paper, for those who may read its form (R3.3)."""
    if kind == "application":
        application = await work.load(subject)
        check_reading(application, await work.actor(application.school))
    else:
        extension = await work.store.extensions.load(subject)
        check_extension_reading(extension, await work.actor(extension.school))
    found = [one for one in await work.store.attachments.of(subject) if one.id == attachment]
    if not found or found[0].erased_at is not None:
        raise Missing
    return found[0]
