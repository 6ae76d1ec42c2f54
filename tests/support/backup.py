"""A school and a district for the tests of backup: footage on a disk, a store with rights as in the stack."""

import asyncio
import base64
import hashlib
import io
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.retention import Retention
from pydantic import SecretStr

from reelwarden_backup.district.ledger import app as ledger_app
from reelwarden_backup.district.ledger.settings import Settings as LedgerSettings
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_backup.site.replicator import app as replicator_app
from reelwarden_backup.site.replicator.settings import Settings as ReplicatorSettings
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.db import migrate, role_of
from reelwarden_common.envelope import Envelope, Message, decode
from reelwarden_common.events.backup import StoredObject
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import Segment, TimeSource
from reelwarden_common.identity import segment_id
from reelwarden_common.messaging.units import Store as UnitStore
from reelwarden_common.role import Role
from reelwarden_common.settings import S3Settings
from reelwarden_local.servers import READ_RIGHTS, WRITE_RIGHTS, Identity, SeaweedFS
from tests.support.backends import DATABASE_PASSWORD

SCHOOLS = [f"s{number:03}" for number in range(1, 81)]
"""Each test takes one for itself, with its own bucket and key."""
E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=UnitStore)
TEN = timedelta(seconds=10)


def identities() -> list[Identity]:
    """Return the keys of the store, with the rights that the embedded stack gives them."""

    def key(name: str, actions: Sequence[str]) -> Identity:
        return Identity(name, name, secrets.token_urlsafe(24), list(actions))

    footage = [f"rw-footage-{school}" for school in SCHOOLS]
    return [
        key("admin", ["Admin", "Read", "Write", "List", "Tagging"]),
        key("ledger", [f"{act}:{bucket}" for bucket in footage for act in READ_RIGHTS]),
        *(key(f"site-{school}", [f"{a}:rw-footage-{school}" for a in WRITE_RIGHTS]) for school in SCHOOLS),
    ]


@dataclass
class Store:
    """The S3 store of these tests; it may be killed and damaged."""

    server: SeaweedFS
    free: list[str] = field(default_factory=lambda: list(SCHOOLS))

    @property
    def admin(self) -> Minio:
        """A client that may do everything."""
        return self.server.client(next(i for i in self.server.identities if i.name == "admin"))

    def settings(self, name: str) -> S3Settings:
        """Return what a role is told about the store."""
        one = next(i for i in self.server.identities if i.name == name)
        return S3Settings(
            endpoint=self.server.endpoint, access_key=one.access_key, secret_key=SecretStr(one.secret_key)
        )

    async def school(self) -> str:
        """Return a school that no other test uses, its bucket made."""
        school = self.free.pop(0)
        await asyncio.to_thread(self.admin.make_bucket, f"rw-footage-{school}", object_lock=True)
        return school

    def put(self, school: str, body: bytes) -> StoredObject:
        """Store an object as a replicator does; return what it would tell of it."""
        now = datetime.now(UTC).replace(microsecond=0)
        digest = hashlib.sha256(body).hexdigest()
        segment = segment_id(school, "gate", now, digest)
        key, until = f"gate/{now:%Y-%m-%d}/{segment}.mp4", now + timedelta(days=30)
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        done = self.admin.put_object(
            f"rw-footage-{school}",
            key,
            io.BytesIO(body),
            len(body),
            metadata={"x-amz-checksum-sha256": checksum, "x-amz-sdk-checksum-algorithm": "SHA256"},
            retention=Retention(GOVERNANCE, until),
        )
        return StoredObject(
            segment=segment,
            camera="gate",
            start=now,
            end=now + TEN,
            digest=digest,
            size=len(body),
            bucket=f"rw-footage-{school}",
            key=key,
            object_version=done.version_id or "",
            locked_until=until,
            stored_at=now,
        )

    def versions(self, school: str, prefix: str = "") -> list[tuple[str, str]]:
        """Return every version in a school's bucket but for the backup records: key and version."""
        listed = self.admin.list_objects(
            f"rw-footage-{school}", prefix=prefix, recursive=True, include_version=True
        )
        return [
            (one.object_name or "", one.version_id or "")
            for one in listed
            if not (one.object_name or "").startswith("_runs/") and not one.is_delete_marker
        ]

    def manifests(self, school: str) -> list[bytes]:
        """Return the backup records that lie in a school's bucket."""
        bucket = f"rw-footage-{school}"
        found = []
        for one in self.admin.list_objects(bucket, prefix="_runs/", recursive=True):
            with self.admin.get_object(bucket, one.object_name or "") as answer:
                found.append(bytes(answer.data))
        return found


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Turned(Generic[S]):
    """A role that is not on the bus: events are handed to it, its loops are turned by hand."""

    def __init__(self, role: Role[S], school: str) -> None:
        self.role = role
        self.school = school

    async def hear(self, event: Event, event_id: str = "") -> bool:
        """Hand an event to its handler, once per id; tells whether it was new."""
        handler = self.role.handlers[type(event)]
        envelope = Envelope(
            id=event_id or secrets.token_hex(8),
            type=event.ce_type(),
            school=self.school,
            role=event.role(),
            time=datetime.now(UTC),
        )
        return await self.role.units.once(envelope, lambda store: handler(event, envelope, store))

    async def turn(self, *loops: str) -> None:
        """Turn loops, each once, in this order."""
        by_name = {loop.name: loop for loop in self.role.loops}
        for name in loops:
            await by_name[name].turn()

    async def said(self) -> list[Event]:
        """Take what it has said since the last question."""
        events: list[Event] = []

        async def take(messages: Sequence[Message]) -> None:
            events.extend(decode(one.subject, one.headers, one.body)[0] for one in messages)

        while await self.role.units.relay(take, 500):
            pass
        return events


