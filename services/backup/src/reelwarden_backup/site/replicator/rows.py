"""Rows of the replicator's tables as values, and back."""

import sqlite3
from datetime import UTC, datetime, timedelta

from reelwarden_backup.site.replicator.domain import Footage
from reelwarden_common.events.backup import StoredObject
from reelwarden_common.events.ingest import InitSegment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(us: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + us * MICROSECOND


def footage(row: sqlite3.Row) -> Footage:
    """A row of the view `known`."""
    return Footage(
        segment=row["id"],
        camera=row["camera"],
        start=moment(row["start_us"]),
        end=moment(row["end_us"]),
        digest=row["digest"],
        size=row["size"],
        locator=row["locator"],
        file_time=moment(row["file_time_us"]),
        init=row["init"] and InitSegment.model_construct(digest=row["init"], data=row["init_data"]),
    )


def stored_object(row: sqlite3.Row, bucket: str) -> StoredObject:
    """A row of `copies` joined with its segment, as it is told. Trusted: it was checked when it went in."""
    return StoredObject.model_construct(
        segment=row["segment"],
        camera=row["camera"],
        start=moment(row["start_us"]),
        end=moment(row["end_us"]),
        digest=row["digest"],
        size=row["size"],
        bucket=bucket,
        key=row["key"],
        object_version=row["version"],
        locked_until=None if row["locked_us"] is None else moment(row["locked_us"]),
        stored_at=moment(row["stored_us"]),
    )
