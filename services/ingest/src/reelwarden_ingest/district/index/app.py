"""Builds the index."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_common import role
from reelwarden_common.district import DistrictConfig, load
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_ingest.district.index.footage import ROLE, KnownDays
from reelwarden_ingest.district.index.fsck import checks
from reelwarden_ingest.district.index.handlers import BATCHES, HANDLERS, PREPARE, answers
from reelwarden_ingest.district.index.settings import Settings
from reelwarden_ingest.district.index.store import IndexStore
from reelwarden_ingest.district.index.upkeep import Upkeep


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[IndexStore]]:
    """Build the index on the schema `ingest`."""
    bus = Bus(ROLE, settings)
    config = load(settings.district_toml)
    known = KnownDays()
    settle = timedelta(seconds=settings.index_settle_seconds)
    pool = await open_pool(settings.database_url.get_secret_value(), "ingest")
    units = PgUnits(pool, ROLE, lambda conn: IndexStore(conn, known, settle))
    upkeep = Upkeep(units, timedelta(seconds=settings.index_ask_again_seconds))
    try:
        yield Role(
            ROLE,
            settings,
            bus,
            units,
            HANDLERS,
            batches=BATCHES,
            prepare=PREPARE,
            loops=_loops(upkeep, config),
            answers=(*answers(units), *checks(units).answers()),
        )
    finally:
        await pool.close()


def _loops(upkeep: Upkeep, config: DistrictConfig) -> tuple[Loop, ...]:
    async def register() -> None:
        await upkeep.register(config)

    return (
        Loop("register", 600, register),
        Loop("compare days", 2, upkeep.compare_days),
        Loop("find conflicts", 2, upkeep.find_conflicts),
        Loop("count coverage", 15, upkeep.count_coverage),
        Loop("drop erased days", 600, upkeep.drop_erased_days),
    )


def main() -> None:
    """Run the index until a signal."""
    # A batch is ten thousand models that live for a moment: looking through all objects each 700 costs a
    # fifth of the time. What is imported by now stays anyway.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    role.main(Settings, build)


if __name__ == "__main__":
    main()
