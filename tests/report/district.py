"""A small district for the report's tests: its file, its people, and the words of other roles."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from nats.aio.client import Client
from nats.aio.msg import Msg

from reelwarden_common import role
from reelwarden_common.db import migrate, role_of
from reelwarden_common.envelope import encode
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import (
    CameraCoverage,
    CoverageAnswer,
    CoverageQuery,
    Segment,
    TimeSource,
)
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging import topology
from reelwarden_common.messaging.nats_config import TOPOLOGY_USER
from reelwarden_common.messaging.topology import Stream
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.app import build
from reelwarden_report.district.inspector.settings import Settings
from tests.support.backends import DATABASE_PASSWORD

PASSWORD = "correct horse"
HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
SESSION_KEY = "k" * 32
PEOPLE = {
    "officer": ("区检查员", ["district:district_officer"]),
    "safety": ("王安全", ["s001:safety"]),
    "auditor": ("赵审计", ["s002:auditor"]),
    "teacher": ("李老师", ["s001:applicant"]),
    "leader": ("陈校长", ["s001:leader"]),
    "retriever": ("周操作", ["s001:retriever"]),
    "reception": ("吴门卫", ["s001:reception"]),
    "operator": ("邓科", ["district:district_operator"]),
    "nobody": ("无名", []),
}
CAMERAS = (("gate", "校门", "entrance"), ("hall", "走廊", "corridor"), ("yard", "操场", "playground"))


def district_toml(folder: Path, schools: Sequence[str] = ("s001", "s002")) -> Path:
    """Write a district of some schools with three cameras each."""
    names = {"s001": "第一小学", "s002": "实验中学"}
    lines = ["[district]", 'name = "示范区教育局"', 'time_zone = "Asia/Shanghai"']
    for school in schools:
        lines += ["[[schools]]", f'id = "{school}"', f'name = "{names.get(school, school)}"']
        lines += [f'storage = "recordings/{school}"']
        for camera, name, place in CAMERAS:
            lines += ["[[schools.cameras]]", f'id = "{camera}"', f'name = "{name}"', f'place = "{name}"']
            lines += [f'place_kind = "{place}"', "[schools.cameras.recorder]", 'layout = "frigate"']
            lines += ['folder = "frigate"', f'source = "{camera}"']
    for person, (name, roles) in PEOPLE.items():
        lines += ["[[people]]", f'id = "{person}"', f'name = "{name}"', f"password_hash = '{HASH}'"]
        lines += [f"roles = {json.dumps(roles)}"]
    path = folder / "district.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def segment(camera: str, start: datetime, seconds: int = 10, number: int = 0) -> Segment:
    """A segment; its content differs with its start and number."""
    digest = digest_of([camera, start.isoformat(), str(number)])
    return Segment(
        id=digest[:32],
        camera=camera,
        start=start,
        end=start + timedelta(seconds=seconds),
        duration_ms=seconds * 1000,
        size=1000,
        digest=digest,
        codec="h264",
        width=640,
        height=360,
        time_source=TimeSource.NAME,
        uncertainty_ms=0,
        locator=f"frigate/recordings/{start:%Y-%m-%d/%H}/{camera}/{start:%M.%S}.mp4",
        file_time=start + timedelta(seconds=seconds),
    )


class Index:
    """Answers coverage as the index would, from spans that a test lays down."""

    def __init__(self) -> None:
        self.spans: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}

    def add(self, school: str, camera: str, start: datetime, end: datetime) -> None:
        """This span is recorded."""
        self.spans.setdefault((school, camera), []).append((start, end))

    def answer(self, query: CoverageQuery) -> CoverageAnswer:
        """What of the query's span is covered."""
        found = []
        for (school, camera), spans in self.spans.items():
            if school != query.school or query.camera not in (None, camera):
                continue
            inside = sorted(
                (max(a, query.start), min(b, query.end))
                for a, b in spans
                if a < query.end and b > query.start
            )
            if not inside:
                continue
            edges = [query.start, *(edge for span in inside for edge in span), query.end]
            gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
            found.append(
                CameraCoverage(
                    camera=camera,
                    recorded_ms=int(sum((b - a).total_seconds() for a, b in inside) * 1000),
                    gaps=tuple(CameraSpan(camera=camera, start=a, end=b) for a, b in gaps),
                    first=inside[0][0],
                    last=inside[-1][1],
                    segments=len(inside),
                )
            )
        return CoverageAnswer(cameras=tuple(found))

    async def serve(self, client: Client) -> None:
        """Answer on the bus."""

        async def reply(message: Msg) -> None:
            query = CoverageQuery.model_validate_json(message.data)
            await message.respond(self.answer(query).model_dump_json().encode())

        await client.subscribe(
            topology.question_subject(topology.INDEX_COVERAGE, "district"), queue="index", cb=reply
        )


