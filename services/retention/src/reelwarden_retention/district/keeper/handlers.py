"""What the keeper hears: applications become holds, sites tell what they keep, every change a new plan."""

from collections.abc import Mapping
from dataclasses import replace

from reelwarden_common.envelope import Envelope
from reelwarden_common.errors import Early, Refused
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationClosed,
    ApplicationEvent,
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationRejected,
    ApplicationWithdrawn,
    SweepConfirmed,
)
from reelwarden_common.events.base import Event, Reason
from reelwarden_common.events.retention import (
    Hold,
    HoldAsked,
    HoldDecided,
    HoldFrozen,
    HoldInForce,
    HoldReleased,
    HoldsKept,
    PlanApplied,
    PlanRefused,
    SweepStopped,
)
from reelwarden_common.messaging.delivery import Handler
from reelwarden_common.telemetry import log
from reelwarden_retention.district.keeper.domain import (
    HoldState,
    KeptHold,
    Step,
    epoch_after,
    holds_for,
    next_step,
)
from reelwarden_retention.district.keeper.store import KeeperStore
from reelwarden_retention.shapes import joined


async def on_application_filed(event: ApplicationFiled, envelope: Envelope, store: KeeperStore) -> None:
    """Footage is held from the moment an application is filed, provisionally (R4.2)."""
    if not await _is_next(event, envelope.school, store):
        return
    for hold in holds_for(event):
        if hold.span.end <= hold.span.start:
            raise Refused(f"application {event.number}: a span on {hold.span.camera} ends before it begins")
        await _ask(hold, envelope.school, store)
    await store.issue(envelope.school)


async def on_application_approved(event: ApplicationApproved, envelope: Envelope, store: KeeperStore) -> None:
    """The holds are no longer provisional: they stand until the approved end date."""
    if not await _is_next(event, envelope.school, store):
        return
    for kept in await store.holds_of(envelope.school, event.application):
        if not kept.stands(store.clock()):
            continue
        hold = kept.hold.model_copy(update={"until": max(kept.hold.until, event.hold_until)})
        await store.put_hold(envelope.school, KeptHold(hold, HoldState.DECIDED, kept.released_at))
        store.publish(envelope.school, HoldDecided(hold=hold))
    await store.issue(envelope.school)


async def on_application_rejected(event: ApplicationRejected, envelope: Envelope, store: KeeperStore) -> None:
    """Release after the delay, in which the applicant may appeal."""
    await _let_go(event, "rejected", envelope.school, store)


async def on_application_withdrawn(
    event: ApplicationWithdrawn, envelope: Envelope, store: KeeperStore
) -> None:
    await _let_go(event, "withdrawn", envelope.school, store)


async def on_application_lapsed(event: ApplicationLapsed, envelope: Envelope, store: KeeperStore) -> None:
    await _let_go(event, "lapsed", envelope.school, store)


async def on_application_closed(event: ApplicationClosed, envelope: Envelope, store: KeeperStore) -> None:
    """Its purpose is achieved, and so is the hold's (条例 art. 17)."""
    await _let_go(event, "closed", envelope.school, store)


async def on_sweep_confirmed(event: SweepConfirmed, envelope: Envelope, store: KeeperStore) -> None:
    """A person looked at a stopped sweep; the site may go on with exactly that one."""
    await store.lock(envelope.school)
    await store.confirm_sweep(envelope.school, event.sweep)
    await store.issue(envelope.school, unless_same=True)


async def on_plan_applied(event: PlanApplied, envelope: Envelope, store: KeeperStore) -> None:
    plan = (event.epoch, event.version, event.digest)
    await store.site_goes_by(envelope.school, plan, envelope.time)


async def on_plan_refused(event: PlanRefused, envelope: Envelope, _: KeeperStore) -> None:
    """Either we are wrong, or somebody forges plans: both are for people to see."""
    log("keeper").error(
        "plan_refused",
        school=envelope.school,
        epoch=event.epoch,
        version=event.version,
        reason=event.reason,
        detail=event.detail,
    )


