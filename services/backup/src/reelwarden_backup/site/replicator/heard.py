"""What the replicator keeps of what it hears: segments, holds, periods. Part of its store."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reelwarden_backup.site.replicator.domain import Rules
from reelwarden_backup.site.replicator.rows import microseconds, moment
from reelwarden_common.clock import Clock
from reelwarden_common.events.access import RetrievalAuthorised
from reelwarden_common.events.ingest import Segment
from reelwarden_common.events.retention import CameraPeriod, Certificate, Hold, HoldsKept
from reelwarden_common.period import KeepPeriod, believed_end

HOLDS_AN_EVENT = 500
"""A list of holds this long may go on in the next event, so nothing follows from what it lacks."""

_RECORD = """
INSERT INTO segments
    (id, camera, start_us, end_us, digest, size, locator, file_time_us, believed_us, due_us, state, held,
    exported, priority, init)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    locator = excluded.locator, file_time_us = excluded.file_time_us, lost = 0, retry_us = 0
WHERE state <> 'gone'
"""
_ERASED = """
INSERT INTO segments
    (id, camera, start_us, end_us, digest, size, locator, file_time_us, believed_us, due_us, state, putting)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'gone', 1)
ON CONFLICT (id) DO UPDATE SET state = 'gone', retired = 0
"""
_RELEASE = "UPDATE segments SET held = 0 WHERE camera = ? AND start_us < ? AND end_us > ?"
_HOLD = """
UPDATE segments SET held = 1, state = iif(state = 'unwanted', 'waiting', state)
WHERE held = 0 AND camera = ? AND start_us < ? AND end_us > ?
"""
_HOLD_COPIES = """
UPDATE copies SET todo = 'protect', retry_us = 0 WHERE todo = '' AND held = 0 AND bad = 0
AND segment IN (SELECT id FROM segments WHERE camera = ? AND start_us < ? AND end_us > ?)
"""
_RETIRED = "SELECT id FROM segments WHERE retired AND state = 'gone' AND "
_HELD_AGAIN = _RETIRED + "camera = :camera AND start_us < :end AND end_us > :start"
_DUE_LATER = _RETIRED + "camera = :camera AND due_us > :now"
_CALL_BACK = """
UPDATE copies SET todo = 'protect', held = 0, tries = 0, retry_us = 0
WHERE todo = 'erase' AND segment IN ({which})
"""
_CALLED_BACK = """
UPDATE segments SET retired = 0, state = CASE
    WHEN EXISTS (SELECT 1 FROM copies WHERE segment = segments.id AND bad = 0) THEN 'kept'
    WHEN held OR exported OR :wanted THEN 'waiting' ELSE 'unwanted' END
WHERE id IN ({which})
"""
_FOLLOW = """
UPDATE segments SET priority = ?, state = CASE WHEN ? THEN 'waiting'
    WHEN held OR exported OR putting OR EXISTS (SELECT 1 FROM copies WHERE segment = segments.id) THEN state
    ELSE 'unwanted' END
