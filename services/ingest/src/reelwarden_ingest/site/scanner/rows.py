"""Segments as rows of the catalogue, and back."""

import sqlite3
from datetime import UTC, datetime, timedelta

from reelwarden_common.events.ingest import (
    InitSegment,
    LostSegment,
    Segment,
    SegmentAltered,
    SegmentsCursor,
    TimeSource,
)
from reelwarden_ingest.site.scanner.domain import Known, Signature, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

INSERT = """
INSERT INTO segments (id, camera, start_us, end_us, duration_ms, bytes, digest, codec, width, height,
    time_source, uncertainty_ms, file_time_us, folder, name, size, mtime_ns, inode, state, changed_us, init)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(us: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + us * MICROSECOND


def cursor(place: SegmentsCursor) -> tuple[int, str]:
    """A cursor as the order of segments compares it."""
    return microseconds(place.start), place.segment


def split(locator: str) -> tuple[str, str]:
    """Folder and name."""
    folder, _, name = locator.rpartition("/")
    return folder, name


def locator(row: sqlite3.Row) -> str:
    """Where a row's file lies."""
    return f"{row['folder']}/{row['name']}" if row["folder"] else str(row["name"])


def values(segment: Segment, signature: Signature, state: State, now: datetime) -> tuple[object, ...]:
    """What INSERT takes."""
    return (
        segment.id,
        segment.camera,
        microseconds(segment.start),
        microseconds(segment.end),
        segment.duration_ms,
        segment.size,
        segment.digest,
        segment.codec,
        segment.width,
        segment.height,
        segment.time_source,
        segment.uncertainty_ms,
        microseconds(segment.file_time),
        *split(segment.locator),
        signature.size,
        signature.mtime_ns,
        signature.inode,
        state,
        microseconds(now),
        None if segment.init is None else segment.init.digest,
    )


def segment(row: sqlite3.Row) -> Segment:
    """The segment as it was recorded, where it lies now. Trusted: it was checked when it went in.

    `row` is one of the view `recorded`.
    """
    return Segment.model_construct(
        id=row["id"],
        camera=row["camera"],
        start=moment(row["start_us"]),
        end=moment(row["end_us"]),
        duration_ms=row["duration_ms"],
        size=row["bytes"],
        digest=row["digest"],
        codec=row["codec"],
        width=row["width"],
        height=row["height"],
        time_source=TimeSource(row["time_source"]),
        uncertainty_ms=row["uncertainty_ms"],
        locator=locator(row),
        file_time=moment(row["file_time_us"]),
        init=row["init"] and InitSegment.model_construct(digest=row["init"], data=row["init_data"]),
    )


def known(row: sqlite3.Row) -> Known:
    """What decisions need of a row."""
    return Known(
        row["id"],
        locator(row),
        row["digest"],
        State(row["state"]),
        moment(row["start_us"]),
        row["uncertainty_ms"],
        signature(row),
        row["found_digest"],
    )


def signature(row: sqlite3.Row) -> Signature:
    """The signature last seen."""
    return Signature(row["size"], row["mtime_ns"], row["inode"])


def lost(segment: Segment) -> LostSegment:
    """What is said of a segment that is lost."""
    return LostSegment(
        id=segment.id,
        camera=segment.camera,
        start=segment.start,
        end=segment.end,
        digest=segment.digest,
        locator=segment.locator,
    )


def altered(row: sqlite3.Row) -> SegmentAltered:
    """What is said of a row's segment whose file holds something else now."""
    return SegmentAltered(
        segment=row["id"],
        camera=row["camera"],
        start=moment(row["start_us"]),
        locator=locator(row),
        digest=row["digest"],
        found=row["found_digest"],
    )
