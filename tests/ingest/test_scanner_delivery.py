"""The scanner on a real bus: what it says arrives, what it hears takes effect, killed at any time."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr

from reelwarden_common.clock import system_clock
from reelwarden_common.envelope import decode, encode
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import (
    DayDiffers,
    Segment,
    SegmentsAnswer,
    SegmentsLost,
    SegmentsQuery,
    SegmentsRecorded,
)
from reelwarden_common.events.retention import Certificate, SegmentsErased
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS
from reelwarden_common.role import running
from reelwarden_ingest.site.scanner.app import build, hears_all
from reelwarden_ingest.site.scanner.settings import Settings
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.recorder import Recorder
from tests.ingest.scanner_site import SCHOOL, days_ago

START = days_ago(2).replace(hour=6)
GATE = RecordedCamera("gate", "校门", Layout.FRIGATE, "frigate", "gate")
DISTRICT = """
[district]
name = "示范区教育局"
[[schools]]
id = "s001"
name = "第一小学"
storage = "storage"
[[schools.cameras]]
id = "gate"
name = "校门"
place = "校门口"
place_kind = "entrance"
recorder = { layout = "frigate", folder = "frigate", source = "gate" }
"""
E = TypeVar("E", bound=Event)


@pytest_asyncio.fixture(loop_scope="session")
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path / "bus", [SCHOOL]) as running_bus:
        yield running_bus


@pytest_asyncio.fixture(loop_scope="session")
async def topology(bus: EmbeddedBus) -> AsyncIterator[Client]:
    client = await bus.connect("topology", SCHOOL)
    yield client
    await client.close()


def recorder(folder: Path) -> Recorder:
    (folder / "district.toml").write_text(DISTRICT, encoding="utf-8")
    return Recorder(folder / "storage", [GATE], folder / "manifest.jsonl")


def settings(bus: EmbeddedBus, folder: Path) -> Settings:
    return Settings(
        nats_url=bus.url(SCHOOL),
        nats_seed=SecretStr(bus.seed("scanner", SCHOOL)),
        district_toml=folder / "district.toml",
        school=SCHOOL,
        state_dir=folder / "state",
        lost_after_seconds=0.5,
        count_seconds=0.5,
        measure_seconds=0.5,
    )


@asynccontextmanager
async def scanner(bus: EmbeddedBus, folder: Path) -> AsyncIterator[str]:
    async with build(settings(bus, folder)) as role, running(role) as address:
        yield address


async def said(client: Client, kind: type[E], stream: str = "FOOTAGE") -> list[E]:
    """All events of one kind that the leaf's stream holds."""
    js = client.jetstream()
    state = (await js.stream_info(stream)).state
    found = []
    for sequence in range(max(1, state.first_seq), state.last_seq + 1):
        message = await js.get_msg(stream, sequence)
        assert message.subject is not None
        event, _ = decode(message.subject, message.headers, message.data or b"")
        if isinstance(event, kind):
            found.append(event)
    return found


async def segments(client: Client) -> list[Segment]:
    return [segment for event in await said(client, SegmentsRecorded) for segment in event.segments]


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    for _ in range(int(seconds / 0.05)):
        if await check():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not within {seconds:g} s")


async def catalogued(folder: Path, state: str) -> bool:
    """Whether the scanner's catalogue has a segment in this state."""
    with closing(sqlite3.connect(f"file:{folder / 'state' / 'scanner.sqlite'}?mode=ro", uri=True)) as conn:
        return bool(conn.execute("SELECT 1 FROM segments WHERE state = ?", (state,)).fetchone())


async def tell(bus: EmbeddedBus, role: str, event: Event) -> None:
    client = await bus.connect(role, SCHOOL)
    message = encode(event, school=SCHOOL, role=role, event_id=os.urandom(8).hex(), time=system_clock())
    await publish_all(client.jetstream(), [message])
    await client.close()


async def test_says_what_it_finds_and_answers_for_it(
    bus: EmbeddedBus, topology: Client, tmp_path: Path
) -> None:
    written = recorder(tmp_path).backfill("gate", START, START + timedelta(minutes=20))

    async def all_said() -> bool:
        return len(await segments(topology)) == len(written)

    async with scanner(bus, tmp_path):
        await until(all_said)
        events = await said(topology, SegmentsRecorded)
        assert max(len(event.segments) for event in events) == 50
        client = await bus.connect("reaper", SCHOOL)
        question = SegmentsQuery(camera="gate", start=START, end=START + timedelta(minutes=1))
        answer = await ask(client, SCANNER_SEGMENTS, SCHOOL, question, SegmentsAnswer)
        await client.close()
        assert [s.digest for s in answer.segments] == [w.sha256 for w in written[:6]]
        assert answer.complete_to is not None
        assert answer.complete_to > question.end
        assert answer.missing == ()


