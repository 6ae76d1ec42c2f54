"""A school: its machine, its storage, and the roles scanner, reaper, replicator with their own code."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reelwarden_backup.site.replicator import handlers as replicator
from reelwarden_backup.site.replicator.domain import Rules
from reelwarden_backup.site.replicator.line import Line
from reelwarden_backup.site.replicator.measures import Measures as ReplicatorMeasures
from reelwarden_backup.site.replicator.patience import Patience
from reelwarden_backup.site.replicator.recording import Recording
from reelwarden_backup.site.replicator.restoring import Restoring
from reelwarden_backup.site.replicator.schema import MIGRATIONS as REPLICATOR_TABLES
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_backup.site.replicator.storing import Share, Storing
from reelwarden_backup.site.replicator.upkeep import Upkeep
from reelwarden_common.clock import Clock
from reelwarden_common.errors import Transient
from reelwarden_common.events.ingest import SegmentsAnswer, SegmentsQuery
from reelwarden_common.period import KeepPeriod
from reelwarden_common.s3 import S3
from reelwarden_common.telemetry import make_telemetry
from reelwarden_ingest.site.scanner import handlers as scanner
from reelwarden_ingest.site.scanner.domain import Keeping
from reelwarden_ingest.site.scanner.measures import Measures as ScannerMeasures
from reelwarden_ingest.site.scanner.reader import Reader
from reelwarden_ingest.site.scanner.recorders import Recorders
from reelwarden_ingest.site.scanner.reports import Reports
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.schema import MIGRATIONS as SCANNER_TABLES
from reelwarden_ingest.site.scanner.storage import Storage, Unbound
from reelwarden_ingest.site.scanner.store import Catalogue
from reelwarden_ingest.site.scanner.walk import Walker
from reelwarden_retention.keys import key_id
from reelwarden_retention.site.reaper import handlers as reaper
from reelwarden_retention.site.reaper.brake import Limits
from reelwarden_retention.site.reaper.erasure import Eraser
from reelwarden_retention.site.reaper.freezes import Freezes
from reelwarden_retention.site.reaper.laying import Laying
from reelwarden_retention.site.reaper.schema import MIGRATIONS as REAPER_TABLES
from reelwarden_retention.site.reaper.store import ReaperStore, SiteRules
from reelwarden_retention.site.reaper.sweep import Sweeper
from reelwarden_retention.site.reaper.vault import Vault
from tests.simulation.bus import Bus
from tests.simulation.clock import Machine
from tests.simulation.faults import Crash, Faults
from tests.simulation.objects import Objects
from tests.simulation.processes import REGISTRY, Process, Running
from tests.simulation.storage import CAMERAS, LENGTH, FaultyDisk, InlineReader, recorders
from tests.simulation.units import SimulatedUnits, database

DELAY = timedelta(hours=72)
GRACE = timedelta(hours=12)
DAYS = 30
ZONE = "Asia/Shanghai"
LIMITS = Limits(3, 0.25)
LOST_AFTER = 60.0
_RECORDERS = Recorders(recorders())
_SCANNER_MEASURES = ScannerMeasures(make_telemetry("simulation"))
_REPLICATOR_MEASURES = ReplicatorMeasures(REGISTRY)


class School:
    """One school and its processes."""

    def __init__(
        self,
        name: str,
        folder: Path,
        machine: Machine,
        key: Ed25519PublicKey,
        world: "Around",
        *,
        write_once: bool,
    ) -> None:
        self.name, self.machine, self.key, self.world, self.write_once = name, machine, key, world, write_once
        self.root, self.state = folder / "storage", folder / "state"
        (self.root / ".reelwarden").mkdir(parents=True)
        self.state.mkdir()
        identity = {"school": name, "storage": "disk-1"}
        (self.root / ".reelwarden" / "storage.id").write_text(json.dumps(identity), encoding="utf-8")
        for camera in CAMERAS:
            (self.root / camera).mkdir()
        self.scanner: Scanner
        tables = {"scanner": SCANNER_TABLES, "reaper": REAPER_TABLES, "replicator": REPLICATOR_TABLES}
        makers = {"scanner": self._scanner, "reaper": self._reaper, "replicator": self._replicator}
        self.processes = {
            role: Process(name, role, database(*tables[role]), makers[role])
            for role in ("scanner", "reaper", "replicator")
        }

    def _units(
        self, role: str, conn: sqlite3.Connection, make: Callable[[sqlite3.Connection], Any]
    ) -> SimulatedUnits[Any]:
        return SimulatedUnits(f"{self.name}/{role}", conn, make, self.world.faults)

    def _scanner(self, conn: sqlite3.Connection) -> Running:
        clock: Clock = self.machine.now
        units = self._units("scanner", conn, lambda c: Catalogue(c, self.name, clock))
        storage = Storage(self.root)
        reader = cast("Reader", InlineReader(self.name, storage, clock))
        period = KeepPeriod(DAYS, GRACE, ZONE)

        async def hears() -> bool:
            return not self.world.bus.pending(self.name, "scanner")

        made = Scanner(
            self.name,
            storage,
            _RECORDERS,
            units,
            reader,
            _SCANNER_MEASURES,
            {camera: Keeping(managed=True, period=period) for camera in CAMERAS},
            hears,
            clock,
            self.machine.monotonic,
        )
        self.scanner = made
        walker, reports = Walker(made), Reports(made, timedelta(days=90))

        async def walk() -> None:
            try:
                await walker.walk()
            except Unbound as error:
                raise Transient(str(error)) from error

        async def missing() -> None:
            await made.report_missing(LOST_AFTER)

        loops = {"walk": walk, "settle": made.settle, "missing": missing, "count": reports.count_days}
        return Running(units, scanner.HANDLERS, loops=loops)

    async def ask(self, question: SegmentsQuery) -> SegmentsAnswer:
        """What the scanner answers, if it does."""
        if self.world.faults.dice.random() < self.world.silence:
            raise Transient("the scanner does not answer")
        try:
            return await scanner.answer_segments(question, self.scanner)
        except Crash as crash:
            self.processes["scanner"].restart()
            raise Transient("the scanner does not answer") from crash

    def _reaper(self, conn: sqlite3.Connection) -> Running:
        rules = SiteRules(
            school=self.name,
            release_delay=DELAY,
            floor_days=DAYS,
            segment_seconds=dict.fromkeys(CAMERAS, int(LENGTH.total_seconds())),
            keys={key_id(self.key): self.key},
            machine=self.machine.clock,
        )
        role, faults = f"{self.name}/reaper", self.world.faults
        units = self._units("reaper", conn, lambda c: ReaperStore(c, rules))
        disk, lock = FaultyDisk(self.root, role, faults), asyncio.Lock()
        laying = Laying(units, disk, lock, write_once=self.write_once)
        eraser = Eraser(units, disk, lambda _step: faults.point(role))
        sweeper, vault = Sweeper(units, disk, eraser, LIMITS, lock, laying), Vault(units, self.ask, laying)

        async def say_kept() -> None:
            async with units.begin() as store:
                store.say_kept()

        loops = {
            "sweep": sweeper.turn,
            "vault": vault.turn,
            "freezes": Freezes(units, self.state / "freezes").turn,
            "kept": say_kept,
        }
        return Running(units, reaper.HANDLERS, reaper.BATCHES, loops)

    def _replicator(self, conn: sqlite3.Connection) -> Running:
        conn.execute("UPDATE meta SET value = '0' WHERE key = 'made_us'")
        rules = Rules(
            school=self.name,
            policy=self.world.policy,
            priority=frozenset({"gate"}),
            periods={},
            default_period=KeepPeriod(DAYS, GRACE, ZONE),
            unmanaged=frozenset(),
            hold_margin=LENGTH,
        )
        clock: Clock = self.machine.now
        s3 = cast("S3", self.world.objects)
        units = self._units("replicator", conn, lambda c: ReplicatorStore(c, rules, clock))
        share = Share(4, Line(lambda: None))
        patience = Patience(s3, rules.bucket, clock)
        upkeep = Upkeep(units, s3, rules, patience, _REPLICATOR_MEASURES, clock)
        loops = {
            "store": Storing(units, s3, rules, self.root, patience, _REPLICATOR_MEASURES, clock, share).turn,
            "protect": upkeep.protect,
            "erase": upkeep.erase,
            "retire": upkeep.retire,
            "restore": Restoring(units, s3, self.root, patience).turn,
            "record": Recording(units, s3, rules, patience, _REPLICATOR_MEASURES).record,
        }
        return Running(units, replicator.HANDLERS, loops=loops)


class Around:
    """What a school's roles find around them."""

    faults: Faults
    bus: Bus
    objects: Objects
    policy: str
    silence: float
    """How likely the scanner does not answer a question."""
