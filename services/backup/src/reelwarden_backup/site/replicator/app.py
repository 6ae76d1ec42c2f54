"""The replicator: copies a school's footage to the S3 store, and back (R3.2, R4.1)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_backup.site.replicator.domain import Limits, Rules, Window
from reelwarden_backup.site.replicator.fsck import checks
from reelwarden_backup.site.replicator.handlers import HANDLERS
from reelwarden_backup.site.replicator.line import Line
from reelwarden_backup.site.replicator.measures import Measures
from reelwarden_backup.site.replicator.patience import Patience
from reelwarden_backup.site.replicator.recording import Recording
from reelwarden_backup.site.replicator.restoring import Restoring
from reelwarden_backup.site.replicator.schema import MIGRATIONS
from reelwarden_backup.site.replicator.settings import Settings
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_backup.site.replicator.storing import Share, Storing
from reelwarden_backup.site.replicator.upkeep import Upkeep
from reelwarden_common import district, role
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import DistrictConfig, Erasure
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.period import KeepPeriod
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from reelwarden_common.telemetry import make_telemetry

RETIRE_SECONDS = 600
OTHER_THREADS = 2
"""For locks, holds, erasures, restores: they never wait behind what is copied."""


def rules_of(config: DistrictConfig, school: str) -> Rules:
    """What the district's file says about one school's backups."""
    here = config.school(school)
    grace = timedelta(hours=config.retention.grace_hours)
    default = KeepPeriod(here.keep_days or config.retention.keep_days, grace, config.time_zone)
    longest = max((camera.recorder.segment_seconds for camera in here.cameras), default=60)
    return Rules(
        school=school,
        policy=here.backup or config.backup.policy,
        priority=frozenset(camera.id for camera in here.cameras if camera.priority),
        periods={camera.id: config.keep_period(school, camera.id) for camera in here.cameras},
        default_period=default,
        unmanaged=frozenset(c.id for c in here.cameras if here.erasure is Erasure.RECORDER_MANAGED),
        hold_margin=timedelta(seconds=longest),
        policies={camera.id: config.backup_policy(school, camera.id) for camera in here.cameras},
    )


def limits_of(config: DistrictConfig, school: str) -> Limits:
    """What the district's file says about a school's line; windows are in megabits a second."""
    windows = config.school(school).backup_windows
    return Limits(tuple(Window(one.begin, one.end, one.mbit * 1e6 / 8) for one in windows), config.time_zone)


@asynccontextmanager
async def build(
    settings: Settings, s3_settings: S3Settings | None = None, clock: Clock = system_clock
) -> AsyncIterator[Role[ReplicatorStore]]:
    """The replicator of one school, ready to run."""
    config = district.load(settings.district_toml)
    rules, storage = rules_of(config, settings.school), config.storage(settings.school)
    path = settings.state_dir / "replicator.sqlite"
    conn = open_database(path, MIGRATIONS)
    units = SqliteUnits(conn, path, lambda connection: ReplicatorStore(connection, rules, clock))
    async with units.begin() as store:
        store.heard.follow_policy()
    limits = limits_of(config, settings.school)
    line = Line(lambda: limits.at(clock()))
    s3 = S3(s3_settings or S3Settings.read(), settings.store_parallel + OTHER_THREADS, line.pace)
    telemetry = make_telemetry("replicator", settings.school)
    measures = Measures(telemetry.registry)
    patience = Patience(s3, rules.bucket, clock)
    storing = Storing(
        units, s3, rules, storage, patience, measures, clock, Share(settings.store_parallel, line)
    )
    upkeep = Upkeep(units, s3, rules, patience, measures, clock)
    restoring = Restoring(units, s3, storage, patience)
    recording = Recording(units, s3, rules, patience, measures)
    loops = (
        Loop("store", settings.turn_seconds, storing.turn),
        Loop("protect", settings.turn_seconds, upkeep.protect),
        Loop("erase", settings.turn_seconds, upkeep.erase),
        Loop("restore", settings.turn_seconds, restoring.turn),
        Loop("record", settings.run_seconds, recording.record),
        Loop("backlog", settings.backlog_seconds, recording.tell_backlog),
        Loop("retire", RETIRE_SECONDS, upkeep.retire),
    )
    try:
        bus = Bus("replicator", settings)
        answers = checks(units, s3, rules, storage, clock).answers()
        yield Role(
            "replicator", settings, bus, units, HANDLERS, loops=loops, answers=answers, telemetry=telemetry
        )
    finally:
        s3.close()
        conn.close()


def main() -> None:
    """Run it as a process of its own."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
