"""备份记录: the backup record of what was stored, and the word on what still waits (R4.1)."""

import json
import uuid

from reelwarden_backup.shapes import manifest, manifest_key
from reelwarden_backup.site.replicator.domain import Rules, spans_of
from reelwarden_backup.site.replicator.measures import Measures
from reelwarden_backup.site.replicator.patience import Patience
from reelwarden_backup.site.replicator.records import Run
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.events.backup import RunRecorded
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, NotAllowed, NotStored, StoreAway

OBJECTS_A_RECORD = 5_000


class Recording:
    """Writes records: first as an object beside the footage, then as an event. Begun ones are finished."""

    def __init__(
        self, units: Units[ReplicatorStore], s3: S3, rules: Rules, patience: Patience, measures: Measures
    ) -> None:
        self._units = units
        self._s3 = s3
        self._rules = rules
        self._patience = patience
        self._measures = measures

    async def record(self) -> None:
        """Write up what was stored since the last record."""
        while not self._patience.resting:
            async with self._units.begin() as store:
                run = store.records.open_run(uuid.uuid4().hex, OBJECTS_A_RECORD)
            if run is None:
                return
            record = self._record_of(run)
            text = json.dumps(manifest(self._rules.school, record, run.objects), ensure_ascii=False, indent=1)
            locks = [one.locked_until for one in run.objects if one.locked_until]
            try:
                await self._s3.put_bytes(
                    self._rules.bucket, record.manifest, text.encode(), locked_until=max(locks, default=None)
                )
            except (StoreAway, NotStored, NotAllowed) as error:
                await self._patience.is_away(error)
                return
            async with self._units.begin() as store:
                store.tell_run(record)

    def _record_of(self, run: Run) -> RunRecorded:
        return RunRecorded(
            run=run.id,
            started_at=run.started,
            ended_at=run.ended,
            kind=run.kind,
            spans=spans_of(run.objects),
            objects=len(run.objects),
            bytes=sum(one.size for one in run.objects),
            place=f"s3:{self._rules.bucket}",
            exceptions=run.exceptions,
            manifest=manifest_key(run.id, run.started),
        )

    async def tell_backlog(self) -> None:
        """Say how much waits, and why if nothing moves."""
        async with self._units.begin() as store:
            backlog = store.tell_backlog(self._patience.reason)
        self._measures.backlog.set(backlog.segments)
        self._measures.backlog_bytes.set(backlog.bytes)
        self._measures.away.set(bool(self._patience.reason))
