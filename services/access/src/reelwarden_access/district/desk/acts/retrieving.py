"""Supervision and viewing (R4.3)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_access.district.desk import retrieval
from reelwarden_access.district.desk.acts.combining import note_parts
from reelwarden_access.district.desk.application import Actor, Application, Capacity, Status, Supervision
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.ranges import Span, parse_range
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.tables.footage import Export
from reelwarden_access.district.desk.tables.retrievals import Viewing
from reelwarden_common.events.access import ViewingStarted, ViewingStopped
from reelwarden_common.web.refusals import Missing

STREAMED = frozenset({"view", "still"})
"""Kinds of files that are shown; native segments leave in a package only."""


@dataclass(frozen=True)
class Watched:
    """Where the bytes lie that a player asked for."""

    bucket: str
    key: str
    size: int
    media_type: str
    span: Span | None
    """None: the range asked for lies outside the file."""


@dataclass(frozen=True)
class RangeAsked:
    """A player's request: which file of which viewing, and its `Range` header."""

    viewing: str
    file: str
    header: str | None


async def open_supervision(
    work: Work, application_id: str, present: Sequence[str], minutes: int | None = None
) -> Supervision:
    """The safety department is there for a set time, and says who else is."""
    application, actor = await work.lock(application_id)
    table = work.store.retrievals
    names = list(dict.fromkeys(name.strip() for name in present if name.strip()))
    retrieval.check_supervision(application, actor, await table.retrievers(application.id), names)
    lasting = retrieval.check_time(minutes, work.rules)
    unclosed = await table.unclosed_supervision(application.id)
    if unclosed is not None and unclosed.until <= work.now:
        await _end_supervision(work.store, application, unclosed, "supervision_lapsed", work.now)
        unclosed = None
    retrieval.check_none_open(unclosed)
    until = work.now + lasting
    supervision = Supervision(uuid.uuid4().hex, actor.id, actor.name, actor.unit, tuple(names), until)
    await table.open_supervision(supervision, application.id, names, work.now)
    await note_parts(work, application, actor, Capacity.SUPERVISOR)
    for name in names:
        await work.store.supervised.arrive(supervision.id, name, work.now)
    return supervision


async def close_supervision(work: Work, application_id: str) -> Supervision:
    """The supervisor leaves: whatever is open is closed with it."""
    application, actor = await work.lock(application_id)
    table = work.store.retrievals
    supervision = retrieval.check_closing(await table.unclosed_supervision(application.id), actor)
    await _end_supervision(work.store, application, supervision, "supervision_closed", work.now)
    return supervision


async def end_forgotten(store: DeskStore, now: datetime) -> int:
    """Close supervisions whose time is over: an empty chair supervises nothing; returns how many."""
    forgotten = await store.retrievals.supervisions_over(now)
    for application_id, supervision in forgotten:
        application = await store.applications.load(application_id)
        await _end_supervision(store, application, supervision, "supervision_lapsed", now)
    return len(forgotten)


async def end_those_of(store: DeskStore, supervisor: str, now: datetime) -> None:
    """Somebody left: nobody watches footage under their eyes any more (R4.3)."""
    for application_id, supervision in await store.retrievals.supervisions_by(supervisor):
        application = await store.applications.load(application_id)
        await _end_supervision(store, application, supervision, "supervisor_left", now)


async def end_with(store: DeskStore, application: Application, now: datetime) -> None:
    """The application is over: nobody supervises it, and nobody watches its footage any more (R4.3)."""
    supervision = await store.retrievals.unclosed_supervision(application.id)
    if supervision is not None:
        await _end_supervision(store, application, supervision, "application_over", now)
    await store.supervised.forget_pictures(application.id)


async def _end_supervision(
    store: DeskStore, application: Application, supervision: Supervision, reason: str, now: datetime
) -> None:
    for viewing in await store.retrievals.open_viewings(application.id):
        await _stop(store, application, viewing, (supervision.supervisor, reason, now))
    await store.supervised.leave(supervision.id, now)
    await store.retrievals.close_supervision(supervision.id, reason, now)


