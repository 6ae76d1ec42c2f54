"""Large files go up part by part; an interrupted upload is taken up where it ended.

The client library offers this only as a whole that begins anew, so its single steps are called here.
"""

import hashlib
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from minio import Minio
from minio.datatypes import Part

_MANY = 1_000
"""How many parts one answer lists."""


class Uploaded(NamedTuple):
    """A file whose parts are all in the store; nothing is visible until it is completed."""

    upload: str
    parts: list[Part]
    digest: str
    """The SHA-256 of what was read of the file, all of it."""


class Place(NamedTuple):
    """Where a file goes."""

    bucket: str
    key: str


def upload(
    client: Minio, place: Place, file: BinaryIO, part_size: int, headers: Mapping[str, str]
) -> Uploaded:
    """Send the parts that are not there yet: those of an earlier upload count if their MD5 is the same."""
    earlier = _begun(client, place)
    upload_id = earlier or client._create_multipart_upload(*place, dict(headers))  # noqa: SLF001
    there = _parts(client, place, upload_id) if earlier else {}
    total = hashlib.sha256()
    parts: list[Part] = []
    while data := file.read(part_size):
        number = len(parts) + 1
        total.update(data)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if there.get(number) != (etag, len(data)):
            etag = client._upload_part(*place, data, None, upload_id, number)  # noqa: SLF001
        parts.append(Part(number, etag))
    return Uploaded(upload_id, parts, total.hexdigest())


def complete(client: Minio, place: Place, done: Uploaded) -> str:
    """Make an object of the parts; returns its version."""
    result = client._complete_multipart_upload(*place, done.upload, done.parts)  # noqa: SLF001
    return result.version_id or ""


def abandon(client: Minio, place: Place, done: Uploaded) -> None:
    """Let the parts go: the file is not what it should be."""
    client._abort_multipart_upload(*place, done.upload)  # noqa: SLF001


def _begun(client: Minio, place: Place) -> str:
    """The newest upload of this key that was begun and not ended; the empty text if there is none."""
    listed = client._list_multipart_uploads(place.bucket, prefix=place.key)  # noqa: SLF001
    mine = [one for one in listed.uploads if one.object_name == place.key]
    return max(mine, key=lambda one: str(one.initiated_time)).upload_id or "" if mine else ""


def _parts(client: Minio, place: Place, upload_id: str) -> dict[int, tuple[str, int]]:
    """The parts of an upload that arrived: MD5 and size."""
    found: dict[int, tuple[str, int]] = {}
    marker: str | None = None
    while True:
        listed = client._list_parts(*place, upload_id, _MANY, marker)  # noqa: SLF001
        found |= {one.part_number: (one.etag.strip('"'), one.size or 0) for one in listed.parts}
        if not listed.is_truncated or not listed.next_part_number_marker:
            return found
        marker = str(listed.next_part_number_marker)