async def test_a_lost_segment_that_was_restored_is_recorded_again(
    bus: EmbeddedBus, topology: Client, tmp_path: Path
) -> None:
    at = recorder(tmp_path)
    written = at.backfill("gate", START, START + timedelta(minutes=1))
    path = at.storage / written[2].path
    content, status = path.read_bytes(), path.stat()

    async def times_recorded(times: int) -> bool:
        return [s.digest for s in await segments(topology)].count(written[2].sha256) == times

    async def lost() -> bool:
        return bool(await said(topology, SegmentsLost))

    async with scanner(bus, tmp_path):
        await until(lambda: times_recorded(1))
        path.unlink()
        await until(lost)
        (event,) = await said(topology, SegmentsLost)
        (segment,) = event.segments
        assert segment.digest == written[2].sha256
        draft = path.with_suffix(".restored")
        draft.write_bytes(content)
        os.utime(draft, ns=(status.st_mtime_ns, status.st_mtime_ns))
        draft.rename(path)
        restored = ObjectRestored(
            segment=segment.id,
            camera="gate",
            start=segment.start,
            digest=segment.digest,
            locator=segment.locator,
        )
        await tell(bus, "replicator", restored)
        await until(lambda: times_recorded(2))


async def test_the_reapers_certificate_keeps_a_file_from_being_lost(
    bus: EmbeddedBus, topology: Client, tmp_path: Path
) -> None:
    at = recorder(tmp_path)
    written = at.backfill("gate", START, START + timedelta(minutes=1))

    async def all_said() -> bool:
        return len(await segments(topology)) == len(written)

    async with scanner(bus, tmp_path):
        await until(all_said)
        erased = (await segments(topology))[0]
        certificate = Certificate(
            segment=erased.id,
            camera=erased.camera,
            start=erased.start,
            end=erased.end,
            digest=erased.digest,
            size=erased.size,
            locator=erased.locator,
            due=erased.end + timedelta(days=1),
            erased_at=system_clock(),
            plan="b" * 64,
        )
        await tell(bus, "reaper", SegmentsErased(certificates=(certificate,)))
        await until(lambda: catalogued(tmp_path, "erased"))
        (at.storage / erased.locator).unlink()
        (at.storage / written[-1].path).unlink()

        async def lost() -> bool:
            return bool(await said(topology, SegmentsLost))

        await until(lost)
        await asyncio.sleep(1)
        gone = [s.id for event in await said(topology, SegmentsLost) for s in event.segments]
        assert len(gone) == 1
        assert erased.id not in gone


async def test_the_index_asks_for_a_camera_day_again(
    bus: EmbeddedBus, topology: Client, tmp_path: Path
) -> None:
    written = recorder(tmp_path).backfill("gate", START, START + timedelta(minutes=1))

    async def times_said(times: int) -> bool:
        return len(await segments(topology)) == times * len(written)

    async with scanner(bus, tmp_path):
        await until(lambda: times_said(1))
        client = await bus.connect("index")
        differs = DayDiffers(camera="gate", day=f"{START:%Y-%m-%d}")
        message = encode(differs, school=SCHOOL, role="index", event_id="differs-1", time=system_clock())
        await publish_all(client.jetstream(), [message])
        await client.close()
        await until(lambda: times_said(2))


async def test_it_knows_when_it_may_have_missed_a_certificate(bus: EmbeddedBus, tmp_path: Path) -> None:
    recorder(tmp_path)
    async with build(settings(bus, tmp_path)) as role, running(role):

        async def hears() -> bool:
            return await hears_all(role.bus)

        async def deaf() -> bool:
            return not await hears()

        await until(hears)
        await bus.leaves[SCHOOL].stop()
        await until(deaf)
        await bus.leaves[SCHOOL].start()
        await until(hears)


async def test_killed_at_any_time_it_loses_nothing_and_says_nothing_twice(
    bus: EmbeddedBus, topology: Client, tmp_path: Path
) -> None:
    written = recorder(tmp_path).backfill("gate", START, START + timedelta(minutes=50))
    environment = {
        **os.environ,
        "RW_NATS_URL": bus.url(SCHOOL),
        "RW_NATS_SEED": bus.seed("scanner", SCHOOL),
        "RW_DISTRICT_TOML": str(tmp_path / "district.toml"),
        "RW_SCHOOL": SCHOOL,
        "RW_STATE_DIR": str(tmp_path / "state"),
        "RW_WORKERS": "1",
    }

    async def start() -> asyncio.subprocess.Process:
        module = "reelwarden_ingest.site.scanner.app"
        null = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env=environment, stdout=null, stderr=null
        )

    async def messages() -> int:
        return int((await topology.jetstream().stream_info("FOOTAGE")).state.messages)

    for _ in range(3):
        before = await messages()
        process = await start()

        async def more(before: int = before) -> bool:
            return await messages() > before

        await until(more)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        if len(await segments(topology)) == len(written):
            break
    process = await start()
    try:

        async def all_said() -> bool:
            return len(await segments(topology)) >= len(written)

        await until(all_said)
        await asyncio.sleep(1)
        assert sorted(s.digest for s in await segments(topology)) == sorted(w.sha256 for w in written)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) in (0, -signal.SIGTERM)
