"""Puts the reaper together: `python -m reelwarden_retention.site.reaper.app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_common import role
from reelwarden_common.district import load
from reelwarden_common.events.ingest import SegmentsAnswer, SegmentsQuery
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_retention.keys import read_pinned
from reelwarden_retention.site.reaper.brake import Limits
from reelwarden_retention.site.reaper.budget import Budget
from reelwarden_retention.site.reaper.disk import Disk
from reelwarden_retention.site.reaper.erasure import Eraser
from reelwarden_retention.site.reaper.freezes import Freezes
from reelwarden_retention.site.reaper.fsck import checks
from reelwarden_retention.site.reaper.handlers import BATCHES, HANDLERS
from reelwarden_retention.site.reaper.laying import Laying
from reelwarden_retention.site.reaper.machine_clock import MachineClock
from reelwarden_retention.site.reaper.schema import MIGRATIONS
from reelwarden_retention.site.reaper.settings import Settings
from reelwarden_retention.site.reaper.store import ReaperStore, SiteRules
from reelwarden_retention.site.reaper.sweep import Sweeper
from reelwarden_retention.site.reaper.vault import Vault

FREEZE_LOOKS = 2.0


@asynccontextmanager
async def build(settings: Settings, machine: MachineClock | None = None) -> AsyncIterator[Role[ReaperStore]]:
    """The reaper of one school.

    Raises:
        BadKey, ConfigError, StateDamaged: what it stands on is not usable.
    """
    config = load(settings.district_toml)
    school = config.school(settings.school)
    rules = SiteRules(
        school=school.id,
        release_delay=config.release_delay,
        floor_days=settings.floor_days,
        floors={camera.id: config.floor_days(school.id, camera.id) for camera in school.cameras},
        segment_seconds={camera.id: camera.recorder.segment_seconds for camera in school.cameras},
        keys=read_pinned(settings.keeper_public_key),
        machine=machine or MachineClock(),
    )
    path = settings.state_dir / "reaper.db"
    conn = open_database(path, MIGRATIONS)
    units = SqliteUnits(conn, path, lambda conn: ReaperStore(conn, rules))
    bus = Bus("reaper", settings)

    async def ask(question: SegmentsQuery) -> SegmentsAnswer:
        return await bus.ask(SCANNER_SEGMENTS, school.id, question, SegmentsAnswer)

    disk, storage = Disk(config.storage(school.id)), asyncio.Lock()
    limits = Limits(settings.brake_segments, settings.brake_share)
    laying = Laying(units, disk, storage, write_once=school.write_once)
    sweeper = Sweeper(units, disk, Eraser(units, disk), limits, storage, laying)
    budget = Budget(units, disk, settings.vault_share, write_once=school.write_once)
    vault = Vault(units, ask, laying)
    freezes = Freezes(units, settings.state_dir / "freezes")

    async def say_kept() -> None:
        async with units.begin() as store:
            said = store.kept_said_at()
            if said is None or store.clock() - said >= timedelta(seconds=settings.kept_seconds):
                store.say_kept()

    async def say_belief() -> None:
        async with units.begin() as store:
            store.say_belief()

    try:
        yield Role(
            "reaper",
            settings,
            bus,
            units,
            HANDLERS,
            BATCHES,
            answers=checks(units, disk, storage, vault).answers(),
            loops=(
                Loop("vault", settings.vault_seconds, vault.turn),
                Loop("measure", settings.measure_seconds, budget.turn),
                Loop("clock", settings.measure_seconds, say_belief),
                Loop("sweep", settings.sweep_seconds, sweeper.turn),
                Loop("freezes", FREEZE_LOOKS, freezes.turn),
                Loop("kept", min(settings.kept_seconds, 60), say_kept),
            ),
        )
    finally:
        conn.close()


def main() -> None:
    """Entry point."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
