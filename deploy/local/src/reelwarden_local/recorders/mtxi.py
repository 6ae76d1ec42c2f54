"""The box in which MediaMTX writes a segment's true start into its fragmented MP4 files.

MediaMTX puts `moov/udta/mtxi` into each segment's header: a full box (version and flags) with the
stream's id (16 bytes), the segment's number (unsigned), and the segment's start twice, each a signed
64-bit number of nanoseconds: on the stream's own timeline (DTS) and by the wall clock, UTC (NTP).
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID


@dataclass(frozen=True)
class SegmentInfo:
    """What the box says."""

    stream: UUID
    number: int
    dts_ns: int
    ntp_ns: int

    def box(self) -> bytes:
        """The `mtxi` box."""
        body = struct.pack(">I16sQqq", 0, self.stream.bytes, self.number, self.dts_ns, self.ntp_ns)
        return _box(b"mtxi", body)


class HeaderPatcher:
    """A file to mux into that puts the box into the header as it passes."""

    def __init__(self, file: BinaryIO, info: SegmentInfo) -> None:
        self._file, self._info, self._patched = file, info, False

    def write(self, data: bytes) -> int:
        """Called by the muxer; it hands over the whole `moov` in one piece."""
        chunk = bytes(data)
        if not self._patched and chunk[4:8] == b"moov":
            chunk, self._patched = _with_user_data(chunk, self._info.box()), True
        self._file.write(chunk)
        # A recorder's file grows part by part for whoever watches it.
        self._file.flush()
        return len(data)

    def finish(self, duration_ms: int) -> None:
        """Writes the duration into the header in place, as MediaMTX does when it closes a segment."""
        self._file.seek(0)
        head = self._file.read(4096)
        # The name is followed by four bytes each of version and flags, creation and modification time,
        # timescale, duration.
        at = head.index(b"mvhd") + 16
        timescale = int.from_bytes(head[at : at + 4], "big")
        self._file.seek(at + 4)
        self._file.write((duration_ms * timescale // 1000).to_bytes(4, "big"))


def _box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _with_user_data(moov: bytes, user_data: bytes) -> bytes:
    """The `moov` with a `udta` of its own instead of the muxer's."""
    end, at, kept = int.from_bytes(moov[:4], "big"), 8, []
    while at < end:
        size = int.from_bytes(moov[at : at + 4], "big")
        if moov[at + 4 : at + 8] != b"udta":
            kept.append(moov[at : at + size])
        at += size
    return _box(b"moov", b"".join([*kept, _box(b"udta", user_data)])) + moov[end:]
