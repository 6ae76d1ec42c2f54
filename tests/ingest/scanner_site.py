"""A school's storage with its recorders, and a scanner on it without the bus: what it would publish is read
from its outbox."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from reelwarden_common.district import Layout as ConfigLayout
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.period import KeepPeriod
from reelwarden_common.telemetry import make_telemetry
from reelwarden_ingest.site.scanner import recorders as layouts
from reelwarden_ingest.site.scanner.domain import Keeping
from reelwarden_ingest.site.scanner.measures import Measures
from reelwarden_ingest.site.scanner.reader import Reader
from reelwarden_ingest.site.scanner.reports import Reports
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.schema import MIGRATIONS
from reelwarden_ingest.site.scanner.storage import Storage
from reelwarden_ingest.site.scanner.store import Catalogue
from reelwarden_ingest.site.scanner.walk import Walker
from reelwarden_ingest.site.scanner.watch import Watcher
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.manifest import FileKind, WrittenFile
from reelwarden_local.recorders.recorder import Recorder

SCHOOL = "s001"
E = TypeVar("E", bound=Event)

GATE = RecordedCamera("gate", "校门", Layout.FRIGATE, "frigate", "gate_cam")
YARD = RecordedCamera("yard", "操场", Layout.MEDIAMTX, "mediamtx", "north/yard")
HALL = RecordedCamera("hall", "走廊", Layout.TEMPLATE, "录像 ffmpeg/hall", "", "%Y-%m-%d/%H-%M-%S.mp4")
CAMERAS = (GATE, YARD, HALL)


def days_ago(days: float) -> datetime:
    """A whole second in the past."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)


def scanned(camera: RecordedCamera) -> layouts.RecordedCamera:
    """The scanner's view of a recorder's camera."""
    return layouts.RecordedCamera(
        id=camera.id,
        layout=ConfigLayout(camera.layout),
        folder=camera.folder,
        source=camera.source,
        template=camera.template,
        zone=ZoneInfo(camera.time_zone),
        segment_length=camera.length,
    )


@dataclass
class Time:
    """A clock that tests move; both hands go together."""

    offset: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.offset


@dataclass
class Site:
    """Everything of one school that a test touches."""

    storage: Path
    recorder: Recorder
    conn: sqlite3.Connection
    scanner: Scanner
    walker: Walker
    watcher: Watcher
    reports: Reports
    time: Time
    seen: int = 0
    hears: bool = True

    async def hearing(self) -> bool:
        """Whether the bus was heard."""
        return self.hears

    async def scan(self) -> None:
        """A pass, and everything read that it found closed."""
        await self.walker.walk()
        while True:
            await self.scanner.settle()
            if not self.scanner.room.backlog:
                return

    def said(self, kind: type[E]) -> list[E]:
        """What was said since the last call of `forget`, of one kind."""
        rows = self.conn.execute("SELECT headers, body FROM outbox WHERE seq > ? ORDER BY seq", (self.seen,))
        return [
            kind.model_validate_json(row["body"])
            for row in rows
            if json.loads(row["headers"])["ce-type"] == kind.ce_type()
        ]

    def forget(self) -> None:
        """Only what is said from now on counts."""
        self.seen = self.conn.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0]

    def state(self, written: WrittenFile) -> str | None:
        """A file's state in the catalogue, by its place."""
        folder, _, name = written.path.rpartition("/")
        query = "SELECT state FROM segments WHERE folder = ? AND name = ? ORDER BY changed_us DESC"
        row = self.conn.execute(query, (folder, name)).fetchone()
        return None if row is None else str(row["state"])

    def path(self, written: WrittenFile) -> Path:
        return self.storage / written.path

    @property
    def good(self) -> list[WrittenFile]:
        return [written for written in self.recorder.manifest if written.kind is FileKind.GOOD]


@asynccontextmanager
async def site(
    folder: Path,
    cameras: Sequence[RecordedCamera] = CAMERAS,
    *,
    managed: bool = True,
    foreign: Sequence[layouts.RecordedCamera] = (),
) -> AsyncIterator[Site]:
    """A site below a folder; opening it again is a restart.

    `foreign` are cameras whose files something else writes than our simulated recorders.
    """
    storage, state, time = folder / "storage", folder / "state" / "scanner.sqlite", Time()
    storage.mkdir(exist_ok=True)
    conn = open_database(state, MIGRATIONS)
    units = SqliteUnits(conn, state, lambda connection: Catalogue(connection, SCHOOL, time.now))
    root = Storage(storage)
    reader = Reader(SCHOOL, root, 2, time.now)
    period = KeepPeriod(30, timedelta(hours=12), "Asia/Shanghai")
    scanner = Scanner(
        SCHOOL,
        root,
        layouts.Recorders([*(scanned(camera) for camera in cameras), *foreign]),
        units,
        reader,
        Measures(make_telemetry("scanner", SCHOOL)),
        {camera.id: Keeping(managed, period) for camera in cameras},
        lambda: made.hearing(),  # noqa: PLW0108 - made later
        time.now,
        time.monotonic,
    )
    recorder = Recorder(storage, cameras, folder / "manifest.jsonl")
    reports = Reports(scanner, timedelta(days=30))
    made = Site(storage, recorder, conn, scanner, Walker(scanner), Watcher(scanner), reports, time)
    try:
        yield made
    finally:
        reader.stop()
        conn.close()
