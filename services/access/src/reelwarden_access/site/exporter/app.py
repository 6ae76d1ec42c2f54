"""Builds the exporter."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import Gauge

from reelwarden_access.site.exporter.export import Exporter
from reelwarden_access.site.exporter.files import Storage
from reelwarden_access.site.exporter.handlers import HANDLERS
from reelwarden_access.site.exporter.schema import MIGRATIONS
from reelwarden_access.site.exporter.settings import Settings
from reelwarden_access.site.exporter.store import ExporterStore
from reelwarden_common import role
from reelwarden_common.district import load
from reelwarden_common.events.ingest import SegmentsAnswer, SegmentsQuery
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from reelwarden_common.telemetry import make_telemetry


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[ExporterStore]]:
    """The role as its settings say.

    Raises:
        ConfigError, Refused: district.toml is wrong, or has no such school.
        StorageFull, StateDamaged: the role's own file cannot be opened.
    """
    school, path = settings.school, settings.state_dir / "exporter.sqlite"
    storage = Storage(load(settings.district_toml).storage(school))
    bus = Bus("exporter", settings)
    conn = open_database(path, MIGRATIONS)
    units = SqliteUnits(conn, path, lambda connection: ExporterStore(connection, school))
    s3 = S3(S3Settings.read())
    ask = partial(_ask, bus, school)
    telemetry = make_telemetry("exporter", school)
    waiting = Gauge("reelwarden_exports_waiting", "exports not done yet", registry=telemetry.registry)
    waiting.set_function(partial(_waiting, conn, school))
    exporter = Exporter(settings, units, storage, s3, ask)
    try:
        yield Role(
            "exporter",
            settings,
            bus,
            units,
            HANDLERS,
            loops=(
                Loop("export", settings.export_seconds, exporter.turn),
                Loop("erase", settings.erase_exports_seconds, exporter.erase_old),
            ),
            telemetry=telemetry,
        )
    finally:
        exporter.close()
        s3.close()
        conn.close()


def _waiting(conn: sqlite3.Connection, school: str) -> float:
    return ExporterStore(conn, school).waiting()


async def _ask(bus: Bus, school: str, question: SegmentsQuery) -> SegmentsAnswer:
    return await bus.ask(SCANNER_SEGMENTS, school, question, SegmentsAnswer)


def main() -> None:
    """`python -m reelwarden_access.site.exporter.app`."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
