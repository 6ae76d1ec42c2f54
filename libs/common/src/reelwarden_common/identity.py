"""How things get their ids where two parties must arrive at the same one."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime


def segment_id(school: str, camera: str, start: datetime, digest: str) -> str:
    """A segment's id from its identity: school, camera, start, content. 32 hexadecimal characters."""
    moment = start.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(f"{school}\n{camera}\n{moment}\n{digest}".encode()).hexdigest()[:32]


def digest_of(items: Iterable[str]) -> str:
    """SHA-256 over sorted items, each followed by a newline: one value for a set of ids or digests."""
    total = hashlib.sha256()
    for item in sorted(items):
        total.update(f"{item}\n".encode())
    return total.hexdigest()
