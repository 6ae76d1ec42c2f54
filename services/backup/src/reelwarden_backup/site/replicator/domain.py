"""The replicator's rules: what is copied, under which key and lock, and when a copy must go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from reelwarden_backup.shapes import bucket_of
from reelwarden_common.events.backup import StoredObject
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import InitSegment
from reelwarden_common.period import KeepPeriod

LOCK_MARGIN = timedelta(minutes=1)
"""A lock shorter than this is not worth asking for: it might have ended when the store hears of it."""
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(hours=1)
RETIRE_AFTER = timedelta(hours=12)
"""How long after its due time a copy waits for the reaper's certificate before it goes without one."""


@dataclass(frozen=True)
class Footage:
    """One segment at the school, as far as copying it is concerned."""

    segment: str
    camera: str
    start: datetime
    end: datetime
    digest: str
    size: int
    locator: str
    file_time: datetime
    init: InitSegment | None = None
    """What must be kept with it, or it cannot be decoded."""


@dataclass(frozen=True)
class Rules:
    """What `district.toml` says for this school; a plan's periods take over once one was applied."""

    school: str
    policy: str
    priority: frozenset[str]
    periods: Mapping[str, KeepPeriod]
    default_period: KeepPeriod
    unmanaged: frozenset[str]
    hold_margin: timedelta
    """How far a hold reaches beyond its span: one segment, since clocks and cuts are not exact."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """Of each camera; `policy` is for those that the file does not know any more."""

    @property
    def bucket(self) -> str:
        """The school's own bucket."""
        return bucket_of(self.school)

    def wanted(self, camera: str, *, needed: bool) -> bool:
        """Whether footage is copied: held or exported always, else as its camera's policy says (R3.2)."""
        policy = self.policies.get(camera, self.policy)
        return needed or policy == "everything" or (policy == "priority" and camera in self.priority)


@dataclass(frozen=True)
class Window:
    """A time of the local day in which copying may not take all of the school's line."""

    begin: time
    end: time
    """At or before `begin` it is of the next day."""
    bytes_a_second: float

    def covers(self, moment: time) -> bool:
        """Whether a local time lies in it."""
        if self.begin < self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end


@dataclass(frozen=True)
class Limits:
    """All windows of a school, by its own clock."""

    windows: tuple[Window, ...]
    zone: str

    def at(self, now: datetime) -> float | None:
        """Bytes a second that may cross the line now, the least of all windows; None: no limit."""
        local = now.astimezone(ZoneInfo(self.zone)).time()
        return min((one.bytes_a_second for one in self.windows if one.covers(local)), default=None)


def lock_end(due: datetime, now: datetime) -> datetime | None:
    """Until when a copy is locked: its due time; None when that has come, or nearly."""
    return due.replace(microsecond=0) if due - now > LOCK_MARGIN else None


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many failures: doubling, bounded."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * float(1 << min(tries, 20)))


def spans_of(objects: Iterable[StoredObject]) -> tuple[CameraSpan, ...]:
    """What a set of copies contains: per camera the first start and the last end."""
    found: dict[str, CameraSpan] = {}
    for one in objects:
        known = found.get(one.camera)
        start = min(one.start, known.start) if known else one.start
        end = max(one.end, known.end) if known else one.end
        found[one.camera] = CameraSpan(camera=one.camera, start=start, end=end)
    return tuple(found[camera] for camera in sorted(found))
