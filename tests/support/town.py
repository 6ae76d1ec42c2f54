"""A district and a school as processes on real servers, with a clock that tests move.

Footage is real video in Frigate's layout; whoever is not under test (desk, recorder) is played.
"""

import asyncio
import hashlib
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import asyncpg
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from reelwarden_common.db import migrate, role_of
from reelwarden_common.envelope import decode, encode
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import SegmentsRecorded
from reelwarden_common.events.retention import SegmentsErased
from reelwarden_common.identity import segment_id
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.keys import Keys
from reelwarden_local.processes import RoleProcess
from reelwarden_local.roles import module_of, service_of
from reelwarden_local.servers import free_port
from tests.support.backends import DATABASE_PASSWORD, unique
from tests.support.ingest import say, stored, until, write_district
from tests.support.video import clip

E = TypeVar("E", bound=Event)
SECONDS = 10
"""The length of a file."""
REPOSITORY = Path(__file__).parents[2]
QUICK = {
    "RW_COUNT_SECONDS": "0.5",
    "RW_LOST_AFTER_SECONDS": "2",
    "RW_SCAN_SECONDS": "2",
    "RW_SWEEP_SECONDS": "0.5",
    "RW_VAULT_SECONDS": "0.3",
    "RW_INDEX_SETTLE_SECONDS": "0.5",
    "RW_INDEX_ASK_AGAIN_SECONDS": "1",
    "RW_LOOK_SECONDS": "0.5",
}


@dataclass(frozen=True)
class Film:
    """A file as a recorder wrote it, and the segment that it makes."""

    id: str
    camera: str
    start: datetime
    end: datetime
    path: Path

    @property
    def span(self) -> CameraSpan:
        return CameraSpan(camera=self.camera, start=self.start, end=self.end)


class MovedClock:
    """The clock of one place; see `moved_clock`."""

    def __init__(self, file: Path, ahead: timedelta = timedelta()) -> None:
        self.file = file
        self._wall, self._up = ahead, timedelta()
        self._write()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._wall

    def pass_(self, by: timedelta) -> None:
        """Time goes by."""
        self._wall, self._up = self._wall + by, self._up + by
        self._write()

    def set_(self, by: timedelta) -> None:
        """Somebody, or a broken battery, sets the clock."""
        self._wall += by
        self._write()

    def _write(self) -> None:
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{self._wall.total_seconds()} {self._up.total_seconds()}", encoding="ascii")
        draft.replace(self.file)


class MovedRole(RoleProcess):
    """A role's process under the clock of its place; `inside` is what its command line begins with."""

    inside: Sequence[str] = ()

    def command(self) -> list[str]:
        return [*self.inside, sys.executable, "-m", "tests.support.moved_clock", self._module]


