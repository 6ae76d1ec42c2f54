"""What the replicator does when it hears something: it takes note; loops do the slow work."""

from collections.abc import Mapping

from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.envelope import Envelope
from reelwarden_common.events.access import RetrievalAuthorised
from reelwarden_common.events.backup import RestoreRequested, VerificationRequested
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import SegmentMoved, SegmentsLost, SegmentsRecorded
from reelwarden_common.events.retention import HoldsKept, PlanApplied, SegmentsErased
from reelwarden_common.messaging.delivery import Handler


async def on_segments_recorded(event: SegmentsRecorded, _: Envelope, store: ReplicatorStore) -> None:
    for segment in event.segments:
        store.heard.record(segment)


async def on_segment_moved(event: SegmentMoved, _: Envelope, store: ReplicatorStore) -> None:
    store.heard.move(event.segment, event.locator)


async def on_segments_lost(event: SegmentsLost, _: Envelope, store: ReplicatorStore) -> None:
    for segment in event.segments:
        store.heard.lose(segment.id)


async def on_segments_erased(event: SegmentsErased, _: Envelope, store: ReplicatorStore) -> None:
    for certificate in event.certificates:
        store.heard.erase(certificate)


async def on_plan_applied(event: PlanApplied, _: Envelope, store: ReplicatorStore) -> None:
    store.heard.keep_periods(event.periods)


async def on_holds_kept(event: HoldsKept, envelope: Envelope, store: ReplicatorStore) -> None:
    store.heard.keep_holds(event, envelope.time)


async def on_retrieval_authorised(event: RetrievalAuthorised, _: Envelope, store: ReplicatorStore) -> None:
    store.heard.export(event)


async def on_restore_requested(event: RestoreRequested, _: Envelope, store: ReplicatorStore) -> None:
    store.restores.ask(event)


async def on_verification_requested(
    event: VerificationRequested, _: Envelope, store: ReplicatorStore
) -> None:
    store.copies.store_again(event.segment, event.object_version)


HANDLERS: Mapping[type[Event], Handler[ReplicatorStore]] = {
    SegmentsRecorded: on_segments_recorded,
    SegmentMoved: on_segment_moved,
    SegmentsLost: on_segments_lost,
    SegmentsErased: on_segments_erased,
    PlanApplied: on_plan_applied,
    HoldsKept: on_holds_kept,
    RetrievalAuthorised: on_retrieval_authorised,
    RestoreRequested: on_restore_requested,
    VerificationRequested: on_verification_requested,
}