async def on_hold_frozen(event: HoldFrozen, envelope: Envelope, store: KeeperStore) -> None:
    """A freeze that a school made by itself, perhaps while it was cut off, becomes a hold like all others."""
    await store.lock(envelope.school)
    if await store.hold(envelope.school, event.hold.id) is None:
        await _ask(event.hold, envelope.school, store, HoldState.DECIDED)
        await store.issue(envelope.school)


async def on_holds_kept(event: HoldsKept, envelope: Envelope, store: KeeperStore) -> None:
    """Take back what a site keeps and we do not know, and go on in a new epoch if the site is ahead of us.

    Both happen after the district's database was restored from a backup.
    """
    school = envelope.school
    await store.lock(school)
    adopted = [hold for hold in event.holds if await _adopt(hold, school, store)]
    newest = await store.newest(school)
    own = (newest.epoch, newest.version) if newest else (0, 0)
    epoch = epoch_after(own, (event.epoch, event.version))
    if adopted or epoch is not None:
        log("keeper").warning(
            "site_knows_more", school=school, holds=[hold.id for hold in adopted], new_epoch=epoch
        )
        await store.issue(school, epoch=epoch)


async def on_hold_in_force(event: HoldInForce, envelope: Envelope, _: KeeperStore) -> None:
    """The desk shows it to people; here it is written down only where footage was gone."""
    if event.gone:
        log("keeper").warning("held_footage_gone", school=envelope.school, hold=event.hold)


async def on_sweep_stopped(event: SweepStopped, envelope: Envelope, _: KeeperStore) -> None:
    """The district officer decides; the confirmation comes back as `SweepConfirmed`."""
    log("keeper").warning(
        "sweep_stopped",
        school=envelope.school,
        sweep=event.sweep,
        reason=event.reason,
        segments=event.segments,
    )


async def _is_next(event: ApplicationEvent, school: str, store: KeeperStore) -> bool:
    await store.lock(school)
    known = await store.application_version(school, event.application)
    step = next_step(known, event.version)
    if step is Step.WAIT:
        raise Early(f"application {event.application}: version {event.version} came, {known + 1} did not yet")
    if step is Step.IGNORE:
        return False
    await store.application_reached(school, event.application, event.version)
    return True


async def _ask(hold: Hold, school: str, store: KeeperStore, state: HoldState = HoldState.ASKED) -> None:
    await store.put_hold(school, KeptHold(hold, state))
    store.publish(school, HoldAsked(hold=hold))


async def _let_go(event: ApplicationEvent, reason: Reason, school: str, store: KeeperStore) -> None:
    if not await _is_next(event, school, store):
        return
    effective_at = store.clock() + store.office.release_delay
    for kept in await store.holds_of(school, event.application):
        if not kept.stands(store.clock()) or kept.released_at is not None:
            continue
        await store.put_hold(school, KeptHold(kept.hold, HoldState.RELEASED, effective_at))
        store.publish(
            school,
            HoldReleased(hold=kept.hold.id, cause=kept.hold.cause, reason=reason, effective_at=effective_at),
        )
    await store.issue(school)


async def _adopt(hold: Hold, school: str, store: KeeperStore) -> bool:
    known = await store.hold(school, hold.id)
    if known is None:
        if hold.until <= store.clock():
            return False
        await store.put_hold(school, KeptHold(hold, HoldState.DECIDED))
        store.publish(school, HoldAsked(hold=hold))
        return True
    longer = joined(known.hold, hold)
    if longer == known.hold or not known.stands(store.clock()):
        return False
    await store.put_hold(school, replace(known, hold=longer))
    return True


HANDLERS: Mapping[type[Event], Handler[KeeperStore]] = {
    ApplicationFiled: on_application_filed,
    ApplicationApproved: on_application_approved,
    ApplicationRejected: on_application_rejected,
    ApplicationWithdrawn: on_application_withdrawn,
    ApplicationLapsed: on_application_lapsed,
    ApplicationClosed: on_application_closed,
    SweepConfirmed: on_sweep_confirmed,
    PlanApplied: on_plan_applied,
    PlanRefused: on_plan_refused,
    HoldFrozen: on_hold_frozen,
    HoldsKept: on_holds_kept,
    HoldInForce: on_hold_in_force,
    SweepStopped: on_sweep_stopped,
}
