"""The boxes that an MP4 file is made of."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_INDEX = 64 << 20
HEADER = 8
"""Length and type; a length that needs 64 bits follows in as many bytes again."""
PRINTABLE = 0x20
"""Types are four letters; zeros are what a power loss leaves."""
OPENING = frozenset((b"ftyp", b"styp", b"moov", b"moof", b"free", b"skip", b"wide", b"mdat", b"sidx"))


class NotMp4(Exception):
    """Not of this family, or of a kind not known here."""


class Truncated(Exception):
    """Part of what the file's own index names lies beyond its end."""


class Damaged(Exception):
    """The index contradicts itself or the pictures."""


@dataclass(frozen=True)
class Box:
    """A box of the file itself: its type and the bytes from `start` to `end`, its content from `body`."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True)
class OpenFile:
    """An open file's bytes: of the part that was read already, those that were read."""

    fd: int
    size: int
    held: memoryview
    held_at: int
    """Where in the file the part begins."""

    def part(self, start: int, end: int) -> memoryview:
        """The bytes from `start` to `end`, fewer where the file ends before."""
        first, last = start - self.held_at, min(end, self.size) - self.held_at
        if 0 <= first <= last <= len(self.held):
            return self.held[first:last]
        return memoryview(os.pread(self.fd, end - start, start))


def top_level(file: OpenFile) -> Iterator[Box]:
    """The outermost boxes. Raises NotMp4, Truncated or Damaged."""
    at, size = 0, file.size
    while at < size:
        header = bytes(file.part(at, at + 2 * HEADER))
        kind = header[4:8]
        if at == 0 and kind not in OPENING:
            raise NotMp4(f"begins with {header[:8]!r}")
        if len(header) < HEADER:
            raise Truncated(f"the last box's header is cut off at byte {size}")
        if min(kind) < PRINTABLE:
            raise Damaged(f"at byte {at} there is no box but {kind!r}")
        length, body = int.from_bytes(header[:4], "big"), at + HEADER
        if length == 1:
            length, body = int.from_bytes(header[HEADER:], "big"), at + 2 * HEADER
        elif length == 0:
            length = size - at
        if length < body - at:
            raise Damaged(f"the box at byte {at} claims {length} bytes")
        if at + length > size:
            raise Truncated(
                f"the box {kind.decode('latin-1')} ends at byte {at + length}, the file at {size}"
            )
        yield Box(kind, at, body, at + length)
        at += length


def read(file: OpenFile, start: int, end: int) -> memoryview:
    """Part of an index. Raises Damaged if it is too large to be one."""
    if end - start > LARGEST_INDEX:
        raise Damaged(f"an index of {end - start} bytes")
    return file.part(start, end)


def children(box: memoryview, at: int = 0) -> Iterator[tuple[bytes, memoryview]]:
    """Type and content of the boxes inside a box's content."""
    while at + HEADER <= len(box):
        length, kind = struct.unpack_from(">I4s", box, at)
        if length < HEADER or at + length > len(box):
            raise Damaged(f"the box {kind.decode('latin-1')} does not fit into the one around it")
        yield kind, box[at + HEADER : at + length]
        at += length


def number(box: memoryview, at: int) -> int:
    """The 32-bit number at an offset."""
    return int.from_bytes(box[at : at + 4], "big")


def numbers(table: memoryview, at: int, count: int) -> tuple[int, ...]:
    """That many 32-bit numbers, if the table really holds them: a hostile count must cost nothing."""
    if at + count * 4 > len(table):
        raise Damaged(f"a table of {len(table)} bytes claims {count} entries")
    return struct.unpack_from(f">{count}I", table, at)