WHERE state = ? AND camera = ?
"""
_EXPORT = """
UPDATE segments SET exported = 1, state = iif(state = 'unwanted', 'waiting', state)
WHERE exported = 0 AND camera = ? AND start_us < ? AND end_us > ?
"""
_SPANNED = "camera = :camera AND start_us < :end AND end_us > :start"
_EXPORTED_BY = f"SELECT 1 FROM exports WHERE deadline_us > :now AND {_SPANNED}"  # noqa: S608 - ours
_LIFT = """
UPDATE copies SET todo = 'protect', retry_us = 0 WHERE todo = '' AND held = 1
AND segment IN (SELECT id FROM segments WHERE held = 0 AND camera = ? AND start_us < ? AND end_us > ?)
"""
_HELD_BY = f"SELECT 1 FROM holds WHERE {_SPANNED}"  # noqa: S608 - ours


class Heard:
    """The tables `segments`, `holds` and `periods`, within one transaction."""

    def __init__(self, conn: sqlite3.Connection, rules: Rules, clock: Clock) -> None:
        self._conn = conn
        self._rules = rules
        self._clock = clock

    def record(self, segment: Segment) -> None:
        """Take note of a segment, or of where it lies now; what was erased stays erased."""
        held = self._is_covered(_HELD_BY, segment)
        exported = self._is_covered(_EXPORTED_BY, segment)
        counted = believed_end(segment.end, segment.file_time)
        due = self.period(segment.camera).due(counted)
        state = "waiting" if self._rules.wanted(segment.camera, needed=held or exported) else "unwanted"
        if segment.init is not None:
            init = (segment.init.digest, segment.init.data)
            self._conn.execute("INSERT OR IGNORE INTO inits VALUES (?, ?)", init)
        self._conn.execute(
            _RECORD,
            (
                segment.id,
                segment.camera,
                microseconds(segment.start),
                microseconds(segment.end),
                segment.digest,
                segment.size,
                segment.locator,
                microseconds(segment.file_time),
                microseconds(counted),
                microseconds(due),
                state,
                held,
                exported,
                segment.camera in self._rules.priority,
                None if segment.init is None else segment.init.digest,
            ),
        )

    def follow_policy(self) -> None:
        """Copy what an earlier policy left out; what was copied stays, what waits is left when not wanted."""
        for row in self._conn.execute(
            "SELECT DISTINCT camera, state FROM segments WHERE state IN ('unwanted', 'waiting')"
        ).fetchall():
            wanted = self._rules.wanted(row["camera"], needed=False)
            self._conn.execute(
                _FOLLOW, (row["camera"] in self._rules.priority, wanted, row["state"], row["camera"])
            )

    def export(self, event: RetrievalAuthorised) -> None:
        """Footage may be exported for an application: it is copied too, whatever the policy."""
        now = microseconds(self._clock())
        self._conn.execute("DELETE FROM exports WHERE deadline_us <= ?", (now,))
        for span in event.spans:
            start, end = span.start - self._rules.hold_margin, span.end + self._rules.hold_margin
            place = (span.camera, microseconds(start), microseconds(end))
            self._conn.execute(
                "INSERT OR REPLACE INTO exports VALUES (?, ?, ?, ?, ?)",
                (event.application, *place, microseconds(event.deadline)),
            )
            self._conn.execute(_EXPORT, (place[0], place[2], place[1]))

    def move(self, segment: str, locator: str) -> None:
        """A file was found under another path."""
        self._conn.execute(
            "UPDATE segments SET locator = ?, lost = 0, retry_us = 0 WHERE id = ?", (locator, segment)
        )

    def lose(self, segment: str) -> None:
        """A file vanished; if no copy was made yet, the next backup record says so."""
        row = self._conn.execute("SELECT * FROM segments WHERE id = ?", (segment,)).fetchone()
        if row is None or row["lost"]:
            return
        self._conn.execute("UPDATE segments SET lost = 1 WHERE id = ?", (segment,))
        if row["state"] == "waiting":
            detail = (
                f"{row['camera']} {moment(row['start_us']):%Y-%m-%dT%H:%M:%SZ}: vanished before it was copied"
            )
            self._conn.execute(
                "INSERT INTO exceptions (segment, detail, at_us) VALUES (?, ?, ?)",
                (segment, detail, microseconds(self._clock())),
            )

    def erase(self, certificate: Certificate) -> None:
        """The original was erased on its day: so must its copies be (invariant 7).

        A segment that was never heard of is kept as gone: its recording may be heard of later, and copies
        may lie in the store that this file knows nothing of.
        """
        self._conn.execute(
            _ERASED,
            (
                certificate.segment,
                certificate.camera,
                microseconds(certificate.start),
                microseconds(certificate.end),
                certificate.digest,
                certificate.size,
                certificate.locator,
                microseconds(certificate.end),
                microseconds(certificate.end),
                microseconds(certificate.due),
            ),
        )
        self._conn.execute(
            "UPDATE copies SET todo = 'erase', retry_us = coalesce(locked_us, 0) WHERE segment = ?",
            (certificate.segment,),
        )
        self._conn.execute("DELETE FROM restores WHERE segment = ?", (certificate.segment,))

    def period(self, camera: str) -> KeepPeriod:
        """How long a camera's footage is kept: by the applied plan, else by the school's own file."""
        row = self._conn.execute("SELECT * FROM periods WHERE camera = ?", (camera,)).fetchone()
        if row is not None:
            return KeepPeriod(row["days"], timedelta(minutes=row["grace_minutes"]), row["zone"])
        return self._rules.periods.get(camera, self._rules.default_period)

    def unmanaged(self) -> frozenset[str]:
        """The cameras whose footage their recorder erases, not the reaper."""
        said = {row["camera"]: row["managed"] for row in self._conn.execute("SELECT * FROM periods")}
        recorders = {camera for camera, managed in said.items() if not managed}
        return frozenset(recorders | (self._rules.unmanaged - said.keys()))

    def keep_periods(self, periods: Iterable[CameraPeriod]) -> None:
        """Count by a new plan: due times move, and locks are lengthened where they end too early."""
        for period in periods:
            before = self.period(period.camera)
            self._conn.execute(
                "INSERT OR REPLACE INTO periods VALUES (?, ?, ?, ?, ?)",
                (period.camera, period.days, period.grace_minutes, period.zone, period.managed),
            )
            if self.period(period.camera) != before:
                self._count_again(period.camera)

    def _count_again(self, camera: str) -> None:
        period = self.period(camera)
        for first, last in self._local_days(camera, ZoneInfo(period.zone)):
            self._conn.execute(
                "UPDATE segments SET due_us = ? WHERE camera = ? AND believed_us >= ? AND believed_us < ?",
                (microseconds(period.due(first)), camera, microseconds(first), microseconds(last)),
            )
        self._conn.execute(
            "UPDATE copies SET todo = 'protect', retry_us = 0 WHERE todo = '' AND segment IN"
            " (SELECT id FROM segments WHERE camera = ? AND due_us > coalesce(copies.locked_us, 0))",
            (camera,),
        )
        self._call_back(_DUE_LATER, {"camera": camera, "now": microseconds(self._clock())})

    def _call_back(self, which: str, where: Mapping[str, str | int]) -> None:
        """What was let go without a certificate is kept after all: held now, or due later than it was."""
        wanted = self._rules.wanted(str(where["camera"]), needed=False)
        self._conn.execute(_CALL_BACK.format(which=which), where)
        self._conn.execute(_CALLED_BACK.format(which=which), {**where, "wanted": wanted})

    def _local_days(self, camera: str, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """The local days from which known segments of a camera count: all of one day are due together."""
        row = self._conn.execute(
            "SELECT min(believed_us) AS first, max(believed_us) AS last FROM segments WHERE camera = ?",
            (camera,),
        ).fetchone()
        if row["first"] is None:
            return
        at = moment(row["first"])
        while at <= moment(row["last"]):
            tomorrow = at.astimezone(zone).date() + timedelta(days=1)
            midnight = datetime.combine(tomorrow, datetime.min.time(), tzinfo=zone).astimezone(at.tzinfo)
            yield at, midnight
            at = midnight

    def keep_holds(self, event: HoldsKept, said_at: datetime) -> None:
        """Know the site's holds: what one covers is copied, its copies get a legal hold, and lose it with it.

        The reaper says which stand: it knows whether this machine's clock is believed. A list that is not
        whole, or that was said before another that is known, ends no hold.
        """
        now = microseconds(self._clock())
        latest = len(event.holds) < HOLDS_AN_EVENT and microseconds(said_at) >= self._meta("holds_said_us")
        named = {hold.id for hold in event.holds}
        ended = [
            row
            for row in self._conn.execute("SELECT * FROM holds").fetchall()
            if latest and row["id"] not in named
        ]
        for row in ended:
            self._conn.execute("DELETE FROM holds WHERE id = ?", (row["id"],))
            self._conn.execute(_RELEASE, (row["camera"], row["end_us"], row["start_us"]))
        for hold in event.holds:
            self._keep(hold)
        if latest:
            self._conn.execute(
                "INSERT OR REPLACE INTO meta VALUES ('holds_said_us', ?)", (str(microseconds(said_at)),)
            )
        self._conn.execute("INSERT OR REPLACE INTO meta VALUES ('holds_heard_us', ?)", (str(now),))
        for row in self._conn.execute("SELECT * FROM holds").fetchall():
            self._cover(row)
        for row in ended:
            self._conn.execute(_LIFT, (row["camera"], row["end_us"], row["start_us"]))

    def _keep(self, hold: Hold) -> None:
        start, end = hold.span.start - self._rules.hold_margin, hold.span.end + self._rules.hold_margin
        place = (hold.span.camera, microseconds(start), microseconds(end))
        self._conn.execute(
            "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?)", (hold.id, *place, microseconds(hold.until))
        )

    def _meta(self, key: str) -> int:
        row = self._conn.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return int(row["value"]) if row else 0

    def _cover(self, hold: sqlite3.Row) -> None:
        place = (hold["camera"], hold["end_us"], hold["start_us"])
        self._conn.execute(_HOLD, place)
        self._conn.execute(_HOLD_COPIES, place)
        where = {"camera": hold["camera"], "start": hold["start_us"], "end": hold["end_us"]}
        self._call_back(_HELD_AGAIN, where)

    def _is_covered(self, by: str, segment: Segment) -> bool:
        moments = {"now": self._clock(), "start": segment.start, "end": segment.end}
        place = {name: microseconds(moment) for name, moment in moments.items()}
        return self._conn.execute(by, {**place, "camera": segment.camera}).fetchone() is not None
