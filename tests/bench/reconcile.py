"""A pass over 300,000 files that are all known, against reading their names and status alone.

The first pass looks at every file (as each six hours), the second only at folders in which a name changed.
Nothing may be read, and nothing may be found new or missing.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_common.district import Layout
from reelwarden_common.events.ingest import Segment, TimeSource
from reelwarden_common.identity import segment_id
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.telemetry import make_telemetry
from reelwarden_ingest.site.scanner import rows
from reelwarden_ingest.site.scanner.domain import State
from reelwarden_ingest.site.scanner.measures import Measures
from reelwarden_ingest.site.scanner.reader import Reader
from reelwarden_ingest.site.scanner.recorders import RecordedCamera, Recorders
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.schema import MIGRATIONS
from reelwarden_ingest.site.scanner.storage import Storage, signature_of
from reelwarden_ingest.site.scanner.store import Catalogue
from reelwarden_ingest.site.scanner.walk import Walker

CAMERAS, HOURS, AN_HOUR = 100, 50, 60
"""300,000 files of a minute, Frigate's layout: a folder for each camera and hour."""
TARGET_SECONDS = 10.0
SCHOOL = "s001"
MINUTE = timedelta(minutes=1)


def run() -> dict[str, Any]:
    """Seconds of a whole pass, and of the reference; a quick one's beside them."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        storage = root / "storage"
        made = list(_make(storage))
        conn = open_database(root / "scanner.sqlite", MIGRATIONS)
        with conn:
            conn.execute("BEGIN")
            conn.executemany(rows.INSERT, made)
        reference = _bare(storage)
        whole, quick = asyncio.run(_passes(root, storage, len(made)))
        conn.close()
    return {
        "name": "reconcile",
        "ours": round(whole, 2),
        "reference": round(reference, 2),
        "ratio": round(reference / whole, 3),
        "quick": round(quick, 2),
        "files": len(made),
        "target": TARGET_SECONDS,
        "ok": whole <= TARGET_SECONDS,
    }


def _make(storage: Path) -> Iterator[tuple[object, ...]]:
    began = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=5)
    for hour in range(HOURS):
        for number in range(CAMERAS):
            camera, start = f"c{number:03}", began + timedelta(hours=hour)
            folder = storage / f"recordings/{start:%Y-%m-%d/%H}/{camera}"
            folder.mkdir(parents=True)
            for minute in range(AN_HOUR):
                yield _one(storage, folder, camera, start + minute * MINUTE)


def _one(storage: Path, folder: Path, camera: str, start: datetime) -> tuple[object, ...]:
    path = folder / f"{start:%M.%S}.mp4"
    with path.open("xb") as file:
        file.truncate(1 << 20)
    locator = str(path.relative_to(storage))
    digest = sha256(locator.encode()).hexdigest()
    signature = signature_of(path.stat())
    segment = Segment(
        id=segment_id(SCHOOL, camera, start, digest),
        camera=camera,
        start=start,
        end=start + MINUTE,
        duration_ms=60_000,
        size=signature.size,
        digest=digest,
        codec="h264",
        width=1920,
        height=1080,
        time_source=TimeSource.NAME,
        uncertainty_ms=1000,
        locator=locator,
        file_time=start + MINUTE,
    )
    return rows.values(segment, signature, State.PRESENT, start)


def _bare(storage: Path) -> float:
    began = time.perf_counter()
    seen = {
        os.path.join(where, name): os.lstat(os.path.join(where, name))  # noqa: PTH118 - the barest way
        for where, _, names in os.walk(storage)
        for name in names
    }
    if len(seen) != CAMERAS * HOURS * AN_HOUR:
        raise RuntimeError(f"{len(seen)} files")
    return time.perf_counter() - began


async def _hears() -> bool:
    return True


async def _passes(root: Path, folder: Path, files: int) -> tuple[float, float]:
    path = root / "scanner.sqlite"
    conn = open_database(path, MIGRATIONS)
    units = SqliteUnits(conn, path, lambda connection: Catalogue(connection, SCHOOL))
    storage, zone = Storage(folder), ZoneInfo("Asia/Shanghai")
    reader = Reader(SCHOOL, storage, 2)
    cameras = [
        RecordedCamera(f"c{n:03}", Layout.FRIGATE, "", f"c{n:03}", "", zone, MINUTE) for n in range(CAMERAS)
    ]
    measures = Measures(make_telemetry("scanner"))
    scanner = Scanner(SCHOOL, storage, Recorders(cameras), units, reader, measures, {}, _hears)
    async with units.begin() as catalogue:
        catalogue.bind(storage.bind(SCHOOL, None))
    walker, seconds = Walker(scanner), []
    for _ in range(2):
        began = time.perf_counter()
        await walker.walk()
        seconds.append(time.perf_counter() - began)
    known = conn.execute("SELECT count(*) FROM segments").fetchone()[0]
    reader.stop()
    conn.close()
    if len(scanner.room) or scanner.missing or known != files:
        raise RuntimeError(
            f"{len(scanner.room)} files found new, {len(scanner.missing)} missing, {known} known"
        )
    return seconds[0], seconds[1]