class Site:
    """A school with a storage and a replicator whose loops are turned by hand."""

    def __init__(
        self,
        folder: Path,
        school: str,
        store: Store,
        *,
        policy: str = "everything",
        unmanaged: bool = False,
        school_line: str = "",
        yard_line: str = "",
    ) -> None:
        self.school = school
        self.store = store
        self.clock = Clock()
        self.storage = folder / "recordings"
        self.storage.mkdir(parents=True)
        erasure = "recorder-managed" if unmanaged else "managed"
        self.toml = folder / "district.toml"
        self.toml.write_text(
            f'[district]\nname = "示范区"\n[backup]\npolicy = "{policy}"\n[[schools]]\nid = "{school}"\n'
            f'name = "第一小学"\nstorage = "recordings"\nerasure = "{erasure}"\n{school_line}\n'
            + "".join(
                f'[[schools.cameras]]\nid = "{camera}"\nname = "{camera}"\nplace = "x"\n'
                f'place_kind = "entrance"\npriority = {priority}\n{more}\n'
                f'recorder = {{ layout = "frigate", folder = "frigate", source = "{camera}" }}\n'
                for camera, priority, more in (("gate", "true", ""), ("yard", "false", yard_line))
            )
        )
        self.settings = ReplicatorSettings(
            district_toml=self.toml,
            school=school,
            state_dir=folder / "state",
            turn_seconds=0.2,
            run_seconds=0.5,
            backlog_seconds=0.5,
        )

    @asynccontextmanager
    async def replicator(self) -> AsyncIterator[Turned[ReplicatorStore]]:
        """Open the replicator's state; leaving the block without having finished is a crash."""
        s3 = self.store.settings(f"site-{self.school}")
        async with replicator_app.build(self.settings, s3, self.clock) as role:
            yield Turned(role, self.school)

    def record(
        self, camera: str = "gate", start: datetime | None = None, body: bytes | None = None, name: str = ""
    ) -> tuple[Segment, bytes]:
        """Write a file as a recorder does; return its segment and content."""
        start = start or datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
        content = secrets.token_bytes(20_000) if body is None else body
        digest = hashlib.sha256(content).hexdigest()
        locator = name or f"frigate/recordings/{start:%Y-%m-%d/%H}/{camera}/{start:%M.%S}.mp4"
        path = self.storage / locator
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return (
            Segment(
                id=segment_id(self.school, camera, start, digest),
                camera=camera,
                start=start,
                end=start + TEN,
                duration_ms=10_000,
                size=len(content),
                digest=digest,
                codec="h264",
                width=320,
                height=180,
                time_source=TimeSource.NAME,
                uncertainty_ms=1000,
                locator=locator,
                file_time=start + TEN,
            ),
            content,
        )


def only(events: Sequence[Event], kind: type[E]) -> list[E]:
    """Return the events of one kind."""
    return [one for one in events if isinstance(one, kind)]


async def make_schema(admin_url: str) -> str:
    """Make the backup service's schema; return its role's URL."""
    await migrate(admin_url, "backup", DATABASE_PASSWORD)
    host = admin_url.split("@", 1)[1]
    return f"postgresql://{role_of('backup')}:{DATABASE_PASSWORD}@{host}"


@asynccontextmanager
async def ledger(
    database_url: str, store: Store, clock: Clock, **more: Any
) -> AsyncIterator[Turned[LedgerStore]]:
    """Open a ledger whose loops are turned by hand."""
    settings = LedgerSettings(database_url=SecretStr(database_url), **more)
    async with ledger_app.build(settings, store.settings("ledger"), clock) as role:
        yield Turned(role, "district")
