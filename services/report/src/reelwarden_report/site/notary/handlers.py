"""What the notary does with each fact that it hears: write it down; with checkpoints: judge and sign."""

from collections.abc import Mapping, Sequence

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import backup, ingest, report, retention
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import BatchHandler, Handler
from reelwarden_common.messaging.topology import role
from reelwarden_report.custody import peers
from reelwarden_report.custody.hours import told
from reelwarden_report.custody.leaves import leaf
from reelwarden_report.site.notary.store import NotaryStore


async def on_fact(event: Event, envelope: Envelope, store: NotaryStore) -> None:
    """Every act on footage is in the school's custody log (invariant 9)."""
    store.append([leaf(event, envelope)])


async def on_segments(heard: Sequence[tuple[Event, Envelope]], store: NotaryStore) -> None:
    """What was recorded waits until its hour is over: the log has one entry for it."""
    for event, envelope in heard:
        if isinstance(event, ingest.SegmentsRecorded):
            store.hear(envelope.id, told(event))


async def on_plan_applied(event: retention.PlanApplied, envelope: Envelope, store: NotaryStore) -> None:
    store.append([leaf(event, envelope)])
    store.remember(plan_epoch=event.epoch, plan_version=event.version)


async def on_storage_measured(event: ingest.StorageMeasured, _: Envelope, store: NotaryStore) -> None:
    store.remember(disk_total=event.total, disk_free=event.free)


async def on_backlog_measured(event: backup.BacklogMeasured, _: Envelope, store: NotaryStore) -> None:
    store.remember(backlog=event.segments)


async def on_clock_judged(event: retention.ClockJudged, _: Envelope, store: NotaryStore) -> None:
    store.remember(clock_doubt=event.doubt)


async def on_district_checkpoint(
    event: report.DistrictCheckpointSigned, _: Envelope, store: NotaryStore
) -> None:
    """Countersign the registrar's log, but never one that shrank or changed."""
    key, checkpoint = peers.judge(event, store.peer_origin, store.known(), store.pinned)
    store.countersign(key, checkpoint, event.note)


async def on_our_checkpoint_cosigned(
    event: report.SiteCheckpointCountersigned, _: Envelope, store: NotaryStore
) -> None:
    """Keep the registrar's cosignature on our checkpoint, if it is one."""
    ours = store.checkpoint(event.size)
    if ours is None:
        raise peers.BadCheckpoint(f"{store.origin}: no checkpoint of {event.size} entries was ever signed")
    known = store.known()
    cosigner = peers.witness(store.school, "registrar")
    peers.judge_cosignature(event, ours, cosigner, known.key.public if known else None)
    store.cosigned(event.size, event.note)


_OWN: Mapping[type[Event], Handler[NotaryStore]] = {
    retention.PlanApplied: on_plan_applied,
    ingest.StorageMeasured: on_storage_measured,
    backup.BacklogMeasured: on_backlog_measured,
    retention.ClockJudged: on_clock_judged,
    report.DistrictCheckpointSigned: on_district_checkpoint,
    report.SiteCheckpointCountersigned: on_our_checkpoint_cosigned,
}
BATCHES: Mapping[type[Event], BatchHandler[NotaryStore]] = {ingest.SegmentsRecorded: on_segments}
HANDLERS: Mapping[type[Event], Handler[NotaryStore]] = {
    **{heard: on_fact for heard in role("notary").hears if heard not in BATCHES},
    **_OWN,
}
