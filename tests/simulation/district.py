"""The district: keeper, index and ledger on one database, which may be set back to an older copy."""

import sqlite3
from datetime import timedelta
from functools import partial
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_backup.district.ledger import handlers as ledger
from reelwarden_backup.district.ledger.measures import Measures
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_backup.district.ledger.verifying import Verifying
from reelwarden_common.envelope import Envelope
from reelwarden_common.events.retention import CameraPeriod
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_common.s3 import S3
from reelwarden_ingest.district.index import handlers as index
from reelwarden_ingest.district.index.footage import KnownDays
from reelwarden_ingest.district.index.store import IndexStore
from reelwarden_ingest.district.index.upkeep import Upkeep
from reelwarden_retention.district.keeper import handlers as keeper
from reelwarden_retention.district.keeper.domain import policies
from reelwarden_retention.district.keeper.loops import lapse, refresh
from reelwarden_retention.district.keeper.store import KeeperStore, Office
from tests.simulation.bus import HUB
from tests.simulation.clock import Time
from tests.simulation.postgres import Connection, tables_of
from tests.simulation.processes import REGISTRY, Process, Running, Turn
from tests.simulation.school import DELAY, GRACE, ZONE, Around
from tests.simulation.storage import CAMERAS
from tests.simulation.units import SimulatedUnits, database

TABLES = {
    role: tables_of(service)
    for role, service in (("keeper", "retention"), ("index", "ingest"), ("ledger", "backup"))
}
PLAN_LASTS = timedelta(hours=24)
SETTLE = timedelta(seconds=30)
ASK_AGAIN = timedelta(minutes=5)
SAMPLE, SAMPLE_AGE = 20, timedelta(days=1)
_MEASURES = Measures(REGISTRY)


class District:
    """The roles at the district."""

    def __init__(self, time: Time, key: Ed25519PrivateKey, world: Around) -> None:
        self._time, self._key, self._world = time, key, world
        self.wanted: dict[str, dict[str, int]] = {}
        """Keep-days, by school and camera."""
        makers = {"keeper": self._keeper, "index": self._index, "ledger": self._ledger}
        self.processes = {
            role: Process(HUB, role, database(TABLES[role]), makers[role])
            for role in ("keeper", "index", "ledger")
        }

    def _units(self, role: str, conn: sqlite3.Connection, make: Any) -> SimulatedUnits[Any]:
        return SimulatedUnits(
            f"{HUB}/{role}", conn, lambda c: make(cast("Any", Connection(c))), self._world.faults
        )

    def _keeper(self, conn: sqlite3.Connection) -> Running:
        office = Office(self._key, DELAY, self._time)
        units = self._units("keeper", conn, lambda c: KeeperStore(c, office))
        as_theirs = cast("PgUnits[KeeperStore]", units)
        loops: dict[str, Turn] = {
            "lapse": partial(lapse, as_theirs),
            "refresh": partial(refresh, as_theirs, PLAN_LASTS),
            "policies": self._policies,
        }
        return Running(units, keeper.HANDLERS, loops=loops)

    def _index(self, conn: sqlite3.Connection) -> Running:
        known = KnownDays()
        units = self._units("index", conn, lambda c: IndexStore(c, known, SETTLE, self._time))
        loops: dict[str, Turn] = {"compare": Upkeep(units, ASK_AGAIN).compare_days}

        def prepare(event: Any, envelope: Envelope) -> Any:
            return index.sorted_out(event, envelope, self._time())

        return Running(units, index.HANDLERS, index.BATCHES, loops, prepare)

    def _ledger(self, conn: sqlite3.Connection) -> Running:
        units = self._units("ledger", conn, lambda c: LedgerStore(c, self._time))
        verifying = Verifying(units, cast("S3", self._world.objects), _MEASURES, self._time)
        loops: dict[str, Turn] = {
            "verify": verifying.verify_new,
            "sample": partial(verifying.verify_sample, SAMPLE, SAMPLE_AGE),
        }
        return Running(units, ledger.HANDLERS, loops=loops)

    async def _policies(self) -> None:
        """As a keeper does when it starts, with what `district.toml` says then."""
        for school, days in self.wanted.items():
            periods = [_period(camera, days[camera]) for camera in CAMERAS]
            async with self.processes["keeper"].running.units.begin() as store:
                await store.lock(school)
                known = await store.policies(school)
                await store.put_policies(school, policies(known, periods, store.clock(), DELAY))
                await store.issue(school, unless_same=True)

    def copy(self) -> dict[str, bytes]:
        """A copy of the whole database."""
        return {role: one.conn.serialize() for role, one in self.processes.items()}

    def set_back(self, copy: dict[str, bytes]) -> None:
        """The database is lost; an older copy takes its place."""
        for role, image in copy.items():
            self.processes[role].restart(database(image=image))


def _period(camera: str, days: int) -> CameraPeriod:
    grace = int(GRACE.total_seconds() // 60)
    return CameraPeriod(camera=camera, days=days, grace_minutes=grace, zone=ZONE, managed=True)
