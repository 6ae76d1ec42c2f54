"""Puts the keeper together: `python -m reelwarden_retention.district.keeper.app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from reelwarden_common import role
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import load
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_retention.district.keeper.handlers import HANDLERS
from reelwarden_retention.district.keeper.loops import lapse, refresh
from reelwarden_retention.district.keeper.policy import bring_up_to_date
from reelwarden_retention.district.keeper.settings import Settings
from reelwarden_retention.district.keeper.store import KeeperStore, Office
from reelwarden_retention.keys import read_private

REFRESH_LOOKS = 300.0


@asynccontextmanager
async def build(settings: Settings, clock: Clock = system_clock) -> AsyncIterator[Role[KeeperStore]]:
    """The keeper, with the policies of its `district.toml` in force.

    Raises:
        BadKey, ConfigError: key or file are not usable.
    """
    config = load(settings.district_toml)
    office = Office(read_private(settings.keeper_key), config.release_delay, clock)
    pool = await open_pool(settings.database_url.get_secret_value(), "retention")
    units = PgUnits(pool, "keeper", lambda conn: KeeperStore(conn, office))
    longest = timedelta(hours=settings.plan_refresh_hours)

    async def keep_policy() -> None:
        await bring_up_to_date(units, config)

    try:
        await keep_policy()
        yield Role(
            "keeper",
            settings,
            Bus("keeper", settings),
            units,
            HANDLERS,
            loops=(
                Loop("lapse", settings.lapse_seconds, partial(lapse, units)),
                Loop("policy", settings.policy_seconds, keep_policy),
                Loop("refresh", REFRESH_LOOKS, partial(refresh, units, longest)),
            ),
        )
    finally:
        await pool.close()


def main() -> None:
    """Entry point."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
