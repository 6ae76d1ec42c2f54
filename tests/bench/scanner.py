"""Scanner throughput, from the file on the disk to the committed row with its event, against hashing alone.

Both read the same files, from the same cache, with as many threads. The reference does nothing but SHA-256.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import harmonic_mean
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_common.district import Layout
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.telemetry import make_telemetry
from reelwarden_ingest.site.scanner.measures import Measures
from reelwarden_ingest.site.scanner.reader import Reader
from reelwarden_ingest.site.scanner.recorders import RecordedCamera, Recorders
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.schema import MIGRATIONS
from reelwarden_ingest.site.scanner.storage import Storage
from reelwarden_ingest.site.scanner.store import Catalogue
from reelwarden_ingest.site.scanner.walk import Walker
from reelwarden_local.recorders import layouts
from reelwarden_local.recorders.recorder import Recorder
from reelwarden_local.recorders.writer import Encoding

THREADS = 2
SEGMENTS = 150
"""A camera; of 3.7 MB each, ten seconds at 3 Mbit/s."""
ROUNDS = 5
TARGET = 0.85
SCHOOL = "s001"
LAYOUTS = (Layout.FRIGATE, Layout.MEDIAMTX)


def run() -> dict[str, Any]:
    """Files a second, ours and the reference's, of the middle one of some rounds.

    In each round the reference runs before and after ours, so that what else the machine does weighs on both.
    """
    with TemporaryDirectory() as folder:
        root = Path(folder)
        files = _record(root / "storage")
        rounds = []
        for number in range(ROUNDS):
            before = _hash(files)
            ours = asyncio.run(_scan(root, number, len(files)))
            rounds.append((ours, harmonic_mean((before, _hash(files)))))
    ours, reference = sorted(rounds, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    return {
        "name": "scanner",
        "ours": round(ours, 1),
        "reference": round(reference, 1),
        "ratio": round(ours / reference, 3),
        "target": TARGET,
        "ok": ours / reference >= TARGET,
    }


def _record(storage: Path) -> list[Path]:
    cameras = [
        layouts.RecordedCamera(str(layout), "校门", layouts.Layout(layout), str(layout), "cam")
        for layout in LAYOUTS
    ]
    recorder = Recorder(storage, cameras, storage.parent / "manifest.jsonl", encoding=Encoding(kbits=3000))
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    for camera in cameras:
        recorder.backfill(camera.id, start, start + SEGMENTS * camera.length)
    return [storage / written.path for written in recorder.manifest]


def _hash(files: list[Path]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(_digest, files))
    return len(files) / (time.perf_counter() - began)


def _digest(path: Path) -> str:
    digest = sha256()
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while length := file.readinto(buffer):
            digest.update(memoryview(buffer)[:length])
    return digest.hexdigest()


async def _hears() -> bool:
    return True


async def _scan(root: Path, number: int, files: int) -> float:
    path = root / f"scanner-{number}.sqlite"
    conn = open_database(path, MIGRATIONS)
    units = SqliteUnits(conn, path, lambda connection: Catalogue(connection, SCHOOL))
    storage = Storage(root / "storage")
    reader = Reader(SCHOOL, storage, THREADS)
    length, zone = timedelta(seconds=10), ZoneInfo("Asia/Shanghai")
    cameras = [RecordedCamera(str(x), x, str(x), "cam", "", zone, length) for x in LAYOUTS]
    measures = Measures(make_telemetry("scanner"))
    scanner = Scanner(SCHOOL, storage, Recorders(cameras), units, reader, measures, {}, _hears)
    began = time.perf_counter()
    walking = asyncio.create_task(Walker(scanner).walk())
    while not (walking.done() and not len(scanner.room)):
        await scanner.settle()
        await asyncio.sleep(0)
    await walking
    seconds = time.perf_counter() - began
    entered = conn.execute("SELECT count(*) FROM segments").fetchone()[0]
    reader.stop()
    conn.close()
    if entered != files:
        message = f"{entered} of {files} files are in the catalogue"
        raise RuntimeError(message)
    return files / seconds
