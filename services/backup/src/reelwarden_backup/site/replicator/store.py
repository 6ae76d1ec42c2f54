"""The replicator's store: its tables, and the events that leave with each change."""

import sqlite3
from collections.abc import Sequence

from reelwarden_backup.site.replicator.checked import Checked
from reelwarden_backup.site.replicator.copies import Copied, Copies, Copy
from reelwarden_backup.site.replicator.domain import Footage, Rules
from reelwarden_backup.site.replicator.heard import Heard
from reelwarden_backup.site.replicator.records import Backlog, Records
from reelwarden_backup.site.replicator.restores import Restores, ToRestore
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.backup import (
    BacklogMeasured,
    ObjectRestored,
    ObjectsErased,
    ObjectsStored,
    RestoreFailed,
    RunRecorded,
)
from reelwarden_common.messaging.units import Store

OBJECTS_AN_EVENT = 200


class ReplicatorStore(Store):
    """One transaction: `heard` is what others said, the rest its own work."""

    def __init__(self, conn: sqlite3.Connection, rules: Rules, clock: Clock = system_clock) -> None:
        super().__init__("replicator", clock)
        self.rules = rules
        self.heard = Heard(conn, rules, clock)
        self.copies = Copies(conn, rules, clock)
        self.restores = Restores(conn, clock)
        self.records = Records(conn, rules.bucket)
        self.checked = Checked(conn, rules)

    def add_copies(self, copied: Sequence[Copied]) -> None:
        """Copies are stored, and it is told."""
        objects = [self.copies.add(one) for one in copied]
        for first in range(0, len(objects), OBJECTS_AN_EVENT):
            part = tuple(objects[first : first + OBJECTS_AN_EVENT])
            self.publish(self.rules.school, ObjectsStored(objects=part))

    def erase_copies(self, copies: Sequence[Copy]) -> None:
        """Copies are gone, and it is told."""
        for first in range(0, len(copies), OBJECTS_AN_EVENT):
            part = copies[first : first + OBJECTS_AN_EVENT]
            told = tuple(copy.object for copy in part)
            self.publish(self.rules.school, ObjectsErased(objects=told, erased_at=self.clock()))
        for copy in copies:
            self.copies.erased(copy)

    def tell_restored(self, footage: Footage) -> None:
        """A lost segment is back at its place."""
        self.restores.done(footage.segment)
        self.publish(
            self.rules.school,
            ObjectRestored(
                segment=footage.segment,
                camera=footage.camera,
                start=footage.start,
                digest=footage.digest,
                locator=footage.locator,
            ),
        )

    def tell_not_restored(self, one: ToRestore, reason: str, detail: str) -> None:
        """A segment cannot be brought back, and why."""
        self.restores.done(one.request.segment)
        if one.footage is not None and reason != "occupied":
            self.heard.lose(one.request.segment)
        event = RestoreFailed(segment=one.request.segment, reason=reason, detail=detail[:500])
        self.publish(self.rules.school, event)

    def tell_run(self, record: RunRecorded) -> None:
        """A backup record is complete (R4.1)."""
        self.records.run_told(record.run)
        self.publish(self.rules.school, record, event_id=record.run)

    def tell_backlog(self, away: str) -> Backlog:
        """How much waits; `away` says why nothing moves."""
        backlog = self.records.backlog()
        self.publish(
            self.rules.school,
            BacklogMeasured(
                segments=backlog.segments,
                bytes=backlog.bytes,
                oldest=backlog.oldest,
                failing=(away or backlog.stuck)[:500],
            ),
        )
        return backlog
