"""What the keeper hears: applications become holds, sites tell what they keep, every change a new plan."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from reelwarden_common.envelope import Envelope
from reelwarden_common.errors import Early
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationClosed,
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationRejected,
    ApplicationWithdrawn,
    ExtensionEnded,
    ExtensionFiled,
    ExtensionGranted,
    ReleaseStopped,
    SweepConfirmed,
)
from reelwarden_common.events.base import Event, Id, Reason
from reelwarden_common.events.report import RulesPublished
from reelwarden_common.events.retention import (
    Hold,
    HoldAsked,
    HoldDecided,
    HoldFrozen,
    HoldInForce,
    HoldReleased,
    HoldsKept,
    HoldSource,
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
    decided,
    epoch_after,
    holds_for,
    next_step,
    release_stopped,
    released,
    taken_back,
)
from reelwarden_retention.district.keeper.store import KeeperStore


async def on_application_filed(event: ApplicationFiled, envelope: Envelope, store: KeeperStore) -> None:
    """Footage is held from the moment an application is filed, provisionally (R4.2)."""
    if not await _is_next(event.application, event.version, envelope.school, store):
        return
    holds = holds_for(HoldSource.APPLICATION, event.application, event.spans, event.purpose, event.hold_until)
    await _ask_all(holds, envelope.school, store)


async def on_application_approved(event: ApplicationApproved, envelope: Envelope, store: KeeperStore) -> None:
    """The holds are no longer provisional: they stand until the approved end date."""
    if await _is_next(event.application, event.version, envelope.school, store):
        await _decide(event.application, event.hold_until, envelope.school, store)


async def on_application_rejected(event: ApplicationRejected, envelope: Envelope, store: KeeperStore) -> None:
    """Release after the delay, in which the applicant may appeal."""
    if await _is_next(event.application, event.version, envelope.school, store):
        await _let_go(event.application, "rejected", envelope.school, store)


async def on_application_withdrawn(
    event: ApplicationWithdrawn, envelope: Envelope, store: KeeperStore
) -> None:
    if await _is_next(event.application, event.version, envelope.school, store):
        await _let_go(event.application, "withdrawn", envelope.school, store)


async def on_application_lapsed(event: ApplicationLapsed, envelope: Envelope, store: KeeperStore) -> None:
    if await _is_next(event.application, event.version, envelope.school, store):
        await _let_go(event.application, "lapsed", envelope.school, store)


async def on_application_closed(event: ApplicationClosed, envelope: Envelope, store: KeeperStore) -> None:
    """Its purpose is achieved, and so is the hold's (条例 art. 17)."""
    if await _is_next(event.application, event.version, envelope.school, store):
        await _let_go(event.application, "closed", envelope.school, store)


async def on_extension_filed(event: ExtensionFiled, envelope: Envelope, store: KeeperStore) -> None:
    """Footage that somebody asks to keep for longer is held until that is decided (R3.1)."""
    if not await _is_next(event.extension, event.version, envelope.school, store):
        return
    holds = holds_for(event.source, event.extension, event.spans, event.purpose, event.until)
    await _ask_all(holds, envelope.school, store)


async def on_extension_granted(event: ExtensionGranted, envelope: Envelope, store: KeeperStore) -> None:
    """Approved, or renewed by a signed review: its holds stand until the new end date (R3.1)."""
    if await _is_next(event.extension, event.version, envelope.school, store):
        await _decide(event.extension, event.until, envelope.school, store)


async def on_extension_ended(event: ExtensionEnded, envelope: Envelope, store: KeeperStore) -> None:
    """Refused, or its purpose is achieved: release after the delay (条例 art. 17)."""
    if await _is_next(event.extension, event.version, envelope.school, store):
        await _let_go(event.extension, event.reason, envelope.school, store)


async def on_release_stopped(event: ReleaseStopped, envelope: Envelope, store: KeeperStore) -> None:
    """A person takes a waiting release back: the next plan does not name it any more."""
    school = envelope.school
    if not await _is_next(event.cause, event.version, school, store):
        return
    for kept in await store.holds_of(school, event.cause):
        if goes_on := release_stopped(kept, store.clock()):
            await store.put_hold(school, goes_on)
            store.publish(school, HoldDecided(hold=goes_on.hold))
    await store.issue(school)


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


async def on_rules_published(event: RulesPublished, _: Envelope, store: KeeperStore) -> None:
    """What it says of keep-days counts from its day on; plans follow by themselves (R6)."""
    keep_days = event.settings.keep_days if event.settings else None
    await store.add_rules(event.version, event.effective_from, keep_days)


async def _is_next(aggregate: Id, version: int, school: str, store: KeeperStore) -> bool:
    """Whether this step of an application or extension is the next; notes it if so.

    Raises:
        Early: a step before it was not heard yet.
    """
    await store.lock(school)
    known = await store.application_version(school, aggregate)
    step = next_step(known, version)
    if step is Step.WAIT:
        raise Early(f"application {aggregate}: version {version} came, {known + 1} did not yet")
    if step is Step.IGNORE:
        return False
    await store.application_reached(school, aggregate, version)
    return True


async def _ask(hold: Hold, school: str, store: KeeperStore, state: HoldState = HoldState.ASKED) -> None:
    await store.put_hold(school, KeptHold(hold, state))
    store.publish(school, HoldAsked(hold=hold))


async def _ask_all(holds: Iterable[Hold], school: str, store: KeeperStore) -> None:
    for hold in holds:
        await _ask(hold, school, store)
    await store.issue(school)


async def _decide(cause: Id, until: datetime, school: str, store: KeeperStore) -> None:
    now = store.clock()
    for kept in await store.holds_of(school, cause):
        if kept.released_at is not None and kept.released_at <= now:
            continue
        longer = decided(kept, until)
        if longer.stands(now):
            await store.put_hold(school, longer)
            store.publish(school, HoldDecided(hold=longer.hold))
    await store.issue(school)


async def _let_go(cause: Id, reason: Reason, school: str, store: KeeperStore) -> None:
    now = store.clock()
    effective_at = now + store.office.release_delay
    for kept in await store.holds_of(school, cause):
        if freed := released(kept, effective_at, now):
            await store.put_hold(school, freed)
            store.publish(
                school,
                HoldReleased(hold=kept.hold.id, cause=cause, reason=reason, effective_at=effective_at),
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
    longer = taken_back(known, hold, store.clock())
    if longer is not None:
        await store.put_hold(school, longer)
    return longer is not None


HANDLERS: Mapping[type[Event], Handler[KeeperStore]] = {
    ApplicationFiled: on_application_filed,
    ApplicationApproved: on_application_approved,
    ApplicationRejected: on_application_rejected,
    ApplicationWithdrawn: on_application_withdrawn,
    ApplicationLapsed: on_application_lapsed,
    ApplicationClosed: on_application_closed,
    ExtensionFiled: on_extension_filed,
    ExtensionGranted: on_extension_granted,
    ExtensionEnded: on_extension_ended,
    ReleaseStopped: on_release_stopped,
    SweepConfirmed: on_sweep_confirmed,
    PlanApplied: on_plan_applied,
    PlanRefused: on_plan_refused,
    HoldFrozen: on_hold_frozen,
    HoldsKept: on_holds_kept,
    HoldInForce: on_hold_in_force,
    SweepStopped: on_sweep_stopped,
    RulesPublished: on_rules_published,
}
