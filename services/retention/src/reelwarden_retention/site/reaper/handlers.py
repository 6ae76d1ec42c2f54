"""What the reaper hears: plans, and what the scanner says of the files."""

from collections.abc import Mapping, Sequence

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import (
    CameraClock,
    SegmentMoved,
    SegmentsLost,
    SegmentsRecorded,
    SegmentsRejected,
)
from reelwarden_common.events.retention import PlanIssued, PlanRefused
from reelwarden_common.messaging.delivery import BatchHandler, Handler
from reelwarden_common.telemetry import log
from reelwarden_retention.periods import succeed
from reelwarden_retention.shapes import Plan, UntrustedPlan, believed
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.belief import Confirmation, confirms
from reelwarden_retention.site.reaper.domain import check_takes_over, merged_holds, without_new_delays
from reelwarden_retention.site.reaper.store import ReaperStore


async def on_plan_issued(event: PlanIssued, _: Envelope, store: ReaperStore) -> None:
    """Go by a plan that a pinned key signed for us, if it is newer; refuse any other, aloud.

    What the site keeps is said after both: a district that issues outdated plans was restored, and learns
    from it what it forgot.
    """
    try:
        plan = believed(event, store.school, store.rules.keys)
        if not check_takes_over(plan, event.digest, store.plan(), store.rules.floor_of):
            return
        _apply(plan, event.digest, store)
    except UntrustedPlan as refused:
        log("reaper").error("plan_refused", reason=refused.reason, detail=str(refused))
        store.publish(
            store.school,
            PlanRefused(
                epoch=event.epoch,
                version=event.version,
                digest=event.digest,
                reason=refused.reason,
                detail=str(refused)[:500],
            ),
        )
        if refused.reason != "outdated":
            return
    store.say_kept()


def _apply(plan: Plan, digest: str, store: ReaperStore) -> None:
    now, delay, machine = store.clock(), store.rules.release_delay, store.rules.machine
    store.put_plan(plan, digest)
    if confirms(plan.issued_at, now):
        store.clock_confirmed(Confirmation(machine.boot(), now, machine.uptime()))
    holds, known = {kept.hold.id: kept for kept in store.holds()}, store.policies()
    if store.doubt() is not None:
        plan = without_new_delays(plan, holds, known)
    store.put_holds(merged_holds(holds, plan, now, delay).values())
    store.put_policies(succeed(known.get(one.period.camera), one, now, delay) for one in plan.policies)
    store.journal.confirm(plan.confirmed_sweeps)
    store.say_applied()


async def on_segments_recorded(
    heard: Sequence[tuple[SegmentsRecorded, Envelope]], store: ReaperStore
) -> None:
    """New footage; some of it may be waited for by a hold."""
    store.catalogue.record(rows.of_segment(segment) for event, _ in heard for segment in event.segments)


async def on_segments_rejected(event: SegmentsRejected, _: Envelope, store: ReaperStore) -> None:
    """No footage that can be shown, but recordings of people all the same: held and erased by file time."""
    store.catalogue.record(
        rows.of_rejected(file, file.camera) for file in event.files if file.camera is not None
    )


async def on_segments_lost(event: SegmentsLost, _: Envelope, store: ReaperStore) -> None:
    for segment in event.segments:
        store.catalogue.gone(segment.id)


async def on_segment_moved(event: SegmentMoved, _: Envelope, store: ReaperStore) -> None:
    store.catalogue.moved(event.segment, event.locator)


async def on_camera_clock(event: CameraClock, _: Envelope, store: ReaperStore) -> None:
    store.clock_is_off(event.camera, event.offset_ms)


async def on_object_restored(event: ObjectRestored, _: Envelope, store: ReaperStore) -> None:
    store.catalogue.back(event.segment, event.locator)


HANDLERS: Mapping[type[Event], Handler[ReaperStore]] = {
    PlanIssued: on_plan_issued,
    SegmentsRejected: on_segments_rejected,
    SegmentsLost: on_segments_lost,
    SegmentMoved: on_segment_moved,
    CameraClock: on_camera_clock,
    ObjectRestored: on_object_restored,
}
BATCHES: Mapping[type[Event], BatchHandler[ReaperStore]] = {SegmentsRecorded: on_segments_recorded}
