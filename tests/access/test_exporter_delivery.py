"""The exporter as a process on a real bus and a real store: killed at any time, it says "ready" once."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr

from reelwarden_common.clock import system_clock
from reelwarden_common.envelope import decode, encode
from reelwarden_common.events.access import ExportFailed, ExportReady, Manner, RetrievalAuthorised
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import SegmentsLost, SegmentsQuery
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.questions import Answer, serve
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS
from reelwarden_common.role import running
from reelwarden_ingest.site.scanner.app import build as build_scanner
from reelwarden_ingest.site.scanner.settings import Settings as ScannerSettings
from reelwarden_local.bus import EmbeddedBus
from tests.access.footage import CAMERAS, School, at, span
from tests.support.backends import ObjectStore, unique
from tests.support.roles import until

CAMERA = """
[[schools.cameras]]
id = "{id}"
name = "{name}"
place = "{name}"
place_kind = "entrance"
recorder = {{ layout = "{layout}", folder = "{folder}", source = "{source}", template = "{template}" }}
"""
DISTRICT = """
[district]
name = "示范区教育局"
[[schools]]
id = "{school}"
name = "第一小学"
storage = "storage"
"""


@dataclass
class Place:
    """A school with its leaf, its buckets and an exporter process."""

    id: str
    folder: Path
    bus: EmbeddedBus
    store: ObjectStore
    school: School
    leaf: Client

    async def start(self) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "RW_NATS_URL": self.bus.url(self.id),
            "RW_NATS_SEED": self.bus.seed("exporter", self.id),
            "RW_DISTRICT_TOML": str(self.folder / "district.toml"),
            "RW_SCHOOL": self.id,
            "RW_STATE_DIR": str(self.folder / "state"),
            "RW_S3_ENDPOINT": self.store.endpoint,
            "RW_S3_ACCESS_KEY": self.store.access_key,
            "RW_S3_SECRET_KEY": self.store.secret_key,
            "RW_EXPORT_SECONDS": "0.05",
        }
        module = "reelwarden_access.site.exporter.app"
        with (self.folder / "exporter.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, env=environment, stdout=log, stderr=log
            )

    async def authorise(self, application: str, *spans: CameraSpan) -> None:
        """The desk says it at the hub; it comes down by itself."""
        event = RetrievalAuthorised(
            application=application,
            number=f"{self.id}-{application}",
            manner=Manner.COPY,
            native=True,
            spans=spans,
            deadline=system_clock() + timedelta(hours=1),
        )
        client = await self.bus.connect("desk")
        message = encode(event, school=self.id, role="desk", event_id=unique("e"), time=system_clock())
        await publish_all(client.jetstream(), [message])
        await client.close()

    async def said(self) -> list[Event]:
        """What the exporter said, as the leaf keeps it."""
        return [one for one in await self._kept("SITE") if isinstance(one, ExportReady | ExportFailed)]

    async def until_lost(self) -> None:
        """Wait until the scanner has said that something is lost."""

        async def told() -> bool:
            return any(isinstance(one, SegmentsLost) for one in await self._kept("FOOTAGE"))

        await until(told)

    async def _kept(self, stream: str) -> list[Event]:
        js = self.leaf.jetstream()
        state = (await js.stream_info(stream)).state
        found: list[Event] = []
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            message = await js.get_msg(stream, sequence)
            assert message.subject is not None
            found.append(decode(message.subject, message.headers, message.data or b"")[0])
        return found

    async def versions(self) -> list[str]:
        def work() -> list[str]:
            objects = self.store.client().list_objects(
                f"rw-exports-{self.id}", recursive=True, include_version=True
            )
            return [str(one.object_name) for one in objects]

        return await asyncio.to_thread(work)

    async def until_said(self, number: int, seconds: float = 60) -> list[Event]:
        for _ in range(int(seconds / 0.05)):
            if len(events := await self.said()) >= number:
                return events
            await asyncio.sleep(0.05)
        pytest.fail((self.folder / "exporter.log").read_text(encoding="utf-8")[-4000:])


@pytest_asyncio.fixture(loop_scope="session")
async def place(tmp_path: Path, s3: ObjectStore) -> AsyncIterator[Place]:
    school_id = unique("s")
    cameras = "".join(CAMERA.format(**{**vars(one), "layout": one.layout.value}) for one in CAMERAS.values())
    (tmp_path / "district.toml").write_text(DISTRICT.format(school=school_id) + cameras, encoding="utf-8")
    for bucket in (f"rw-footage-{school_id}", f"rw-exports-{school_id}"):
        await asyncio.to_thread(s3.client().make_bucket, bucket, object_lock=True)
    school = School(tmp_path / "storage", id=school_id)
    async with EmbeddedBus(tmp_path / "bus", [school_id]) as bus:
        leaf = await bus.connect("topology", school_id)
        yield Place(school_id, tmp_path, bus, s3, school, leaf)
        await leaf.close()


@pytest_asyncio.fixture(loop_scope="session")
async def told(place: Place) -> AsyncIterator[None]:
    """Questions to the scanner are answered, by what the tests know."""
    client = await place.bus.connect("scanner", place.id)
    await serve(client, "scanner", place.id, Answer(SCANNER_SEGMENTS, SegmentsQuery, place.school.ask))
    yield
    await client.close()


@pytest.mark.usefixtures("told")
async def test_from_the_desk_to_the_store(place: Place) -> None:
    segments = place.school.record("gate", 0, 30)
    process = await place.start()
    await place.authorise("a1", span("gate", 3, 27))
    await place.authorise("a2", span("hall", 3, 27))
    first, second = await place.until_said(2)
    assert isinstance(first, ExportReady)
    assert [file.digest for file in first.files if file.kind == "native"] == [s.digest for s in segments]
    assert isinstance(second, ExportFailed)
    assert second.reason == "nothing-there"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_with_the_real_scanner(place: Place) -> None:
    """What it tells of each recorder's files is enough to find the gap, and to lose nothing around it."""
    recorded = {one: place.school.record(one, 0, 60, [(at(20), at(40))]) for one in CAMERAS}
    gaps, spans = ([span(one, *ends) for one in CAMERAS] for ends in ((20, 40), (3, 46)))
    settings = ScannerSettings(
        nats_url=place.bus.url(place.id),
        nats_seed=SecretStr(place.bus.seed("scanner", place.id)),
        district_toml=place.folder / "district.toml",
        school=place.id,
        state_dir=place.folder / "scanner",
        lost_after_seconds=0.5,
        scan_seconds=1,
    )
    lost = recorded["gate"][1]
    place.school.into_vault(lost)
    async with build_scanner(settings) as role, running(role):
        process = await place.start()
        try:
            await place.authorise("a1", *spans)
            (ready,) = await place.until_said(1)
            assert isinstance(ready, ExportReady)
            assert list(ready.gaps) == gaps
            views = [file.span for file in ready.files if file.kind == "view"]
            assert views == [span(one, *ends) for one in CAMERAS for ends in ((3, 20), (40, 46))]
            place.school.path(lost).unlink()
            await place.until_lost()
            await place.authorise("a2", *spans)
            _, again = await place.until_said(2)
            assert isinstance(again, ExportReady)
            assert (again.gaps, again.sources) == (ready.gaps, ("disk", "vault"))
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()


@pytest.mark.usefixtures("told")
async def test_killed_again_and_again_it_is_ready_once_and_stores_nothing_twice(place: Place) -> None:
    place.school.record("gate", 0, 120)
    await place.authorise("a1", span("gate", 3, 117))
    for step in range(5):
        process = await place.start()
        already = len(await place.versions())
        for _ in range(400):
            if await place.said() or len(await place.versions()) > already + step // 2:
                break
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        if await place.said():
            break
    process = await place.start()
    try:
        (ready,) = await place.until_said(1)
        assert isinstance(ready, ExportReady)
        await asyncio.sleep(1)
        assert len(await place.said()) == 1
        assert sorted(await place.versions()) == sorted(ready.folder + file.name for file in ready.files)
        assert len(ready.files) == 12 + 4
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
