"""What the site writes into the bucket and the district reads there: backup records, words with copies."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from reelwarden_common.errors import Refused
from reelwarden_common.events.backup import RunRecorded, StoredObject

MANIFESTS = "_runs"
"""Below this key lie the backup records; no camera's id begins with an underscore."""


class _Rest(BaseModel):
    """What a backup record in the bucket says besides the event."""

    school: str
    contents: tuple[StoredObject, ...]


class BadRecord(Refused):
    """What lies in the bucket is no backup record of this school, or says nothing of a copy."""


def bucket_of(school: str) -> str:
    """A school's own bucket for footage."""
    return f"rw-footage-{school}"


def object_key(camera: str, start: datetime, segment: str) -> str:
    """Where a segment's copy lies in the bucket; the day is UTC."""
    return f"{camera}/{start:%Y-%m-%d}/{segment}.mp4"


def segment_of(key: str) -> str:
    """The other way."""
    return key.rpartition("/")[2].removesuffix(".mp4")


def manifest_key(run: str, started: datetime) -> str:
    """Where a backup record lies in the bucket."""
    return f"{MANIFESTS}/{started:%Y-%m-%d}/{run}.json"


def manifest(school: str, record: RunRecorded, objects: Iterable[StoredObject]) -> dict[str, Any]:
    """The backup record as it lies in the bucket: the event, and each object (R4.1: time and contents)."""
    return {
        "school": school,
        **record.model_dump(mode="json"),
        "contents": [one.model_dump(mode="json") for one in objects],
    }


def read_manifest(school: str, bucket: str, text: bytes) -> tuple[RunRecorded, tuple[StoredObject, ...]]:
    """Read a backup record back.

    Raises:
        BadRecord: it is none, or speaks of another school's bucket.
    """
    try:
        rest, record = _Rest.model_validate_json(text), RunRecorded.model_validate_json(text)
    except ValidationError as error:
        raise BadRecord(f"no backup record: {error}"[:500]) from error
    if rest.school != school or any(one.bucket != bucket for one in rest.contents):
        raise BadRecord(f"a backup record of {rest.school}, in the bucket of {school}")
    return record, rest.contents


def copy_of(facts: Mapping[str, str], unlisted: Mapping[str, Any]) -> StoredObject:
    """A copy by what was kept with it, where no backup record speaks of it.

    Args:
        facts: see the replicator's `facts_of`.
        unlisted: what the store says: key, version, size, when it was put, its lock.

    Raises:
        BadRecord: nobody knows what it is.
    """
    try:
        return StoredObject.model_validate(
            {
                "segment": segment_of(unlisted["key"]),
                "camera": facts["camera"],
                "start": facts["start"],
                "end": facts["end"],
                "digest": facts["sha256"],
                **unlisted,
            }
        )
    except (KeyError, ValidationError) as error:
        raise BadRecord(f"{unlisted['key']}: nothing is written with it: {error}"[:500]) from error
