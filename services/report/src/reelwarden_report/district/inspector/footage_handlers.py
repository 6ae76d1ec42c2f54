"""Facts about footage, storage and plans."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import backup, ingest, retention
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import Handler
from reelwarden_report.district.inspector.domain import (
    FULL_SOON,
    Cause,
    Foretold,
    Kind,
    day_span,
    will_be_short,
)
from reelwarden_report.district.inspector.store import InspectorStore

SHORTEST_FORECAST = 30.0
"""Days: what the law demands at least (art. 17); a school's own longer period is looked at by inspections."""
CLOCK_OFF_MS = 30_000


async def on_rejected(event: ingest.SegmentsRejected, envelope: Envelope, store: InspectorStore) -> None:
    """Files that are no footage: never dropped silently; one finding per camera and reason."""
    await store.rejected(envelope.school, event.files)
    counted = Counter((file.camera, file.reason) for file in event.files)
    for (camera, reason), count in counted.items():
        first = next(f for f in event.files if (f.camera, f.reason) == (camera, reason))
        facts = {"count": count, "reason": reason, "locator": first.locator}
        await store.open(envelope.school, Cause(Kind.REJECTED, f"{camera or ''}:{reason}", camera, facts))


async def on_altered(event: ingest.SegmentAltered, envelope: Envelope, store: InspectorStore) -> None:
    """Footage stays as it was recorded (art. 15, 23)."""
    await store.altered(envelope.school, event)
    facts = {"start": event.start.isoformat(), "locator": event.locator, "segment": event.segment}
    cause = Cause(Kind.ALTERED, f"{event.segment}:{event.found}", event.camera, facts)
    await store.open(envelope.school, cause)
    day = event.start.astimezone(store.zone).date()
    await store.violate(envelope.school, "footage-altered", f"{event.camera}|{day}", "R3.2")


def _cause_of_loss(camera: str, day: date) -> str:
    return f"{camera}:{day}"


async def on_lost(event: ingest.SegmentsLost, envelope: Envelope, store: InspectorStore) -> None:
    """Footage that vanished: one finding per camera and day, over when all of it is back."""
    await store.lost(envelope.school, event)
    for camera, day in sorted({(s.camera, s.start.astimezone(store.zone).date()) for s in event.segments}):
        count = await store.still_lost(envelope.school, camera, day)
        facts = {"count": count, "day": str(day)}
        await store.open(envelope.school, Cause(Kind.LOST, _cause_of_loss(camera, day), camera, facts))
        await store.stale(envelope.school, [(camera, day)])


async def on_restored(event: backup.ObjectRestored, envelope: Envelope, store: InspectorStore) -> None:
    """A lost segment is back, its digest checked: the last one of a day ends the finding."""
    await store.restored(envelope.school, event)
    day = event.start.astimezone(store.zone).date()
    if await store.still_lost(envelope.school, event.camera, day) == 0:
        await store.over(envelope.school, Kind.LOST, [_cause_of_loss(event.camera, day)])
    await store.over(envelope.school, Kind.RESTORE, [event.segment])
    await store.stale(envelope.school, [(event.camera, day)])


async def on_restore_failed(event: backup.RestoreFailed, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"reason": event.reason, "segment": event.segment}
    await store.open(envelope.school, Cause(Kind.RESTORE, event.segment, facts=facts))


async def on_conflict(event: ingest.SegmentConflict, envelope: Envelope, store: InspectorStore) -> None:
    start = event.start.isoformat()
    cause = Cause(Kind.CONFLICT, f"{event.camera}:{start}", event.camera, {"start": start})
    await store.open(envelope.school, cause)


async def on_day_counted(event: ingest.DayCounted, envelope: Envelope, store: InspectorStore) -> None:
    """The scanner's count of a UTC day: its local days are looked at again."""
    start = day_span(date.fromisoformat(event.day), store.zone).start - timedelta(hours=14)
    await store.stale_span(envelope.school, event.camera, start, start + timedelta(hours=52))


async def on_coverage(event: ingest.CoverageCounted, envelope: Envelope, store: InspectorStore) -> None:
    """The index has counted an hour: that day's bar is drawn anew."""
    await store.stale_span(envelope.school, event.camera, event.hour, event.hour)


async def on_silent(event: ingest.CameraSilent, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"since": event.since.isoformat()}
    await store.silent(envelope.school, event.camera, event.since)
    await store.open(envelope.school, Cause(Kind.SILENT, event.camera, event.camera, facts))


async def on_clock(event: ingest.CameraClock, envelope: Envelope, store: InspectorStore) -> None:
    """A camera's clock: a finding while it is off by more than a little."""
    await store.clock_offset(envelope.school, event.camera, event.offset_ms)
    if abs(event.offset_ms) > CLOCK_OFF_MS:
        facts = {"seconds": round(event.offset_ms / 1000)}
        await store.open(envelope.school, Cause(Kind.CLOCK, event.camera, event.camera, facts))
    else:
        await store.over(envelope.school, Kind.CLOCK, [event.camera])


