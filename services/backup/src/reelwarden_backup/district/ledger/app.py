"""The ledger: what copies there are, whether they are good, and how to get footage back (R3.2, R4.1)."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_backup.district.ledger.domain import SetTimes
from reelwarden_backup.district.ledger.drilling import Drilling
from reelwarden_backup.district.ledger.fsck import checks
from reelwarden_backup.district.ledger.handlers import HANDLERS
from reelwarden_backup.district.ledger.measures import Measures
from reelwarden_backup.district.ledger.queries import answers
from reelwarden_backup.district.ledger.settings import Settings
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_backup.district.ledger.verifying import Verifying
from reelwarden_common import role
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from reelwarden_common.telemetry import make_telemetry

LONGEST_WAIT = 3600.0
"""Rare work is looked for at least once an hour, whatever its period: replicas share it by the tables."""


@asynccontextmanager
async def build(
    settings: Settings, s3_settings: S3Settings | None = None, clock: Clock = system_clock
) -> AsyncIterator[Role[LedgerStore]]:
    """The ledger, ready to run."""
    pool = await open_pool(settings.database_url.get_secret_value(), "backup")
    s3 = S3(s3_settings or S3Settings.read(), settings.verify_parallel)
    units = PgUnits(pool, "ledger", lambda conn: LedgerStore(conn, clock))
    telemetry = make_telemetry("ledger")
    verifying = Verifying(units, s3, Measures(telemetry.registry), clock)
    sample_age = timedelta(seconds=settings.sample_seconds)
    sample_wait = min(settings.sample_seconds, LONGEST_WAIT)
    sample_share = math.ceil(settings.sample_objects * sample_wait / settings.sample_seconds)
    drilling = Drilling(units, s3, timedelta(seconds=settings.drill_seconds), settings.drill_objects)

    times = SetTimes(timedelta(hours=settings.read_first_hours), timedelta(days=settings.read_again_days))
    again_wait = min(times.again.total_seconds() / 10, LONGEST_WAIT)

    async def sample() -> None:
        await verifying.verify_sample(sample_share, sample_age)

    async def again() -> None:
        await verifying.verify_overdue(times.next)

    async def measure() -> None:
        await verifying.measure(times, settings.measure_seconds)

    loops = (
        Loop("verify", settings.verify_seconds, verifying.verify_new),
        Loop("sample", sample_wait, sample),
        Loop("again", again_wait, again),
        Loop("measure", settings.measure_seconds, measure),
        Loop("drill", min(settings.drill_seconds, LONGEST_WAIT), drilling.turn),
    )
    try:
        bus = Bus("ledger", settings)
        told = (*answers(pool), *checks(units, s3, clock).answers())
        yield Role("ledger", settings, bus, units, HANDLERS, loops=loops, answers=told, telemetry=telemetry)
    finally:
        s3.close()
        await pool.close()


def main() -> None:
    """Run it as a process of its own."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
