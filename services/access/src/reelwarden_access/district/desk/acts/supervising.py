"""While footage runs: who is in the room, where the player is, and the stills that are taken (R4.3)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from reelwarden_access.district.desk import domain, retrieval
from reelwarden_access.district.desk.acts.retrieving import STREAMED, is_over, opened
from reelwarden_access.district.desk.application import Application, Supervision
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.tables.footage import Export
from reelwarden_access.district.desk.tables.supervised import Presence, Still
from reelwarden_access.district.desk.watched import SILENT_AFTER, Mark, MarkKind, shown_at
from reelwarden_common.events.access import PackagedFile, StillTaken
from reelwarden_common.web.refusals import Missing

ACTS_SHOWN = 12
"""Of the player, the newest, on the supervisor's screen."""


@dataclass(frozen=True)
class FrameAsked:
    """A moment of a file of a viewing."""

    viewing: str
    file: str
    position_ms: int


@dataclass(frozen=True)
class Frame:
    """Where a frame lies, and what is burnt into it."""

    bucket: str
    key: str
    size: int
    recipient: str
    number: str
    camera: str
    shown_at: datetime | None


@dataclass(frozen=True)
class Act:
    """What the player did, and the moment of the footage at which it did."""

    kind: MarkKind
    at: datetime | None
    camera: str | None
    shown_at: datetime | None
    position_ms: int


@dataclass(frozen=True)
class Running:
    """The open viewing as its supervisor sees it."""

    viewing: str
    name: str
    started_at: datetime
    acts: tuple[Act, ...]
    """The newest first: the first says where the player is."""
    playing: bool
    silent: bool
    """It plays and has said nothing for long: its page may be closed."""


@dataclass(frozen=True)
class Live:
    """What goes on under a supervision now."""

    application: Application
    camera_names: dict[str, str]
    supervision: Supervision | None
    mine: bool
    """Whoever looks is the supervisor."""
    present: tuple[Presence, ...]
    running: Running | None
    stills: tuple[Still, ...]


async def live(work: Work, application_id: str) -> Live:
    """What goes on, for those who may read the application."""
    application = await work.load(application_id)
    actor = await work.actor(application.school)
    domain.check_reading(application, actor)
    table = work.store.supervised
    supervision = await work.store.retrievals.supervision(application.id, work.now)
    form = (await work.store.applications.row(application.id))["form"]
    return Live(
        application,
        {camera["id"]: camera["name"] for camera in form["cameras"]},
        supervision,
        supervision is not None and supervision.supervisor == actor.id,
        tuple(await table.presences(supervision.id)) if supervision else (),
        await _running(work, application) if supervision else None,
        tuple(await table.stills(application.id)),
    )


async def _running(work: Work, application: Application) -> Running | None:
    viewing = next(iter(await work.store.retrievals.open_viewings(application.id)), None)
    if viewing is None:
        return None
    export = await work.store.exports.of(application.id)
    marks = await work.store.supervised.last_marks(viewing.id, ACTS_SHOWN)
    playing = bool(marks) and marks[0].kind not in (MarkKind.PAUSE, MarkKind.ENDED)
    heard = marks[0].at if marks else None
    return Running(
        viewing.id,
        viewing.name,
        viewing.started_at,
        tuple(_act(mark, export) for mark in marks),
        playing,
        playing and heard is not None and work.now - heard > SILENT_AFTER,
    )


def _act(mark: Mark, export: Export | None) -> Act:
    file = export.file(mark.file) if export else None
    camera = file.span.camera if file and file.span else None
    return Act(mark.kind, mark.at, camera, shown_at(file, mark.position_ms), mark.position_ms)


async def come_or_go(work: Work, application_id: str, name: str, *, here: bool) -> Supervision:
    """The supervisor notes who comes into the room, and who leaves it."""
    application, actor = await work.lock(application_id)
    open_now = await work.store.retrievals.supervision(application.id, work.now)
    supervision = retrieval.check_room(open_now, actor, name)
    if here:
        await work.store.supervised.arrive(supervision.id, name.strip(), work.now)
    else:
        await work.store.supervised.leave(supervision.id, work.now, name.strip())
    return supervision


async def pulse(work: Work, viewing_id: str, mark: Mark) -> datetime | None:
    """The player says where it is; answers by when it must end, None if it is over."""
    viewing = await work.store.retrievals.viewing(viewing_id)
    if viewing is None:
        raise Missing
    application = await work.load(viewing.application)
    actor = await work.actor(application.school)
    retrieval.check_watching(application.id, actor, viewing.retriever, over=False)
    if is_over(viewing, work.now):
        return None
    _shown(await work.store.exports.of(application.id), mark.file)
    if mark.kind is not MarkKind.WAIT:
        await work.store.supervised.mark(viewing.id, mark, work.now)
    return viewing.supervised_until


def _shown(export: Export | None, name: str) -> tuple[Export, PackagedFile]:
    """A file that is shown in viewings."""
    file = export.file(name) if export else None
    if export is None or file is None or file.kind not in STREAMED:
        raise Missing
    return export, file


async def frame(work: Work, asked: FrameAsked) -> Frame:
    """May a still be taken: the viewing is open, and gives one more."""
    viewing, export = await opened(work, asked.viewing)
    retrieval.check_still(await work.store.supervised.stills_of_viewing(viewing.id))
    _, file = _shown(export, asked.file)
    application = await work.load(viewing.application)
    form = (await work.store.applications.row(application.id))["form"]
    names = {camera["id"]: camera["name"] for camera in form["cameras"]}
    camera = file.span.camera if file.span else None
    return Frame(
        export.bucket,
        export.folder + file.name,
        file.size,
        application.applicant_name,
        application.number,
        names.get(camera or "", camera or file.name),
        shown_at(file, asked.position_ms),
    )


async def keep_still(work: Work, asked: FrameAsked, picture: bytes) -> Still:
    """It was made, and the viewing is still open: count it, say it, show it."""
    seen = await work.store.retrievals.viewing(asked.viewing)
    if seen is None:
        raise Missing
    application, actor = await work.lock(seen.application)
    viewing, export = await opened(work, asked.viewing)
    taken = await work.store.supervised.stills_of_viewing(viewing.id)
    retrieval.check_still(taken)
    _, file = _shown(export, asked.file)
    still = Still(
        viewing.id,
        taken + 1,
        application.id,
        file.name,
        asked.position_ms,
        file.span.camera if file.span else None,
        shown_at(file, asked.position_ms),
        work.now,
        hashlib.sha256(picture).hexdigest(),
    )
    await work.store.supervised.add_still(still, picture)
    work.store.publish(
        application.school,
        StillTaken(
            application=application.id,
            viewing=viewing.id,
            retriever=actor.id,
            camera=still.camera,
            shown_at=still.shown_at,
            digest=still.digest,
        ),
    )
    return still


async def picture(work: Work, viewing_id: str, number: int) -> bytes:
    """A still on its retriever's screen, while the viewing is open."""
    viewing, _ = await opened(work, viewing_id)
    found = await work.store.supervised.picture(viewing.id, number)
    if found is None:
        raise Missing
    return found