class Town:
    """Servers, keys, clocks; roles are started by the tests.

    Args:
        folder: All state lies below it.
        bus: Running.
        database: Its superuser's URL.
        ahead: What the clocks of district and schools show more than this machine's.
    """

    def __init__(self, folder: Path, bus: EmbeddedBus, database: str, ahead: timedelta = timedelta()) -> None:
        self.folder, self.bus, self.database = folder, bus, database
        self.district_clock = MovedClock(folder / "district.clock", ahead)
        self.clocks = {school: MovedClock(folder / f"{school}.clock", ahead) for school in bus.schools}
        self.keys = Keys(folder / "keys", bus.schools)
        self.settings: dict[str, str] = dict(QUICK)
        self.roots: dict[str, Path] = {}
        """Where this process finds a school's storage, if not below the folder."""
        self.inside: dict[str, Sequence[str]] = {}
        """What the command lines of a school's roles begin with."""
        self.toml = write_district(folder, bus.schools, ("gate",))
        self.running: dict[str, MovedRole] = {}
        """The newest process of each role."""
        for school in bus.schools:
            (folder / "recordings" / school).mkdir(parents=True)
        self._admin: asyncpg.Connection | None = None
        self._roles: list[MovedRole] = []
        self._stack = AsyncExitStack()
        self._started = 0
        self._readers: dict[str | None, Client] = {}

    async def close(self) -> None:
        """End all roles as a power cut would, and hang up."""
        await asyncio.gather(*(role.kill() for role in self._roles))
        await self._stack.aclose()

    async def admin(self) -> asyncpg.Connection:
        """The database behind everybody's back: one connection, made anew where it broke."""
        if self._admin is None or self._admin.is_closed():
            self._admin = await asyncpg.connect(self.database)
            self._stack.push_async_callback(self._admin.close)
        return self._admin

    async def client(self, user: str, school: str | None = None) -> Client:
        client = await self.bus.connect(user, school)
        self._stack.push_async_callback(client.close)
        return client

    def pass_(self, by: timedelta) -> None:
        """Time goes by everywhere."""
        for clock in (self.district_clock, *self.clocks.values()):
            clock.pass_(by)

    # roles

    def role(self, role: str, school: str | None = None, **more: str) -> MovedRole:
        """A role's process, not started yet; it is stopped with the town."""
        self._started += 1
        name, port = f"{role}-{self._started}", free_port()
        place = self._at_school(role, school) if school else self._at_district(role)
        clock = self.clocks[school] if school else self.district_clock
        settings = {
            **self.settings,
            **place,
            "RW_DISTRICT_TOML": str(self.toml),
            "RW_HTTP_PORT": str(port),
            "TEST_CLOCK": str(clock.file),
            "PYTHONPATH": str(REPOSITORY),
            **more,
        }
        made = MovedRole(name, module_of(role), settings, {role: port}, self.folder / "roles" / name)
        made.inside = self.inside.get(school or "", ())
        self._roles.append(made)
        self.running[role] = made
        return made

    async def start(self, *roles: str, school: str | None = None, **more: str) -> list[MovedRole]:
        """Start roles of one place, all at once."""
        made = [self.role(role, school, **more) for role in roles]
        await asyncio.gather(*(one.start() for one in made))
        return made

    def state_of(self, role: str, school: str) -> Path:
        """Where a role at a school keeps its own."""
        return self.folder / "sites" / school / role

    def _at_district(self, role: str) -> dict[str, str]:
        _, _, place = self.database.partition("@")
        return {
            "RW_NATS_URL": self.bus.url(),
            "RW_NATS_SEED": self.bus.seed(role),
            "RW_DATABASE_URL": f"postgresql://{role_of(service_of(role))}:{DATABASE_PASSWORD}@{place}",
            "RW_INTAKE_SEEDS": json.dumps(self.bus.intake_seeds()),
            "RW_SESSION_KEY": "k" * 40,
            **self.keys.district_settings(role),
        }

    def _at_school(self, role: str, school: str) -> dict[str, str]:
        return {
            "RW_NATS_URL": self.bus.url(school),
            "RW_NATS_SEED": self.bus.seed(role, school),
            "RW_SCHOOL": school,
            "RW_STATE_DIR": str(self.state_of(role, school)),
            **self.keys.site_settings(school),
        }

    # footage

    def storage(self, school: str) -> Path:
        return self.roots.get(school) or self.folder / "recordings" / school

    def film(self, school: str, start: datetime, camera: str = "gate") -> Film:
        """A camera's file of ten seconds, closed when it ended."""
        locator = f"frigate/recordings/{start:%Y-%m-%d/%H}/{camera}/{start:%M.%S}.mp4"
        path = self.storage(school) / locator
        path.parent.mkdir(parents=True, exist_ok=True)
        body = unlike_others(clip(SECONDS))
        draft = path.with_suffix(".part")
        draft.write_bytes(body)
        end = start + timedelta(seconds=SECONDS)
        os.utime(draft, (end.timestamp(), end.timestamp()))
        draft.rename(path)
        digest = hashlib.sha256(body).hexdigest()
        return Film(segment_id(school, camera, start, digest), camera, start, end, path)

    # what was said

    async def say(self, role: str, school: str, event: Event, place: str | None = None) -> None:
        """Publish as a role that the test plays; `place` is the school whose server it is said to."""
        client = await self.client(role, place)
        now = (self.clocks[place] if place else self.district_clock)()
        message = encode(event, school=school, role=role, event_id=unique("e"), time=now)
        await say(client, [message])

    async def heard(self, kind: type[E], stream: str, school: str, place: str | None = None) -> list[E]:
        """What a stream holds of a kind about a school, oldest first, at the hub or at a school's server."""
        js = (await self._reader(place)).jetstream(timeout=10)
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60, mem_storage=True)
        subject = f"rw.{school}.{kind.SUBJECT}"
        reader = await js.pull_subscribe(
            subject, stream=stream, config=config, inbox_prefix=b"_INBOX.topology."
        )
        info = await reader.consumer_info()
        found: list[E] = []
        while len(found) < (info.num_pending or 0):
            for one in await reader.fetch((info.num_pending or 0) - len(found), timeout=10):
                event, _ = decode(one.subject, one.headers, one.data)
                assert isinstance(event, kind)
                found.append(event)
        await reader.unsubscribe()
        await js.delete_consumer(stream, info.name)
        return found

    async def wait(
        self, kind: type[E], stream: str, school: str, place: str | None = None, count: int = 1
    ) -> list[E]:
        """The same, once there are so many."""

        async def enough() -> list[E] | None:
            found = await self.heard(kind, stream, school, place)
            return found if len(found) >= count else None

        found: list[E] = await until(enough)
        return found

    async def erased(self, school: str, place: str | None = None) -> list[str]:
        """The segments that were certified, in order, as often as they were."""
        events = await self.heard(SegmentsErased, "SITE", school, place)
        return [one.segment for event in events for one in event.certificates]

    async def recorded(self, school: str, place: str | None = None) -> list[str]:
        """The same of those recorded."""
        events = await self.heard(SegmentsRecorded, "FOOTAGE", school, place)
        return [one.id for event in events for one in event.segments]

    async def letters(self) -> list[str]:
        """What was given up, anywhere: the reasons."""
        found = []
        for place in (None, *self.bus.schools):
            messages = await stored(await self._reader(place), "DLQ")
            found += [f"{m.subject}: {m.headers.get('rw-detail')}" for m in messages]
        return found

    async def _reader(self, place: str | None) -> Client:
        if place not in self._readers:
            self._readers[place] = await self.client("topology", place)
        return self._readers[place]


def unlike_others(video: bytes) -> bytes:
    """The same pictures in a file of its own content: a `free` box with chance in it."""
    return video + (24).to_bytes(4, "big") + b"free" + secrets.token_bytes(16)


@asynccontextmanager
async def town(
    folder: Path, database: str, schools: Sequence[str] = ("s001",), ahead: timedelta = timedelta()
) -> AsyncIterator[Town]:
    """The servers of a district and its schools, and the schemas."""
    for service in ("ingest", "retention", "report"):
        await migrate(database, service, DATABASE_PASSWORD)
    async with EmbeddedBus(folder / "bus", schools) as bus:
        made = Town(folder, bus, database, ahead)
        try:
            yield made
        finally:
            await made.close()
