"""Builds intake: one line per school, one border per school and stream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from reelwarden_common import role
from reelwarden_common.district import load
from reelwarden_common.messaging.login import Login
from reelwarden_common.messaging.nats_config import UP
from reelwarden_common.messaging.units import NoUnits, Store
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.telemetry import log, make_telemetry
from reelwarden_ingest.district.intake.border import Border, Gauges
from reelwarden_ingest.district.intake.domain import Bucket
from reelwarden_ingest.district.intake.handlers import HANDLERS, Pace
from reelwarden_ingest.district.intake.line import Line
from reelwarden_ingest.district.intake.settings import Settings
from reelwarden_ingest.district.intake.store import ROLE, Hub

AGAIN_SECONDS = 1.0
DAY_SECONDS = 86_400.0


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[Store]]:
    """Build intake for the schools of district.toml.

    A school that was not let in yet (docs/keys.md) has no line: it is told, and shows as cut off.
    """
    bus = Bus(ROLE, settings)
    telemetry = make_telemetry(ROLE)
    gauges = Gauges.make(telemetry)
    listed = [school.id for school in load(settings.district_toml).schools]
    schools = [school for school in listed if school in settings.intake_seeds]
    if absent := [school for school in listed if school not in schools]:
        log(ROLE).warning("not_let_in", schools=absent)
    lines = {school: Line(_login(settings, school), school) for school in schools}
    loops = [
        Loop(f"pull {school} {stream}", AGAIN_SECONDS, border.turn)
        for school in schools
        for stream in UP
        for border in [
            Border(
                lines[school],
                stream,
                Hub(lambda: bus.broker.jetstream, school, stream),
                _pace(settings),
                gauges,
            )
        ]
    ]
    try:
        yield Role(ROLE, settings, bus, NoUnits(ROLE), HANDLERS, loops=loops, telemetry=telemetry)
    finally:
        for line in lines.values():
            await line.close()


def _login(settings: Settings, school: str) -> Login:
    return replace(settings.login, seed=settings.intake_seeds[school].get_secret_value())


def _pace(settings: Settings) -> Pace:
    return Pace(
        Bucket.full(settings.intake_messages_per_second),
        Bucket.full(settings.intake_bytes_per_second),
        Bucket.full(settings.intake_bytes_per_day / DAY_SECONDS, seconds=DAY_SECONDS),
        Bucket.full(settings.intake_refusals_per_second, seconds=10),
    )


def main() -> None:
    """Run intake until a signal."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
