"""What the inspector makes of each fact: write it down, open a finding, or see that one is over."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import access, backup, ingest, letters, report
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import BatchHandler, Handler
from reelwarden_report.district.inspector import refusals
from reelwarden_report.district.inspector.case_handlers import CASE_HANDLERS
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.footage_handlers import FOOTAGE_HANDLERS
from reelwarden_report.district.inspector.letters import cause_of
from reelwarden_report.district.inspector.shapes import Settled
from reelwarden_report.district.inspector.store import InspectorStore


async def on_segments(
    heard: Sequence[tuple[ingest.SegmentsRecorded, Envelope]], store: InspectorStore
) -> None:
    """New footage; schools and cameras in order, so that two replicas never wait for each other."""
    by_school = sorted(heard, key=lambda pair: pair[1].school)
    for school, group in groupby(by_school, key=lambda pair: pair[1].school):
        segments = [segment for event, _ in group for segment in event.segments]
        await store.know(school)
        await store.recorded(school, segments)
        await store.over(school, Kind.SILENT, sorted({segment.camera for segment in segments}))


async def on_alive(event: report.SiteAlive, envelope: Envelope, store: InspectorStore) -> None:
    await store.alive(envelope.school, event)


async def on_refused_message(event: report.MessageRefused, envelope: Envelope, store: InspectorStore) -> None:
    """A dead letter: a person must look."""
    await store.gave_up(envelope, event)
    facts = {"role": envelope.role, "detail": event.detail, "subject": event.subject_of}
    cause = cause_of(envelope.role, event.subject_of)
    await store.open(envelope.school, Cause(Kind.DEAD_LETTER, cause, facts=facts))


async def on_settled_letter(event: letters.LetterSettled, envelope: Envelope, store: InspectorStore) -> None:
    """A person had it handled again, or dismissed it."""
    how = Settled(at=envelope.time, outcome=event.outcome, by=event.by, note=event.note)
    await store.settle(envelope.school, envelope.role, event.letter, how)


async def on_backlog(event: backup.BacklogMeasured, envelope: Envelope, store: InspectorStore) -> None:
    """How far the backup lags; a backlog that does not move is a finding (R4.1)."""
    await store.know(
        envelope.school,
        backlog_segments=event.segments,
        backlog_bytes=event.bytes,
        backlog_oldest=event.oldest,
        backlog_failing=event.failing,
    )
    if event.failing:
        await store.open(envelope.school, Cause(Kind.BACKUP, facts={"why": event.failing}))
    else:
        await store.over(envelope.school, Kind.BACKUP)


async def on_stored(event: backup.ObjectsStored, envelope: Envelope, store: InspectorStore) -> None:
    await store.count(
        envelope.school, stored=len(event.objects), stored_bytes=sum(o.size for o in event.objects)
    )


async def on_copies_erased(event: backup.ObjectsErased, envelope: Envelope, store: InspectorStore) -> None:
    await store.count(envelope.school, copies_erased=len(event.objects))


async def on_run(event: backup.RunRecorded, envelope: Envelope, store: InspectorStore) -> None:
    await store.backup_run(envelope.school, event)


async def on_verified(event: backup.ObjectVerified, envelope: Envelope, store: InspectorStore) -> None:
    """Copies read back: one that was corrupt before and was stored again is mended."""
    mended = await store.verified(envelope.school, event)
    await store.over(envelope.school, Kind.CORRUPT, mended)


async def on_corrupt(event: backup.ObjectCorrupt, envelope: Envelope, store: InspectorStore) -> None:
    """A copy that is not what was stored does not count (invariant 7)."""
    await store.corrupt(envelope.school, event)
    facts = {"key": event.key, "reason": event.reason, "segment": event.segment}
    await store.open(envelope.school, Cause(Kind.CORRUPT, event.segment, event.camera, facts))


async def on_readings(event: backup.ReadingsMeasured, envelope: Envelope, store: InspectorStore) -> None:
    """Copies that were not read back within the set times (R4.1)."""
    if late := event.unread + event.overdue:
        since = event.oldest.isoformat() if event.oldest else None
        facts = {"count": late, "since": since, "unread": event.unread, "overdue": event.overdue}
        await store.open(envelope.school, Cause(Kind.UNREAD, facts=facts))
    else:
        await store.over(envelope.school, Kind.UNREAD)


async def on_drill(event: backup.DrillCompleted, envelope: Envelope, store: InspectorStore) -> None:
    """The weekly restore of a sample."""
    await store.drill(envelope.school, event)
    if event.failures:
        facts = {"sampled": event.sampled, "restored": event.restored}
        await store.open(envelope.school, Cause(Kind.DRILL, event.drill, facts=facts))


async def on_denied(event: access.AccessDenied, envelope: Envelope, store: InspectorStore) -> None:
    """A refused attempt at the desk."""
    await refusals.note(store, envelope.school, envelope.id, envelope.time, event)


BATCHES: Mapping[type[Event], BatchHandler[InspectorStore]] = {ingest.SegmentsRecorded: on_segments}
HANDLERS: Mapping[type[Event], Handler[InspectorStore]] = {
    **FOOTAGE_HANDLERS,
    **CASE_HANDLERS,
    report.SiteAlive: on_alive,
    report.MessageRefused: on_refused_message,
    letters.LetterSettled: on_settled_letter,
    backup.BacklogMeasured: on_backlog,
    backup.ObjectsStored: on_stored,
    backup.ObjectsErased: on_copies_erased,
    backup.RunRecorded: on_run,
    backup.ObjectVerified: on_verified,
    backup.ObjectCorrupt: on_corrupt,
    backup.ReadingsMeasured: on_readings,
    backup.DrillCompleted: on_drill,
    access.AccessDenied: on_denied,
}
