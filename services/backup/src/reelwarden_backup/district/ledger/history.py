"""What schools told the ledger, as it was told: backup records, backlogs, losses. Part of its store."""

import json
from datetime import datetime

from reelwarden_common.clock import Clock
from reelwarden_common.events.backup import BacklogMeasured, RunRecorded
from reelwarden_common.events.ingest import SegmentsLost
from reelwarden_common.messaging.postgres import Connection


class History:
    """The tables `runs`, `backlogs` and `lost`, within one transaction."""

    def __init__(self, conn: Connection, clock: Clock) -> None:
        self._conn = conn
        self._clock = clock

    async def keep_run(self, school: str, event: RunRecorded) -> None:
        """Keep a backup record (R4.1)."""
        await self._conn.execute(
            "INSERT INTO runs (run, school, started_at, ended_at, kind, spans, objects, bytes, place,"
            " exceptions, manifest) VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11)"
            " ON CONFLICT DO NOTHING",
            event.run,
            school,
            event.started_at,
            event.ended_at,
            event.kind,
            json.dumps([span.model_dump(mode="json") for span in event.spans]),
            event.objects,
            event.bytes,
            event.place,
            list(event.exceptions),
            event.manifest,
        )

    async def keep_backlog(self, school: str, event: BacklogMeasured, at: datetime) -> None:
        """Keep the newest measurement."""
        await self._conn.execute(
            "INSERT INTO backlogs (school, segments, bytes, oldest, failing, measured_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (school) DO UPDATE SET"
            " segments = excluded.segments, bytes = excluded.bytes, oldest = excluded.oldest,"
            " failing = excluded.failing, measured_at = excluded.measured_at"
            " WHERE backlogs.measured_at <= excluded.measured_at",
            school,
            event.segments,
            event.bytes,
            event.oldest,
            event.failing,
            at,
        )

    async def lose(self, school: str, event: SegmentsLost) -> None:
        """Segments vanished from a school's disk."""
        now = self._clock()
        await self._conn.executemany(
            "INSERT INTO lost (school, segment, camera, start_at, noticed_at, state, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, 'lost', $6) ON CONFLICT (school, segment) DO UPDATE"
            " SET state = 'lost', noticed_at = excluded.noticed_at, changed_at = excluded.changed_at",
            [(school, one.id, one.camera, one.start, event.noticed_at, now) for one in event.segments],
        )

    async def mark(
        self,
        school: str,
        segment: str,
        state: str,
        *,
        actor: str | None = None,
        reason: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Say what became of a lost segment."""
        await self._conn.execute(
            "INSERT INTO lost (school, segment, state, actor, reason, detail, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (school, segment) DO UPDATE SET"
            " state = excluded.state, actor = coalesce(excluded.actor, lost.actor), reason = excluded.reason,"
            " detail = excluded.detail, changed_at = excluded.changed_at",
            school,
            segment,
            state,
            actor,
            reason,
            detail,
            self._clock(),
        )
