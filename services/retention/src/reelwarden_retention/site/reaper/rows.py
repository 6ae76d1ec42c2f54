"""Between the reaper's rows and its values."""

import sqlite3
from datetime import UTC, datetime, timedelta

from reelwarden_common.events.ingest import RejectedFile, Segment
from reelwarden_common.events.retention import Hold
from reelwarden_common.period import believed_end
from reelwarden_retention.site.reaper.domain import (
    REJECTED_REACH,
    Footage,
    KeptHold,
    Kind,
    Presence,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970, exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(value: int) -> datetime:
    """The other way."""
    return _EPOCH + timedelta(microseconds=value)


def of_segment(segment: Segment) -> Footage:
    """A recorded segment."""
    return Footage(
        id=segment.id,
        camera=segment.camera,
        start=segment.start,
        end=segment.end,
        believed_end=believed_end(segment.end, segment.file_time),
        size=segment.size,
        digest=segment.digest,
        locator=segment.locator,
        kind=Kind.SEGMENT,
        presence=Presence.PRESENT,
    )


def of_rejected(file: RejectedFile, camera: str) -> Footage:
    """A rejected file counts by its file time."""
    return Footage(
        id=file.id,
        camera=camera,
        start=file.file_time - REJECTED_REACH,
        end=file.file_time,
        believed_end=file.file_time,
        size=file.size,
        digest=file.digest,
        locator=file.locator,
        kind=Kind.REJECTED,
        presence=Presence.PRESENT,
    )


def footage(row: sqlite3.Row) -> Footage:
    """A row of `footage`."""
    return Footage(
        id=row["id"],
        camera=row["camera"],
        start=moment(row["start_us"]),
        end=moment(row["end_us"]),
        believed_end=moment(row["believed_end_us"]),
        size=row["size"],
        digest=row["digest"],
        locator=row["locator"],
        kind=Kind(row["kind"]),
        presence=Presence(row["presence"]),
        vault=row["vault"],
    )


def values(one: Footage) -> tuple[object, ...]:
    """For inserting into `footage`, without vault and not_before_us."""
    return (
        one.id,
        one.camera,
        microseconds(one.start),
        microseconds(one.end),
        microseconds(one.believed_end),
        one.size,
        one.digest,
        one.locator,
        one.kind,
        one.presence,
    )


def hold(row: sqlite3.Row) -> KeptHold:
    """A row of `holds`."""
    released = row["released_us"]
    return KeptHold(Hold.model_validate_json(row["body"]), None if released is None else moment(released))
