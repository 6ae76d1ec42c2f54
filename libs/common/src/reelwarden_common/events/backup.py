"""Copies: what the replicator stored, and what the ledger found when it read them back."""

from typing import Annotated, ClassVar

from pydantic import Field

from reelwarden_common.events.base import (
    CameraId,
    CameraSpan,
    Detail,
    Digest,
    Event,
    Id,
    Instant,
    Model,
    Reason,
    SchoolId,
)

ObjectKey = Annotated[str, Field(max_length=1024, examples=["gate/2026-03-02/0c9d1f6e.mp4"])]
BucketName = Annotated[str, Field(max_length=63, examples=["rw-footage-s001"])]


class StoredObject(Model):
    """One segment's copy, addressed by version: a plain key could be overwritten."""

    segment: Id
    camera: CameraId
    start: Instant
    end: Instant
    digest: Digest
    size: int
    bucket: BucketName
    key: ObjectKey
    object_version: Annotated[str, Field(examples=["v1"])]
    locked_until: Instant | None = None
    stored_at: Instant


class ObjectsStored(Event):
    SUBJECT: ClassVar[str] = "replicator.object.stored"
    objects: Annotated[tuple[StoredObject, ...], Field(max_length=200)]


class ObjectsErased(Event):
    """Copies were erased, by version, because the original was (invariant 7)."""

    SUBJECT: ClassVar[str] = "replicator.object.erased"
    objects: Annotated[tuple[StoredObject, ...], Field(max_length=200)]
    erased_at: Instant


class ObjectRestored(Event):
    """A lost segment is back at its place, its digest checked."""

    SUBJECT: ClassVar[str] = "replicator.object.restored"
    segment: Id
    camera: CameraId
    start: Instant
    digest: Digest
    locator: Annotated[str, Field(examples=["frigate/recordings/2026-03-02/08/gate/00.00.mp4"])]


class RestoreFailed(Event):
    SUBJECT: ClassVar[str] = "replicator.restore.failed"
    segment: Id
    reason: Reason
    detail: Detail


class RunRecorded(Event):
    """备份记录, the backup record: time, contents, range, kind, size, place, exceptions (R4.1)."""

    SUBJECT: ClassVar[str] = "replicator.run.recorded"
    run: Id
    started_at: Instant
    ended_at: Instant
    kind: Reason
    """full or incremental."""
    spans: tuple[CameraSpan, ...]
    """What it contains: per camera the first start and the last end."""
    objects: int
    bytes: int
    place: Annotated[str, Field(examples=["s3:rw-footage-s001"])]
    exceptions: Annotated[tuple[Detail, ...], Field(max_length=50)] = ()
    manifest: ObjectKey
    """The same record as an object in the bucket."""


class BacklogMeasured(Event):
    SUBJECT: ClassVar[str] = "replicator.backlog.measured"
    segments: int
    bytes: int
    oldest: Instant | None
    failing: Detail = ""
    """Why nothing moves, when nothing moves."""


class RestoreRequested(Event):
    SUBJECT: ClassVar[str] = "ledger.restore.requested"
    TO_SCHOOL: ClassVar[bool] = True
    segment: Id
    digest: Digest
    bucket: BucketName
    key: ObjectKey
    object_version: Annotated[str, Field(examples=["v1"])]


class VerificationRequested(Event):
    """The ledger asks the replicator to store a segment again whose copy is bad."""

    SUBJECT: ClassVar[str] = "ledger.verification.requested"
    TO_SCHOOL: ClassVar[bool] = True
    segment: Id
    reason: Reason
    object_version: Annotated[str, Field(examples=["v1"])] = ""
    """The bad version, so that it is not taken for a good one."""


class ObjectVerified(Event):
    """Read back in full and found to be what was recorded: only now it counts (invariant 7)."""

    SUBJECT: ClassVar[str] = "ledger.object.verified"
    objects: Annotated[tuple[Id, ...], Field(max_length=500)]
    bytes: int
    verified_at: Instant


class ObjectCorrupt(Event):
    SUBJECT: ClassVar[str] = "ledger.object.corrupt"
    segment: Id
    camera: CameraId
    key: ObjectKey
    object_version: Annotated[str, Field(examples=["v1"])]
    expected: Digest
    found: Digest | None
    """None: it could not be read at all."""
    reason: Reason


class ReadingsMeasured(Event):
    """How many of a school's copies were not read back within the set times (R4.1)."""

    SUBJECT: ClassVar[str] = "ledger.readings.measured"
    unread: Annotated[int, Field(ge=0, examples=[12])]
    """Waiting to be read for longer than `first_hours`: new ones, and those that were found bad once."""
    overdue: Annotated[int, Field(ge=0, examples=[0])]
    """Read back last longer ago than `again_days`."""
    oldest: Instant | None = None
    """Since when the one that waits longest waits, or was read last; None if all was read in time."""
    first_hours: Annotated[float, Field(examples=[24.0])]
    again_days: Annotated[float, Field(examples=[30.0])]


class DrillCompleted(Event):
    """A sample of copies was brought back, hashed again and played (R4.1); of one school, or of all."""

    SUBJECT: ClassVar[str] = "ledger.drill.completed"
    drill: Id
    sampled: int
    restored: int
    failures: tuple[Id, ...] = ()


class CopiesQuery(Model):
    """Question to the ledger: which copies are there of a camera's footage in this span?"""

    school: SchoolId
    camera: CameraId
    start: Instant
    end: Instant
    limit: Annotated[int, Field(ge=1, le=500)] = 200


class Copy(Model):
    """One version of one segment in a store."""

    segment: Id
    start: Instant
    end: Instant
    size: int
    bucket: str
    key: str
    stored_at: Instant
    state: Reason
    """unverified, verified (read back in full and found right), corrupt or erased."""
    read_back_at: Instant | None = None
    locked_until: Instant | None = None
    erased_at: Instant | None = None


class CopiesAnswer(Model):
    """The totals are of the whole span, `copies` the first of it."""

    copies: tuple[Copy, ...]
    total: int
    verified: int
    unverified: int
    corrupt: int
    erased: int
    last_stored_at: Instant | None = None
    last_read_back_at: Instant | None = None
    oldest_read_back_at: Instant | None = None
    """Of those that count: every one was read back since."""
