"""An exporter beside a school's footage, with a real store, as the tests drive it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from reelwarden_access.site.exporter.export import Exporter
from reelwarden_access.site.exporter.files import Storage
from reelwarden_access.site.exporter.handlers import on_retrieval_authorised
from reelwarden_access.site.exporter.schema import MIGRATIONS
from reelwarden_access.site.exporter.settings import Settings
from reelwarden_access.site.exporter.store import ExporterStore
from reelwarden_common.clock import system_clock
from reelwarden_common.envelope import Envelope, decode
from reelwarden_common.events.access import ExportFailed, ExportReady, Manner, RetrievalAuthorised
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from tests.access.footage import School
from tests.support.backends import ObjectStore, unique

Said = ExportReady | ExportFailed


@dataclass
class Site:
    """An exporter of a school whose id no other test uses, so that buckets are its own."""

    school_id: str
    school: School
    state_dir: Path
    store: ObjectStore
    s3: S3
    now: datetime = field(default_factory=system_clock)
    """The store's own clock decides about locks: so does this one."""
    units: SqliteUnits[ExporterStore] = field(init=False)
    exporter: Exporter = field(init=False)
    _conn: sqlite3.Connection | None = None

    def start(self) -> None:
        """Start, or start again after a crash: nothing is kept but files."""
        self.close()
        path = self.state_dir / "exporter.sqlite"
        self._conn = open_database(path, MIGRATIONS)
        self.units = SqliteUnits(
            self._conn, path, lambda conn: ExporterStore(conn, self.school_id, lambda: self.now)
        )
        settings = Settings(school=self.school_id, state_dir=self.state_dir)
        storage = Storage(self.school.storage)
        self.exporter = Exporter(settings, self.units, storage, self.s3, self.school.ask, lambda: self.now)

    def close(self) -> None:
        if self._conn:
            self._conn.close()
            self.exporter.close()

    @property
    def exports(self) -> str:
        return f"rw-exports-{self.school_id}"

    async def authorise(self, *spans: CameraSpan, **changes: Any) -> RetrievalAuthorised:
        """The desk's event arrives."""
        fields: dict[str, Any] = {
            "application": "a" * 32,
            "number": f"{self.school_id}-2026-0001",
            "manner": Manner.VIEW,
            "native": False,
            "spans": spans,
            "deadline": self.now + timedelta(days=7),
        }
        event = RetrievalAuthorised(**fields | changes)
        envelope = Envelope(unique("e"), event.ce_type(), self.school_id, "desk", self.now)
        async with self.units.begin() as store:
            await on_retrieval_authorised(event, envelope, store)
        return event

    def said(self) -> list[Said]:
        """What waits in the outbox."""
        assert self._conn is not None
        rows = self._conn.execute("SELECT subject, headers, body FROM outbox ORDER BY seq").fetchall()
        events = [decode(row["subject"], json.loads(row["headers"]), bytes(row["body"]))[0] for row in rows]
        assert all(isinstance(event, ExportReady | ExportFailed) for event in events)
        return events  # type: ignore[return-value]  # narrowed by the line above

    def problem(self) -> str:
        """What the newest job says of itself."""
        assert self._conn is not None
        return str(self._conn.execute("SELECT problem FROM jobs").fetchone()["problem"])

    async def run(self, seconds: float = 0) -> Said:
        """Let time pass, work once, and return the last thing said."""
        self.now += timedelta(seconds=seconds)
        await self.exporter.turn()
        return self.said()[-1]

    async def back_up(self, segment: Segment, content: bytes | None = None) -> str:
        """Store a copy as the replicator does."""
        key = f"{segment.camera}/{segment.start:%Y-%m-%d}/{segment.id}.mp4"
        data = content if content is not None else self.school.path(segment).read_bytes()
        await self.s3.put_bytes(f"rw-footage-{self.school_id}", key, data)
        return key

    async def fetch(self, ready: ExportReady, name: str) -> bytes:
        """A file of an export."""
        return await self.s3.get_bytes(ready.bucket, ready.folder + name)

    async def keys(self) -> dict[str, int]:
        """All keys of the exports' bucket with how many versions each has."""

        def work() -> dict[str, int]:
            found: dict[str, int] = {}
            for one in self.store.client().list_objects(self.exports, recursive=True, include_version=True):
                found[str(one.object_name)] = found.get(str(one.object_name), 0) + 1
            return found

        return await asyncio.to_thread(work)


@asynccontextmanager
async def exporting(tmp_path: Path, store: ObjectStore) -> AsyncIterator[Site]:
    """A site with its two buckets."""
    school_id = unique("s")
    client = store.client()
    for bucket in (f"rw-footage-{school_id}", f"rw-exports-{school_id}"):
        await asyncio.to_thread(client.make_bucket, bucket, object_lock=True)
    access = S3Settings(
        endpoint=store.endpoint, access_key=store.access_key, secret_key=SecretStr(store.secret_key)
    )
    s3 = S3(access)
    site = Site(school_id, School(tmp_path / "storage"), tmp_path / "state", store, s3)
    site.start()
    try:
        yield site
    finally:
        site.close()
        s3.close()
