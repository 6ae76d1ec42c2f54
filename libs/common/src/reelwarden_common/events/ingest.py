"""What the scanner (at the school) and the index (at the district) say about footage."""

import base64
import zlib
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import (
    CameraId,
    CameraSpan,
    Day,
    Detail,
    Digest,
    Event,
    Id,
    Instant,
    Locator,
    Model,
    Reason,
)

LARGEST_INIT = 64 * 1024
"""Bytes; a longer file is none."""


class TimeSource(StrEnum):
    """Which clock a segment's start was taken from."""

    CONTAINER = "container"
    NAME = "name"
    FILE_TIME = "file-time"


class InitSegment(Model):
    """What a recorder wrote once for many segments (ISO/IEC 23009-1 initialization segment).

    Without it none of them can be decoded, and the recorder may replace it: it travels with each.
    """

    digest: Digest
    """SHA-256 of the file."""
    data: Annotated[str, Field(max_length=1200, examples=["eNpjYGBISyzOBQAEUwGm"])]
    """The file, zlib (RFC 1950) in base64: a thousand bytes, mostly zeros. What an S3 object may bear beside
    its content is no more than 2 KB."""

    @classmethod
    def of(cls, content: bytes) -> "InitSegment":
        """From the file's bytes. Raises ValidationError: too long for one."""
        packed = base64.b64encode(zlib.compress(content, 9)).decode()
        return cls(digest=sha256(content).hexdigest(), data=packed)

    def content(self) -> bytes:
        """The file's bytes.

        Raises:
            ValueError: they are not what the digest says.
        """
        try:
            found = zlib.decompressobj().decompress(base64.b64decode(self.data), LARGEST_INIT)
        except zlib.error as error:
            raise ValueError(f"initialization segment {self.digest} is damaged: {error}") from error
        if sha256(found).hexdigest() != self.digest:
            raise ValueError(f"initialization segment {self.digest} is not what its digest says")
        return found


class Segment(Model):
    """One closed recording file. Identity: school, camera, start, digest."""

    id: Id
    camera: CameraId
    start: Instant
    end: Instant
    duration_ms: Annotated[int, Field(ge=0, examples=[10_000])]
    size: Annotated[int, Field(ge=0, examples=[2_500_000])]
    digest: Digest
    codec: Annotated[str, Field(examples=["h264"])]
    width: Annotated[int, Field(ge=0, examples=[1920])]
    height: Annotated[int, Field(ge=0, examples=[1080])]
    time_source: TimeSource
    uncertainty_ms: Annotated[int, Field(ge=0, examples=[1000])]
    locator: Locator
    file_time: Instant
    init: InitSegment | None = None
    """Of a fragment that cannot be decoded alone; size and digest of the segment are without it."""


class SegmentsRecorded(Event):
    """Closed segments were found, probed and hashed (R3.2, R4.1)."""

    SUBJECT: ClassVar[str] = "scanner.segment.recorded"
    segments: Annotated[tuple[Segment, ...], Field(max_length=200)]


class RejectedFile(Model):
    """A file that is no footage: quarantined, holdable by its file time, never dropped silently."""

    id: Id
    camera: CameraId | None = None
    locator: Locator
    size: int
    file_time: Instant
    digest: Digest | None = None
    reason: Reason
    detail: Detail


class SegmentsRejected(Event):
    """Files that could not be taken as footage, each with a reason."""

    SUBJECT: ClassVar[str] = "scanner.segment.rejected"
    files: Annotated[tuple[RejectedFile, ...], Field(max_length=200)]


class SegmentAltered(Event):
    """A known file's content changed: its digest differs (art. 15, 23)."""

    SUBJECT: ClassVar[str] = "scanner.segment.altered"
    segment: Id
    camera: CameraId
    start: Instant
    locator: Locator
    digest: Digest
    found: Digest


class LostSegment(Model):
    id: Id
    camera: CameraId
    start: Instant
    end: Instant
    digest: Digest
    locator: Locator


class SegmentsLost(Event):
    """Known files vanished before they were due and not by our hand."""

    SUBJECT: ClassVar[str] = "scanner.segment.lost"
    segments: Annotated[tuple[LostSegment, ...], Field(max_length=200)]
    noticed_at: Instant


class SegmentMoved(Event):
    """A known segment was found again under another path."""

    SUBJECT: ClassVar[str] = "scanner.segment.moved"
    segment: Id
    camera: CameraId
    locator: Locator
    was: Locator
    start: Instant | None = None
    """Of the segment: in which day it is looked for."""


class DayCounted(Event):
    """What the catalogue holds of one camera-day (UTC), so that the index can tell what it lacks.

    `digest` is the SHA-256 over the sorted segment ids, each followed by a newline; `states` the same over
    ids, each with a space and what was told of it: recorded, altered or lost.
    """

    SUBJECT: ClassVar[str] = "scanner.day.counted"
    camera: CameraId
    day: Day
    count: int
    digest: Digest
    complete_to: Instant
    states: Digest | None = None
    """None: of a school that does not tell it yet."""