async def check_retrieval(work: Work, application: Application, actor: Actor) -> tuple[Supervision, Export]:
    """What viewing and release have in common: right, supervision, training, footage."""
    version = await work.store.people.rules_version(work.now)
    supervision = retrieval.check_retriever(
        application,
        actor,
        await work.store.retrievals.supervision(application.id, work.now),
        trained=await work.store.people.trained(actor.id, version),
        now=work.now,
    )
    export = await work.store.exports.of(application.id)
    if export is None or export.ready_at is None:
        raise Missing
    return supervision, export


async def start_viewing(work: Work, application_id: str) -> tuple[Viewing, Export]:
    """Open the footage under an open supervision."""
    application, actor = await work.lock(application_id)
    supervision, export = await check_retrieval(work, application, actor)
    table = work.store.retrievals
    for other in await table.open_viewings(application.id):
        await _stop(work.store, application, other, (actor.id, "opened_anew", work.now))
    until = supervision.until
    viewing = Viewing(
        uuid.uuid4().hex, application.id, supervision.id, actor.id, actor.name, work.now, None, until
    )
    await table.start_viewing(viewing, actor.unit)
    await note_parts(work, application, actor, Capacity.RETRIEVER)
    if application.status is Status.READY:
        await work.store.applications.update(application.id, status=Status.RETRIEVED)
    work.store.publish(
        application.school,
        ViewingStarted(
            application=application.id,
            viewing=viewing.id,
            retriever=actor.id,
            supervisor=supervision.supervisor,
        ),
    )
    return viewing, export


async def stop_viewing(work: Work, viewing_id: str) -> Viewing:
    """Retriever or supervisor ends it."""
    viewing = await work.store.retrievals.viewing(viewing_id)
    if viewing is None:
        raise Missing
    application, actor = await work.lock(viewing.application)
    supervision = await work.store.retrievals.supervision_by_id(viewing.supervision)
    retrieval.check_stopping(actor, viewing.retriever, supervision.supervisor)
    reason = "finished" if actor.id == viewing.retriever else "stopped"
    await _stop(work.store, application, viewing, (actor.id, reason, work.now))
    return viewing


async def _stop(
    store: DeskStore, application: Application, viewing: Viewing, why: tuple[str, str, datetime]
) -> None:
    """End a viewing: by whom, for which reason, when."""
    if viewing.stopped_at is not None:
        return
    by, reason, now = why
    await store.retrievals.stop_viewing(viewing.id, by, reason, now)
    store.publish(
        application.school,
        ViewingStopped(application=application.id, viewing=viewing.id, by=by, reason=reason),
    )


async def opened(work: Work, viewing_id: str) -> tuple[Viewing, Export]:
    """An open viewing and what is shown in it, for its retriever."""
    viewing = await work.store.retrievals.viewing(viewing_id)
    if viewing is None:
        raise Missing
    application = await work.load(viewing.application)
    actor = await work.actor(application.school)
    retrieval.check_watching(application.id, actor, viewing.retriever, over=is_over(viewing, work.now))
    export = await work.store.exports.of(application.id)
    if export is None:
        raise Missing
    return viewing, export


def is_over(viewing: Viewing, now: datetime) -> bool:
    """Whether nothing of it may be seen any more: stopped, or without supervision."""
    until = viewing.supervised_until
    return viewing.stopped_at is not None or until is None or until <= now


async def watch(work: Work, asked: RangeAsked) -> Watched:
    """One request of the player: allowed, and counted."""
    viewing, export = await opened(work, asked.viewing)
    file = export.file(asked.file)
    if file is None or file.kind not in STREAMED:
        raise Missing
    span = parse_range(asked.header, file.size)
    if span is not None:
        await work.store.retrievals.count(viewing.id, file.name, span.length, work.now)
    return Watched(export.bucket, export.folder + file.name, file.size, file.media_type, span)