async def on_storage(event: ingest.StorageMeasured, envelope: Envelope, store: InspectorStore) -> None:
    """The disk: bound to the school, and large enough for the days that it must hold."""
    await store.know(
        envelope.school,
        disk_total=event.total,
        disk_free=event.free,
        forecast_days=event.forecast_days,
        storage_bound=event.bound,
        files=event.files,
    )
    if not await store.foretells(envelope.school):
        await _judge_free_space(event, envelope.school, store)
    if event.bound:
        await store.over(envelope.school, Kind.UNBOUND)
    else:
        await store.open(envelope.school, Cause(Kind.UNBOUND))
    if not event.writable:
        await store.open(envelope.school, Cause(Kind.READ_ONLY))
    elif event.bound:
        await store.over(envelope.school, Kind.READ_ONLY)


async def _judge_free_space(event: ingest.StorageMeasured, school: str, store: InspectorStore) -> None:
    """Of a school whose software does not foretell each camera's days yet."""
    if event.forecast_days is not None and event.forecast_days < SHORTEST_FORECAST:
        facts = {"days": round(event.forecast_days, 1), "wanted": round(SHORTEST_FORECAST)}
        await store.open(school, Cause(Kind.DISK, facts=facts))
    else:
        await store.over(school, Kind.DISK)


async def on_forecast(event: ingest.StorageForecast, envelope: Envelope, store: InspectorStore) -> None:
    """One finding for all cameras that will fall short, weeks ahead; a serious one for a disk full soon."""
    school = envelope.school
    await store.know(school)
    if not await store.foretold(school, event, envelope.time):
        return
    known = (await store.open_causes(school, Kind.FORECAST)).get("")
    cameras = (Foretold(one.camera, one.days, one.keep_days) for one in event.cameras)
    short = will_be_short(cameras, already=[one[0] for one in known["short"]] if known else [])
    facts = {"short": [(one.camera, one.days, one.keep_days) for one in short], "full": event.full_in_days}
    if not short and event.full_in_days is None:
        await store.over(school, Kind.FORECAST)
    elif known is None:
        await store.open(school, Cause(Kind.FORECAST, facts=facts))
    else:
        await store.restate(school, Cause(Kind.FORECAST, facts=facts))
    if event.full_in_days is not None and event.full_in_days < FULL_SOON:
        await store.open(school, Cause(Kind.DISK, facts={"full": event.full_in_days}))
    else:
        await store.over(school, Kind.DISK)


async def on_vault(event: retention.VaultMeasured, envelope: Envelope, store: InspectorStore) -> None:
    """Held footage has a budget, so that somebody makes room before recording suffers."""
    if event.extra > event.budget:
        facts = {"taken": round(event.extra / 1e9, 1), "budget": round(event.budget / 1e9, 1)}
        await store.open(envelope.school, Cause(Kind.VAULT, facts=facts))
    else:
        await store.over(envelope.school, Kind.VAULT)


async def on_erased(event: retention.SegmentsErased, envelope: Envelope, store: InspectorStore) -> None:
    """Certificates of what was erased on its day (R3.1, invariant 3)."""
    await store.erased(envelope.school, event.certificates)
    days = {(c.camera, c.start.astimezone(store.zone).date()) for c in event.certificates}
    await store.stale(envelope.school, days)


async def on_plan_issued(event: retention.PlanIssued, envelope: Envelope, store: InspectorStore) -> None:
    """A new epoch begins where a school knows plans that the keeper does not: a person must know why."""
    await store.know(envelope.school, plan_issued=event.version, plan_issued_at=envelope.time)
    await store.plan(envelope.school, event, envelope.time)
    if event.epoch > 1 and event.version == 1:
        cause = Cause(Kind.ANEW, f"{event.epoch}:{event.digest}", facts={"epoch": event.epoch})
        await store.open(envelope.school, cause)


async def on_plan_applied(event: retention.PlanApplied, envelope: Envelope, store: InspectorStore) -> None:
    await store.know(envelope.school, plan_applied=event.version)


async def on_plan_refused(event: retention.PlanRefused, envelope: Envelope, store: InspectorStore) -> None:
    """A forged, outdated or foreign plan came to a school and was not taken."""
    await store.plan_refused(envelope, event)
    facts = {"version": event.version, "reason": event.reason}
    await store.open(envelope.school, Cause(Kind.PLAN, f"{event.reason}:{event.digest}", facts=facts))


async def on_sweep_stopped(event: retention.SweepStopped, envelope: Envelope, store: InspectorStore) -> None:
    """The brake: an erasure waits for a district officer."""
    await store.sweep_stopped(envelope, event)
    facts = {"segments": event.segments, "reason": event.reason, "sweep": event.sweep}
    await store.open(envelope.school, Cause(Kind.SWEEP, event.sweep, facts=facts))


FOOTAGE_HANDLERS: Mapping[type[Event], Handler[InspectorStore]] = {
    ingest.SegmentsRejected: on_rejected,
    ingest.SegmentAltered: on_altered,
    ingest.SegmentsLost: on_lost,
    ingest.SegmentConflict: on_conflict,
    ingest.DayCounted: on_day_counted,
    ingest.CoverageCounted: on_coverage,
    ingest.CameraSilent: on_silent,
    ingest.CameraClock: on_clock,
    ingest.StorageMeasured: on_storage,
    ingest.StorageForecast: on_forecast,
    retention.VaultMeasured: on_vault,
    backup.ObjectRestored: on_restored,
    backup.RestoreFailed: on_restore_failed,
    retention.SegmentsErased: on_erased,
    retention.PlanIssued: on_plan_issued,
    retention.PlanApplied: on_plan_applied,
    retention.PlanRefused: on_plan_refused,
    retention.SweepStopped: on_sweep_stopped,
}
