"""Builds the scanner."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import nats.errors

from reelwarden_common import role
from reelwarden_common.district import DistrictConfig, Erasure, load
from reelwarden_common.events.ingest import SegmentsQuery
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS, Stream
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.telemetry import make_telemetry
from reelwarden_ingest.site.scanner.domain import Keeping
from reelwarden_ingest.site.scanner.fsck import checks
from reelwarden_ingest.site.scanner.handlers import HANDLERS, answer_segments
from reelwarden_ingest.site.scanner.measures import Measures
from reelwarden_ingest.site.scanner.reader import Reader
from reelwarden_ingest.site.scanner.recorders import Recorders
from reelwarden_ingest.site.scanner.reports import Reports
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.schema import MIGRATIONS
from reelwarden_ingest.site.scanner.settings import Settings
from reelwarden_ingest.site.scanner.storage import Storage
from reelwarden_ingest.site.scanner.store import Catalogue
from reelwarden_ingest.site.scanner.walk import Walker
from reelwarden_ingest.site.scanner.watch import Watcher

SETTLE_EVERY = 0.1
LOOK_EVERY = 0.5


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[Catalogue]]:
    """The role as its settings say.

    Raises:
        ConfigError, Refused: district.toml is wrong, or has no such school.
        StorageFull, StateDamaged: the catalogue cannot be opened.
    """
    config = load(settings.district_toml)
    school, path = settings.school, settings.state_dir / "scanner.sqlite"
    storage = Storage(config.storage(school))
    conn = open_database(path, MIGRATIONS)
    units = SqliteUnits(conn, path, lambda connection: Catalogue(connection, school))
    reader = Reader(school, storage, settings.workers)
    telemetry = make_telemetry("scanner", school)
    recorders = Recorders.of(config, school)
    bus = Bus("scanner", settings)
    scanner = Scanner(
        school,
        storage,
        recorders,
        units,
        reader,
        Measures(telemetry),
        keeping(config, school),
        partial(hears_all, bus),
    )
    try:
        yield Role(
            "scanner",
            settings,
            bus,
            units,
            HANDLERS,
            loops=loops(scanner, settings),
            answers=(
                Answer(SCANNER_SEGMENTS, SegmentsQuery, partial(answer_segments, scanner=scanner)),
                *checks(scanner).answers(),
            ),
            telemetry=telemetry,
            readiness=partial(readiness, scanner),
        )
    finally:
        reader.stop()
        conn.close()


def loops(scanner: Scanner, settings: Settings) -> tuple[Loop, ...]:
    """What the scanner does by itself."""
    walker, watcher = Walker(scanner), Watcher(scanner)
    reports = Reports(scanner, timedelta(days=settings.forget_days))
    return (
        Loop("walk", LOOK_EVERY, partial(walker.turn, settings.scan_seconds)),
        Loop("watch", LOOK_EVERY, watcher.watch),
        Loop("settle", SETTLE_EVERY, scanner.settle),
        Loop("missing", LOOK_EVERY, partial(scanner.report_missing, settings.lost_after_seconds)),
        Loop("count", settings.count_seconds, reports.count_days),
        Loop("measure", settings.measure_seconds, reports.measure_storage),
        Loop("cameras", settings.measure_seconds, reports.look_at_cameras),
    )


def keeping(config: DistrictConfig, school: str) -> Mapping[str, Keeping]:
    """Who erases each camera's footage, and when."""
    managed = config.school(school).erasure is Erasure.MANAGED
    cameras = config.school(school).cameras
    return {camera.id: Keeping(managed, config.keep_period(school, camera.id)) for camera in cameras}


async def hears_all(bus: Bus) -> bool:
    """Whether everything that was said at the school was heard."""
    if not bus.broker.connection.is_connected:
        return False
    try:
        info = await bus.broker.jetstream.consumer_info(Stream.SITE, bus.role.name, timeout=2)
    except (nats.errors.Error, TimeoutError):
        return False
    return not info.num_pending and not info.num_ack_pending


async def readiness(scanner: Scanner) -> str | None:
    """What keeps the scanner from its work."""
    return scanner.unbound or scanner.problem


def main() -> None:
    """`python -m reelwarden_ingest.site.scanner.app`."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
