"""A school's storage and reaper, and a district's keeper, for the tests of retention."""

import asyncio
import hashlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.db import migrate, role_of
from reelwarden_common.envelope import Envelope, decode
from reelwarden_common.events.access import ApplicationFiled, Manner
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import Segment, SegmentsAnswer, SegmentsQuery, TimeSource
from reelwarden_common.events.retention import CameraPeriod, Hold, HoldSource
from reelwarden_common.identity import segment_id
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_retention.district.keeper.store import KeeperStore, Office
from reelwarden_retention.keys import key_id
from reelwarden_retention.shapes import CameraPolicy, Plan, Release, signed
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.brake import Limits
from reelwarden_retention.site.reaper.disk import Disk
from reelwarden_retention.site.reaper.erasure import Eraser, Reached
from reelwarden_retention.site.reaper.handlers import on_plan_issued
from reelwarden_retention.site.reaper.laying import Laying
from reelwarden_retention.site.reaper.machine_clock import MachineClock
from reelwarden_retention.site.reaper.schema import MIGRATIONS
from reelwarden_retention.site.reaper.store import ReaperStore, SiteRules
from reelwarden_retention.site.reaper.sweep import Sweeper
from reelwarden_retention.site.reaper.vault import AskScanner, Vault
from tests.support.backends import DATABASE_PASSWORD

SCHOOL = "s001"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DELAY = timedelta(hours=72)
TEN = timedelta(seconds=10)
ZONE = "Asia/Shanghai"
E = TypeVar("E", bound=Event)
TOML = """
[district]
name = "示范区教育局"
[[schools]]
id = "s001"
name = "第一小学"
storage = "recordings/s001"
write_once = {write_once}
[[schools.cameras]]
id = "gate"
name = "校门"
place = "校门口"
place_kind = "entrance"
recorder = {{ layout = "frigate", folder = "frigate", source = "gate" }}
[[schools.cameras]]
id = "yard"
name = "操场"
place = "操场"
place_kind = "playground"
keep_days = 90
recorder = {{ layout = "frigate", folder = "frigate", source = "yard" }}
"""


def district_toml(folder: Path, *, write_once: bool = True) -> Path:
    """A district with one school of two cameras."""
    path = folder / "district.toml"
    path.write_text(TOML.format(write_once=str(write_once).lower()), encoding="utf-8")
    return path


def key_file(folder: Path, key: Ed25519PrivateKey, name: str = "keeper") -> tuple[Path, Path]:
    """Both halves of a key as PEM files."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def period(camera: str = "gate", days: int = 30, **more: Any) -> CameraPeriod:
    """A period with the usual grace."""
    given = {"grace_minutes": 720, "zone": ZONE, "managed": True} | more
    return CameraPeriod(camera=camera, days=days, **given)


def hold(
    name: str, start: datetime, end: datetime, *, camera: str = "gate", until: datetime | None = None
) -> Hold:
    """A hold of an application of its own."""
    return Hold(
        id=name,
        source=HoldSource.APPLICATION,
        cause=f"a-{name}",
        span=CameraSpan(camera=camera, start=start, end=end),
        purpose="incident",
        until=until or NOW + timedelta(days=30),
    )


def plan(version: int, **more: Any) -> Plan:
    """A plan of the school; the usual period for its gate unless others are given."""
    given: dict[str, Any] = {
        "school": SCHOOL,
        "epoch": 1,
        "previous": None,
        "issued_at": NOW,
        "release_delay_minutes": 72 * 60,
        "policies": (CameraPolicy(period=period()),),
        "holds": (),
        "releases": (),
        "confirmed_sweeps": (),
    }
    return Plan(version=version, **(given | more))


def released(name: str, at: datetime) -> Release:
    """A release of a hold."""
    return Release(hold=name, effective_at=at)


def envelope(event: Event, number: str = "e", school: str = SCHOOL, role: str = "keeper") -> Envelope:
    """As the bus would deliver it."""
    return Envelope(number, event.ce_type(), school, role, NOW)


def filed(application: str, spans: Sequence[CameraSpan], hold_until: datetime) -> ApplicationFiled:
    """The first event of an application."""
    return ApplicationFiled(
        application=application,
        version=1,
        number=f"{SCHOOL}-2026-0001",
        manner=Manner.VIEW,
        spans=tuple(spans),
        purpose="incident",
        applicant="a-1",
        hold_until=hold_until,
    )


@dataclass
class Time:
    """A clock that a test moves; `trusted` is the kernel's word about it."""

    now: datetime = NOW
    up: timedelta = timedelta(days=3)
    boot: str = "boot-1"
    trusted: bool = True

    def pass_(self, by: timedelta) -> None:
        """Let time go by for wall and monotonic clock alike."""
        self.now += by
        self.up += by

    @property
    def machine(self) -> MachineClock:
        return MachineClock(
            now=lambda: self.now,
            uptime=lambda: self.up,
            boot=lambda: self.boot,
            synchronised=lambda: self.trusted,
        )