class Voices:
    """Other roles' words at the hub: the district's as themselves, the schools' as intake hands them on."""

    def __init__(self, bus: EmbeddedBus) -> None:
        self._bus = bus
        self._clients: dict[str, Client] = {}
        self._number = 0

    async def client(self, user: str) -> Client:
        """A connection as that user of the hub."""
        if user not in self._clients:
            self._clients[user] = await self._bus.connect(user)
        return self._clients[user]

    async def say(self, school: str, *events: Event, role: str | None = None) -> None:
        """Publish, and wait until the bus has it."""
        for event in events:
            self._number += 1
            speaker = role or event.role()
            at_school = topology.role(speaker).place is topology.Place.SCHOOL
            client = await self.client("intake" if at_school else speaker)
            message = encode(
                event,
                school=school,
                role=speaker,
                event_id=f"{speaker}-{id(self)}-{self._number}",
                time=datetime.now(UTC),
            )
            await client.jetstream(timeout=10).publish(message.subject, message.body, headers=message.headers)

    async def close(self) -> None:
        """Leave."""
        for client in self._clients.values():
            await client.close()


@asynccontextmanager
async def inspector(bus: EmbeddedBus, url: str, toml: Path, **settings: object) -> AsyncIterator[str]:
    """A running inspector; yields its address."""
    async with dashboard(bus, url, toml, **settings) as (address, _):
        yield address


@asynccontextmanager
async def dashboard(
    bus: EmbeddedBus, url: str, toml: Path, **settings: object
) -> AsyncIterator[tuple[str, FastAPI]]:
    """A running inspector; yields its address, and the application that answers there."""
    given = {"cut_off_seconds": 5, "look_seconds": 0.2, "coverage_seconds": 0.2, "live_seconds": 0.1}
    read = Settings(
        nats_url=bus.url(),
        nats_seed=bus.seed("inspector"),
        database_url=url,
        district_toml=toml,
        session_key=SESSION_KEY,
        **(given | settings),  # type: ignore[arg-type]
    )
    async with build(read) as built, role.running(built) as address:
        assert isinstance(built.http, FastAPI)
        yield address, built.http


async def signed_in(address: str, person: str) -> httpx.AsyncClient:
    """A client with a session."""
    client = httpx.AsyncClient(base_url=address, timeout=30)
    answer = await client.post("/api/session", json={"id": person, "password": PASSWORD})
    answer.raise_for_status()
    return client


async def migrated(database: str) -> str:
    """Make the report's schema; returns the URL of the service's own database role."""
    await migrate(database, "report", DATABASE_PASSWORD)
    parts = urlsplit(database)
    who = f"{role_of('report')}:{DATABASE_PASSWORD}"
    return f"postgresql://{who}@{parts.hostname}:{parts.port}{parts.path}?sslmode=disable"


async def forget(bus: EmbeddedBus) -> None:
    """Empty the hub's streams: what was said before is no part of this test."""
    client = await bus.connect(TOPOLOGY_USER)
    js = client.jetstream(timeout=10)
    for stream in (Stream.FOOTAGE, Stream.SITE, Stream.DISTRICT, Stream.OFFICE):
        await js.purge_stream(stream)
    await client.close()
