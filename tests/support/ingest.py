"""A district for the tests of ingest: `district.toml`, the bus, footage that never was, and its facts."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from pydantic import SecretStr

from reelwarden_common.clock import system_clock
from reelwarden_common.db import migrate, role_of
from reelwarden_common.envelope import Message, encode
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import Segment, SegmentsRecorded, TimeSource
from reelwarden_common.identity import segment_id
from reelwarden_common.role import running
from reelwarden_ingest.district.index import app as index_app
from reelwarden_ingest.district.index.settings import Settings as IndexSettings
from reelwarden_ingest.district.intake import app as intake_app
from reelwarden_ingest.district.intake.settings import Settings as IntakeSettings
from reelwarden_local.bus import EmbeddedBus
from tests.support.backends import DATABASE_PASSWORD

DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
TEN = timedelta(seconds=10)


def write_district(folder: Path, schools: Sequence[str], cameras: Sequence[str] = ("gate",)) -> Path:
    """Write a small district.toml."""
    lines = ['[district]\nname = "示范区教育局"\n']
    for school in schools:
        lines.append(
            f'[[schools]]\nid = "{school}"\nname = "学校 {school}"\nstorage = "recordings/{school}"\n'
        )
        lines += [
            f'[[schools.cameras]]\nid = "{camera}"\nname = "摄像机 {camera}"\nplace = "校门口"\n'
            f'place_kind = "entrance"\n[schools.cameras.recorder]\nlayout = "frigate"\n'
            f'folder = "frigate"\nsource = "{camera}"\n'
            for camera in cameras
        ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "district.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def segment(school: str, camera: str, start: datetime, **changes: Any) -> Segment:
    """Make a segment of ten seconds, its digest from what it is."""
    digest = changes.get("digest") or hashlib.sha256(f"{school} {camera} {start}".encode()).hexdigest()
    end = changes.get("end") or start + TEN
    facts: dict[str, Any] = {
        "id": segment_id(school, camera, start, digest),
        "camera": camera,
        "start": start,
        "end": end,
        "duration_ms": max(0, int((end - start) / timedelta(milliseconds=1))),
        "size": 2_500_000,
        "digest": digest,
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "time_source": TimeSource.NAME,
        "uncertainty_ms": 1000,
        "locator": f"frigate/{camera}/{start:%Y-%m-%d/%H/%M.%S}.mp4",
        "file_time": end,
    }
    return Segment(**facts | changes)


def segments(school: str, camera: str, start: datetime, count: int) -> list[Segment]:
    """Make segments one behind the other."""
    return [segment(school, camera, start + n * TEN) for n in range(count)]


def message(
    school: str, event: Event, event_id: str = "", role: str = "scanner", time: datetime | None = None
) -> Message:
    """Put an event into its envelope."""
    name = event_id or hashlib.sha256(event.model_dump_json().encode()).hexdigest()[:32]
    return encode(event, school=school, role=role, event_id=name, time=time or system_clock())


def recorded(school: str, number: int, camera: str = "gate") -> Message:
    """Return one message of one segment, the `number`-th; its event id says which."""
    one = segment(school, camera, DAY + number * TEN)
    return message(school, SegmentsRecorded(segments=(one,)), f"{school}-{number:06d}")


async def say(client: Client, messages: Iterable[Message], seconds: float = 60) -> None:
    """Publish in order, each until it is confirmed, with the same id: while the server is away too.

    Raises:
        TimeoutError: not within `seconds` in all.
    """
    js = client.jetstream(timeout=1)
    async with asyncio.timeout(seconds):
        for one in messages:
            while True:
                try:
                    await js.publish(one.subject, one.body, headers=dict(one.headers), timeout=1)
                except (nats.errors.Error, OSError):
                    await asyncio.sleep(0.1)
                else:
                    break


async def refused(client: Client, subject: str, body: bytes = b"{}") -> bool:
    """Whether nobody confirms what is published there."""
    try:
        await client.jetstream().publish(subject, body, timeout=0.5)
    except (nats.errors.Error, OSError):
        return True
    return False


async def until(question: Callable[[], Awaitable[object]], seconds: float = 60, every: float = 0.1) -> Any:
    """Ask until the answer is true; returns it.

    Raises:
        TimeoutError: it did not become true.
    """
    deadline = time.monotonic() + seconds
    while not (answer := await question()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        await asyncio.sleep(every)
    return answer


async def stored(client: Client, stream: str, subject: str = "") -> list[Any]:
    """Return what a stream holds now, in its order, read as the topology user; `subject` may have `*`."""
    js = client.jetstream(timeout=5)
    info = await js.stream_info(stream)
    found = []
    for sequence in range(max(1, info.state.first_seq), info.state.last_seq + 1):
        try:
            one = await js.get_msg(stream, sequence)
        except NotFoundError:
            continue
        if not subject or fnmatchcase(one.subject or "", subject):
            found.append(one)
    return found


def intake_settings(bus: EmbeddedBus, district: Path, **more: Any) -> IntakeSettings:
    """Return intake's settings on this bus."""
    return IntakeSettings(
        nats_url=bus.url(),
        nats_seed=SecretStr(bus.seed("intake")),
        district_toml=district,
        intake_seeds={school: SecretStr(seed) for school, seed in bus.intake_seeds().items()},
        **more,
    )


@asynccontextmanager
async def intake(bus: EmbeddedBus, district: Path, **more: Any) -> AsyncIterator[str]:
    """Run intake; yields its address."""
    async with intake_app.build(intake_settings(bus, district, **more)) as role, running(role) as address:
        yield address


async def migrated(admin_url: str) -> str:
    """Bring the schema `ingest` into a database; returns the service's own URL."""
    await migrate(admin_url, "ingest", DATABASE_PASSWORD)
    parts = urlsplit(admin_url)
    return urlunsplit(
        parts._replace(netloc=f"{role_of('ingest')}:{DATABASE_PASSWORD}@{parts.hostname}:{parts.port}")
    )


def index_settings(bus: EmbeddedBus, district: Path, database_url: str, **more: Any) -> IndexSettings:
    """Return the index's settings on this bus; counts settle at once."""
    return IndexSettings(
        nats_url=bus.url(),
        nats_seed=SecretStr(bus.seed("index")),
        district_toml=district,
        database_url=SecretStr(database_url),
        **{"index_settle_seconds": 0.2, "index_ask_again_seconds": 1.0} | more,
    )


@asynccontextmanager
async def index(bus: EmbeddedBus, district: Path, database_url: str, **more: Any) -> AsyncIterator[str]:
    """Run an index; yields its address."""
    settings = index_settings(bus, district, database_url, **more)
    async with index_app.build(settings) as role, running(role) as address:
        yield address