class CameraSilent(Event):
    """Nothing new from a camera for longer than its segments last."""

    SUBJECT: ClassVar[str] = "scanner.camera.silent"
    camera: CameraId
    since: Instant


class CameraClock(Event):
    """How far a camera's claimed times are from file times (positive: the camera is ahead)."""

    SUBJECT: ClassVar[str] = "scanner.camera.clock"
    camera: CameraId
    offset_ms: int


class StorageMeasured(Event):
    """The storage disk: bytes in all, bytes free, and for how many days what is written fits."""

    SUBJECT: ClassVar[str] = "scanner.storage.measured"
    total: int
    free: int
    forecast_days: float | None = None
    bound: bool = True
    """False: the folder is not the one that this school was bound to (unmounted, swapped)."""
    files: int = 0
    writable: bool = True
    """False: nothing can be written there, so nothing is vaulted or erased, and perhaps nothing recorded."""


class CameraForecast(Model):
    """How many days of a camera's footage are on the storage, how many there will be, how many must be."""

    camera: CameraId
    held_days: Annotated[float, Field(ge=0, examples=[12.5])]
    """Since the start of the oldest segment there."""
    days: Annotated[float, Field(ge=0, examples=[21.0])]
    """At the present rate, once the storage is full."""
    keep_days: Annotated[int, Field(ge=0, examples=[30])]
    daily_bytes: Annotated[int, Field(ge=0, examples=[21_600_000_000])]


class StorageForecast(Event):
    """What a school's storage will hold at the present rate (R3.1): told hourly and when it changes."""

    SUBJECT: ClassVar[str] = "scanner.storage.forecast"
    full_in_days: Annotated[float, Field(ge=0, examples=[8.5])] | None = None
    """Until nothing more can be written; None: what is erased when due makes room for what comes."""
    cameras: Annotated[tuple[CameraForecast, ...], Field(max_length=1000)] = ()
    """Those of which it can be told."""


class CoverageCounted(Event):
    """How much of one camera-hour is recorded."""

    SUBJECT: ClassVar[str] = "index.coverage.counted"
    camera: CameraId
    hour: Instant
    recorded_ms: int
    gaps: tuple[CameraSpan, ...] = ()


class DayDiffers(Event):
    """The index lacks part of a camera-day; the scanner is asked to publish it again."""

    SUBJECT: ClassVar[str] = "index.day.differs"
    TO_SCHOOL: ClassVar[bool] = True
    camera: CameraId
    day: Day


class SegmentConflict(Event):
    """Two different contents claim one camera and start (DST fold, clock step): both are kept."""

    SUBJECT: ClassVar[str] = "index.segment.conflict"
    camera: CameraId
    start: Instant
    digests: tuple[Digest, ...]


class CameraRegistered(Event):
    """A camera entered the register or changed (art. 13, 14)."""

    SUBJECT: ClassVar[str] = "index.camera.registered"
    TO_SCHOOL: ClassVar[bool] = True
    camera: CameraId
    place_kind: Reason
    keep_days: int
    managed: bool


class SegmentsCursor(Model):
    """Where an answer broke off: behind this segment, by start and id."""

    start: Instant
    segment: Id


class SegmentsQuery(Model):
    """Question to the scanner or the index: which segments overlap this span?"""

    school: str = ""
    """Only the index needs it; the scanner answers for its own school."""
    camera: CameraId
    start: Instant
    end: Instant
    after: SegmentsCursor | None = None
    """Where the answer before broke off; only the scanner goes by it."""


class SegmentsAnswer(Model):
    segments: tuple[Segment, ...]
    complete_to: Instant | None
    """Footage of this camera up to here is in the catalogue; None: nothing is known yet."""
    missing: tuple[CameraSpan, ...] = ()
    """Spans of the question that no segment covers."""
    away: tuple[Segment, ...] = ()
    """Segments of the span that were recorded but are not on the disk now (lost, not erased by us): the
    vault or the backup may have them."""
    next: SegmentsCursor | None = None
    """There is more: ask the same again with this as `after`. `complete_to` and `missing` end where this
    answer breaks off."""


class CoverageQuery(Model):
    """Question to the index: how is this span of a school covered (one camera, or all)?"""

    school: str
    camera: CameraId | None = None
    start: Instant
    end: Instant


class CameraCoverage(Model):
    camera: CameraId
    recorded_ms: int
    gaps: tuple[CameraSpan, ...]
    first: Instant | None
    last: Instant | None
    segments: int
    gaps_left_out: int = 0
    """So many shorter gaps are not in `gaps`: ask about a shorter span to be told them."""


class CoverageAnswer(Model):
    cameras: tuple[CameraCoverage, ...]
