"""What the index hears."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import (
    CoverageAnswer,
    CoverageQuery,
    DayCounted,
    SegmentAltered,
    SegmentMoved,
    SegmentsAnswer,
    SegmentsLost,
    SegmentsQuery,
    SegmentsRecorded,
    SegmentsRejected,
)
from reelwarden_common.events.retention import SegmentsErased
from reelwarden_common.messaging.delivery import BatchHandler, Handler, Prepare
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import INDEX_COVERAGE, INDEX_SEGMENTS
from reelwarden_common.messaging.units import Units
from reelwarden_ingest.district.index import queries
from reelwarden_ingest.district.index.domain import Sorted, sort_out, together
from reelwarden_ingest.district.index.store import IndexStore


def sorted_out(event: SegmentsRecorded, envelope: Envelope, now: datetime) -> Sorted:
    """Make one message's rows as soon as it is read: its segments need not stay in memory."""
    return sort_out(envelope.school, envelope.time, event.segments, now)


async def on_segments_recorded(heard: Sequence[tuple[Sorted, Envelope]], store: IndexStore) -> None:
    """Index segments, many messages at once; a segment that is there already stays as it is."""
    await store.add(together(found for found, _ in heard))


async def on_segments_rejected(event: SegmentsRejected, envelope: Envelope, store: IndexStore) -> None:
    """Files that are no footage are never dropped silently."""
    await store.reject(envelope.school, event.files, envelope.time)


async def on_segment_altered(event: SegmentAltered, envelope: Envelope, store: IndexStore) -> None:
    """The digest that was indexed stays: it says what was recorded (art. 15, 23)."""
    await store.alter(envelope.school, event.segment, event.camera, event.start, event.found, envelope.time)


async def on_segments_lost(event: SegmentsLost, envelope: Envelope, store: IndexStore) -> None:
    """Footage that vanished is no longer found, and is missed."""
    for lost in event.segments:
        await store.lose(envelope.school, lost, event.noticed_at)


async def on_segment_moved(event: SegmentMoved, envelope: Envelope, store: IndexStore) -> None:
    """The same content under another path."""
    await store.move(envelope.school, event, envelope.time)


async def on_object_restored(event: ObjectRestored, envelope: Envelope, store: IndexStore) -> None:
    """Lost footage is back."""
    await store.restore(
        envelope.school, event.segment, event.camera, event.start, event.locator, envelope.time
    )


async def on_segments_erased(event: SegmentsErased, envelope: Envelope, store: IndexStore) -> None:
    """Certificates first, then the rows; the day leaves once all of it is erased (R3.1)."""
    await store.erase(envelope.school, event.certificates)


async def on_day_counted(event: DayCounted, envelope: Envelope, store: IndexStore) -> None:
    """Note what the school counted; it is compared once its segments had time to arrive."""
    await store.count(envelope.school, event, envelope.time)


BATCHES: Mapping[type[Event], BatchHandler[IndexStore]] = {SegmentsRecorded: on_segments_recorded}
PREPARE: Mapping[type[Event], Prepare] = {SegmentsRecorded: sorted_out}


HANDLERS: Mapping[type[Event], Handler[IndexStore]] = {
    SegmentsRejected: on_segments_rejected,
    SegmentAltered: on_segment_altered,
    SegmentsLost: on_segments_lost,
    SegmentMoved: on_segment_moved,
    DayCounted: on_day_counted,
    SegmentsErased: on_segments_erased,
    ObjectRestored: on_object_restored,
}


def answers(units: Units[IndexStore]) -> tuple[Answer, ...]:
    """What the index answers; reading needs no event."""

    async def segments(question: SegmentsQuery) -> SegmentsAnswer:
        async with units.begin() as store:
            return await queries.segments(store.conn, question)

    async def coverage(question: CoverageQuery) -> CoverageAnswer:
        async with units.begin() as store:
            return await queries.coverage(store.conn, question)

    return (
        Answer(INDEX_SEGMENTS, SegmentsQuery, segments),
        Answer(INDEX_COVERAGE, CoverageQuery, coverage),
    )
