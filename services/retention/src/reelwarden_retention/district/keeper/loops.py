"""What the keeper does by itself: holds that ended, plans that grew old."""

from datetime import timedelta

from reelwarden_common.events.retention import HoldLapsed
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_retention.district.keeper.domain import HoldState, KeptHold
from reelwarden_retention.district.keeper.store import KeeperStore

HOLDS_A_TURN = 500


async def lapse(units: PgUnits[KeeperStore]) -> None:
    """Say which holds reached their end date; their sites know it by themselves."""
    async with units.begin() as store:
        ended = await store.ended(store.clock(), HOLDS_A_TURN)
    for school, hold in ended:
        async with units.begin() as store:
            await store.lock(school)
            kept = await store.hold(school, hold)
            if kept is None or kept.state is HoldState.LAPSED or kept.hold.until > store.clock():
                continue
            await store.put_hold(school, KeptHold(kept.hold, HoldState.LAPSED, kept.released_at))
            if kept.released_at is None:
                store.publish(school, HoldLapsed(hold=hold, cause=kept.hold.cause))


async def refresh(units: PgUnits[KeeperStore], longest: timedelta) -> None:
    """Issue anew what is older than `longest`: a site that booted learns the time from a fresh plan."""
    async with units.begin() as store:
        schools = await store.older_than(store.clock() - longest)
    for school in schools:
        async with units.begin() as store:
            await store.lock(school)
            newest = await store.newest(school)
            if newest is not None and newest.issued_at < store.clock() - longest:
                await store.issue(school)