@dataclass
class Site:
    """One school's storage with its reaper's parts, without a bus."""

    root: Path
    state: Path
    time: Time = field(default_factory=Time)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    reached: Reached = lambda _step: None
    write_once: bool = True

    def __post_init__(self) -> None:
        ours = self.root / ".reelwarden"
        ours.mkdir(parents=True, exist_ok=True)
        identity = ours / "storage.id"
        if not identity.exists():
            identity.write_text(json.dumps({"school": SCHOOL, "storage": "disk-1"}), encoding="utf-8")
        rules = SiteRules(
            school=SCHOOL,
            release_delay=DELAY,
            floor_days=30,
            segment_seconds={"gate": 10, "yard": 10},
            keys={key_id(self.key.public_key()): self.key.public_key()},
            machine=self.time.machine,
        )
        path = self.state / "reaper.db"
        self.conn: sqlite3.Connection = open_database(path, MIGRATIONS)
        self.units = SqliteUnits(self.conn, path, lambda conn: ReaperStore(conn, rules))
        self.disk, self.lock = Disk(self.root), asyncio.Lock()
        self.eraser = Eraser(self.units, self.disk, self.reached)
        laying = Laying(self.units, self.disk, self.lock, write_once=self.write_once)
        self.sweeper = Sweeper(self.units, self.disk, self.eraser, Limits(20, 0.2), self.lock, laying)
        self.vault = self.make_vault(self.answer, write_once=self.write_once)
        self.recorded: list[Segment] = []

    def make_vault(self, ask: AskScanner, *, write_once: bool) -> Vault:
        """Another one."""
        return Vault(self.units, ask, Laying(self.units, self.disk, self.lock, write_once=write_once))

    def write(self, start: datetime, *, camera: str = "gate", body: bytes | None = None) -> Segment:
        """Record a file of ten seconds, as a recorder would."""
        locator = f"frigate/{start:%Y-%m-%d/%H}/{camera}/{start:%M.%S}.mp4"
        path = self.root / locator
        path.parent.mkdir(parents=True, exist_ok=True)
        content = body if body is not None else f"{camera} {start.isoformat()}".encode() * 50
        path.write_bytes(content)
        end = start + TEN
        os.utime(path, (end.timestamp(), end.timestamp()))
        digest = hashlib.sha256(content).hexdigest()
        segment = Segment(
            id=segment_id(SCHOOL, camera, start, digest),
            camera=camera,
            start=start,
            end=end,
            duration_ms=10_000,
            size=len(content),
            digest=digest,
            codec="h264",
            width=640,
            height=360,
            time_source=TimeSource.NAME,
            uncertainty_ms=500,
            locator=locator,
            file_time=end,
        )
        self.recorded.append(segment)
        return segment

    async def record(self, *starts: datetime, camera: str = "gate") -> list[Segment]:
        """Record files and have the catalogue know them."""
        segments = [self.write(start, camera=camera) for start in starts]
        async with self.units.begin() as store:
            store.catalogue.record(rows.of_segment(segment) for segment in segments)
        return segments

    async def answer(self, question: SegmentsQuery) -> SegmentsAnswer:
        """What a scanner would say that sees the folder as it is now."""
        there = [
            one
            for one in self.recorded
            if one.camera == question.camera
            and one.start < question.end
            and one.end > question.start
            and (self.root / one.locator).exists()
        ]
        missing, reached = [], question.start
        for one in sorted(there, key=lambda s: s.start):
            if one.start > reached:
                missing.append(CameraSpan(camera=question.camera, start=reached, end=one.start))
            reached = max(reached, one.end)
        if reached < question.end:
            missing.append(CameraSpan(camera=question.camera, start=reached, end=question.end))
        return SegmentsAnswer(segments=tuple(there), complete_to=self.time.now, missing=tuple(missing))

    async def hear(self, wanted: Plan) -> None:
        """Apply a plan, signed with the right key."""
        event = signed(wanted, self.key)
        async with self.units.begin() as store:
            await on_plan_issued(event, envelope(event), store)

    def said(self, kind: type[E]) -> list[E]:
        """All events of a kind in the outbox, oldest first."""
        found = []
        for row in self.conn.execute("SELECT subject, headers, body FROM outbox ORDER BY seq"):
            event, _ = decode(row["subject"], json.loads(row["headers"]), bytes(row["body"]))
            if isinstance(event, kind):
                found.append(event)
        return found

    def exists(self, segment: Segment) -> bool:
        """Whether a file is at its place."""
        return (self.root / segment.locator).exists()

    def close(self) -> None:
        self.conn.close()


@dataclass
class District:
    """A keeper's database, without a bus."""

    url: str
    admin_url: str
    units: PgUnits[KeeperStore]
    office: Office
    pool: Any

    async def said(self, kind: type[E], school: str = SCHOOL) -> list[E]:
        """All events of a kind in the outbox, oldest first."""
        found = []
        for row in await self.pool.fetch("SELECT subject, headers, body FROM outbox ORDER BY seq"):
            event, sent = decode(row["subject"], json.loads(row["headers"]), row["body"])
            if isinstance(event, kind) and sent.school == school:
                found.append(event)
        return found


def database_url(admin_url: str, service: str) -> str:
    """The same database as its service's role."""
    _, _, place = admin_url.partition("@")
    return f"postgresql://{role_of(service)}:{DATABASE_PASSWORD}@{place}"


@asynccontextmanager
async def district(admin_url: str, clock: Clock = system_clock) -> AsyncIterator[District]:
    """The retention schema in a fresh database, and a keeper's units on it."""
    await migrate(admin_url, "retention", DATABASE_PASSWORD)
    url = database_url(admin_url, "retention")
    office = Office(Ed25519PrivateKey.generate(), DELAY, clock)
    pool = await open_pool(url, "retention")
    try:
        yield District(
            url, admin_url, PgUnits(pool, "keeper", lambda conn: KeeperStore(conn, office)), office, pool
        )
    finally:
        await pool.close()
