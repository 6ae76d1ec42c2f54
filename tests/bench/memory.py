"""What each role's process needs in memory while a district of 100 schools × 200 cameras speaks.

The stack is the real one. One school has its leaf and its five roles, with files of 200 cameras to find; the
other 99 speak through the hub as intake passes them on: segments of a quarter of an hour from each camera,
said as fast as the bus takes them. `ours` is the largest peak of a role in MB (resident, VmHWM), `reference`
the most that we allow. A school's process holds five roles, and counts as one here.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nats.aio.client import Client

from reelwarden_common.events.ingest import DayCounted, SegmentsRecorded
from reelwarden_common.identity import digest_of
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.recorder import Recorder
from reelwarden_local.recorders.writer import Encoding
from reelwarden_local.stack import Stack
from tests.support.ingest import message, segments, write_district

SCHOOLS, CAMERAS = 100, 200
PER_EVENT, EVENTS_A_CAMERA, FILES_A_CAMERA = 50, 2, 6
ALLOWED = 200
LONGEST = 900
"""Seconds until all must be heard; what was measured until then is told anyway."""


def run() -> dict[str, Any]:
    """The peak of every process, in MB."""
    peaks, seconds = asyncio.run(_run())
    largest = max(peaks.values())
    return {
        "name": "memory",
        "ours": largest,
        "reference": ALLOWED,
        "ratio": round(largest / ALLOWED, 3),
        "target": 1.0,
        "ok": largest < ALLOWED,
        "mb": peaks,
        "segments": SCHOOLS * CAMERAS * PER_EVENT * EVENTS_A_CAMERA,
        "seconds": round(seconds),
    }


async def _run() -> tuple[dict[str, int], float]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        cameras = [f"c{n:03}" for n in range(CAMERAS)]
        schools = [f"s{n:03}" for n in range(SCHOOLS)]
        whole = write_district(root / "whole", schools, cameras)
        one = write_district(root, schools[:1], cameras)
        _record(root / "recordings" / schools[0] / "frigate", cameras)
        async with _District(root / "state", one, whole) as stack:
            began = time.monotonic()
            await _speak(stack.bus, schools[1:], cameras)
            await _heard(stack.bus)
            return _peaks(stack), time.monotonic() - began


class _District(Stack):
    """One school's leaf and site, and a district that is configured for all."""

    def __init__(self, state_dir: Path, one: Path, whole: Path) -> None:
        super().__init__(state_dir, one)
        self._whole = str(whole)

    def _district_settings(self, role: str) -> dict[str, str]:
        settings = super()._district_settings(role)
        return settings if role == "intake" else settings | {"RW_DISTRICT_TOML": self._whole}


def _record(storage: Path, cameras: list[str]) -> None:
    storage.mkdir(parents=True)
    made = [RecordedCamera(c, c, Layout.FRIGATE, "", c) for c in cameras]
    recorder = Recorder(storage, made, storage.parent / "manifest.jsonl", encoding=Encoding(kbits=50))
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    for camera in made:
        recorder.backfill(camera.id, start, start + FILES_A_CAMERA * camera.length)


async def _speak(bus: EmbeddedBus, schools: list[str], cameras: list[str]) -> None:
    """What intake would pass on: each camera's segments, and its count."""
    speaker = await bus.connect("intake")
    js = speaker.jetstream(publish_async_max_pending=500)
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for school in schools:
        said = []
        for camera in cameras:
            made = segments(school, camera, start, EVENTS_A_CAMERA * PER_EVENT)
            for place in range(0, len(made), PER_EVENT):
                one = message(school, SegmentsRecorded(segments=tuple(made[place : place + PER_EVENT])))
                said.append(await js.publish_async(one.subject, one.body, headers=one.headers))
            told = DayCounted(
                camera=camera,
                day=f"{start:%Y-%m-%d}",
                count=len(made),
                digest=digest_of([one.id for one in made]),
                complete_to=start + timedelta(minutes=15),
            )
            one = message(school, told)
            said.append(await js.publish_async(one.subject, one.body, headers=one.headers))
        await asyncio.wait_for(asyncio.gather(*said), LONGEST)
    await speaker.close()


async def _heard(bus: EmbeddedBus) -> None:
    """Wait until every role has heard all."""
    topology = await bus.connect("topology")
    deadline = time.monotonic() + LONGEST
    while await _left(topology):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all was heard within {LONGEST} s")
        await asyncio.sleep(1)
    await topology.close()


async def _left(topology: Client) -> int:
    js = topology.jetstream()
    found = [c for stream in ("FOOTAGE", "SITE") for c in await js.consumers_info(stream)]
    consumers = [c for c in found if not c.name.startswith("follow-")]  # programs outside: none runs here
    return sum((c.num_pending or 0) + (c.num_ack_pending or 0) for c in consumers)


def _peaks(stack: Stack) -> dict[str, int]:
    """The peak of each process, in MB."""
    found = {}
    for name, process in stack.processes.items():
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        found[name] = int(peak.split()[1]) // 1024
    return found
