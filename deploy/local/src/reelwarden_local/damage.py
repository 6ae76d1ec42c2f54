"""Silent rot on the embedded store's disk, on purpose: bytes change, and the store does not notice.

A flipped bit alone is caught by SeaweedFS itself, which then answers 500 after 14 s of trying. The harder
case is a disk or controller that returns wrong bytes with a right checksum: only reading back and comparing
with the recorded digest finds it (R3.2, R4.1).
"""

import mmap
import struct
from functools import cache
from pathlib import Path

from reelwarden_local.servers import SeaweedFS, ServerError

_CASTAGNOLI = 0x82F63B78
_PROBE = 4096


def damage_object(store: SeaweedFS, payload: bytes) -> Path:
    """Change one byte in the middle of a stored object, and mend the store's own checksum of it.

    Args:
        store: The embedded store; it may run meanwhile, and keeps no cache that would hide the change.
        payload: The object's content, or its first 8 MB; not one that compresses (video does not).

    Returns:
        The volume file that was changed.

    Raises:
        ServerError: No volume holds such an object.
    """
    for path in sorted(store.volume_dir.rglob("*.dat")):
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as volume:
            at = _find(volume, payload)
            if at is not None:
                _change(volume, at)
                return path
    raise ServerError(f"no volume below {store.volume_dir} holds that object")


def _find(volume: mmap.mmap, payload: bytes) -> int | None:
    """Where a needle's data is the payload; footage of a still picture may begin alike."""
    at = volume.find(payload[:_PROBE])
    while at >= 0:
        (length,) = struct.unpack(">I", volume[at - 4 : at])
        if 0 < length <= len(payload) and volume[at : at + length] == payload[:length]:
            return at
        at = volume.find(payload[:_PROBE], at + 1)
    return None


def _change(volume: mmap.mmap, at: int) -> None:
    """Change a needle whose data begins at `at`: cookie, id, size, *data size, data, …*, checksum."""
    size, length = struct.unpack(">II", volume[at - 8 : at])
    middle = at + length // 2
    volume[middle] ^= 0xFF
    checksum = at - 4 + size
    volume[checksum : checksum + 4] = struct.pack(">I", crc32c(volume[at : at + length]))
    volume.flush()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of some bytes; about 10 MB a second.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    entries = []
    for entry in range(256):
        value = entry
        for _ in range(8):
            value = (value >> 1) ^ (_CASTAGNOLI if value & 1 else 0)
        entries.append(value)
    return tuple(entries)
