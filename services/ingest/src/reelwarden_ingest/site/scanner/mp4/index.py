"""The index (`moov`): tracks, and where their packets lie."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from reelwarden_ingest.site.scanner.mp4.boxes import Damaged, children, number, numbers

MTXI_LENGTH = 44
SAMPLE_ENTRY = 86
"""Where the boxes inside a video sample entry begin."""

Tables = dict[bytes, memoryview]


@dataclass
class Track:
    """One track as far as the boxes read so far tell. Times are in units of 1/timescale s."""

    id: int = 0
    handler: bytes = b""
    timescale: int = 0
    codec: bytes = b""
    width: int = 0
    height: int = 0
    nal_length: int = 0
    """Bytes of the length before each NAL unit; 0: not a codec made of NAL units."""
    samples: int = 0
    duration: int = 0
    """From the first packet to the end of the last one."""
    first: tuple[int, int] | None = None
    """Offset and size of the first packet."""
    last: tuple[int, int] | None = None
    end: int = 0
    """Where its bytes end in the file."""
    fragment_duration: int = 0
    fragment_size: int = 0
    timed: int = 0
    """How many fragments said when they begin."""
    next_time: int | None = None
    """Where the timeline continues after the last fragment."""

    def place(self, offset: int, sizes: tuple[int, ...], total: int) -> None:
        """Takes note of packets that lie one after the other; `sizes` names at least first and last."""
        if self.first is None:
            self.first = (offset, sizes[0])
        if offset + total > self.end:
            self.end, self.last = offset + total, (offset + total - sizes[-1], sizes[-1])


@dataclass
class Index:
    """What the file says about itself."""

    tracks: list[Track] = field(default_factory=list)
    ntp_ns: int | None = None


def read_moov(moov: memoryview) -> Index:
    """Raises Damaged where it contradicts itself."""
    index = Index()
    for kind, body in children(moov):
        if kind == b"trak":
            index.tracks.append(_track(body))
        elif kind == b"mvex":
            _read_fragment_defaults(body, index)
        elif kind == b"udta":
            index.ntp_ns = _mediamtx_clock(body)
    return index


def _track(trak: memoryview) -> Track:
    track = Track()
    for kind, body in children(trak):
        if kind == b"tkhd":
            track.id = number(body, 20 if body[0] else 12)
        elif kind == b"mdia":
            _read_media(body, track)
    return track


def _read_media(mdia: memoryview, track: Track) -> None:
    for kind, body in children(mdia):
        if kind == b"mdhd":
            track.timescale = number(body, 20 if body[0] else 12)
        elif kind == b"hdlr":
            track.handler = bytes(body[8:12])
        elif kind == b"minf":
            for part, content in children(body):
                if part == b"stbl":
                    _read_tables(dict(children(content)), track)


def _read_tables(tables: Tables, track: Track) -> None:
    if b"stsd" in tables and track.handler == b"vide":
        _read_sample_entry(tables[b"stsd"], track)
    if b"stts" in tables:
        runs = numbers(tables[b"stts"], 8, number(tables[b"stts"], 4) * 2)
        track.duration = sum(count * delta for count, delta in zip(runs[::2], runs[1::2], strict=True))
    if {b"stsz", b"stsc"} <= tables.keys() and tables.keys() & {b"stco", b"co64"}:
        _locate_packets(tables, track)


def _read_sample_entry(stsd: memoryview, track: Track) -> None:
    """Codec, picture size, and how long the NAL units' length fields are, from the first entry."""
    length, track.codec = struct.unpack_from(">I4s", stsd, 8)
    track.width, track.height = struct.unpack_from(">HH", stsd, 40)
    for kind, body in children(stsd[8 : 8 + length], SAMPLE_ENTRY):
        if kind == b"avcC":
            track.nal_length = (body[4] & 3) + 1
        elif kind == b"hvcC":
            track.nal_length = (body[21] & 3) + 1


def _locate_packets(tables: Tables, track: Track) -> None:
    same_size, track.samples = number(tables[b"stsz"], 4), number(tables[b"stsz"], 8)
    if not track.samples:
        return
    sizes = () if same_size else numbers(tables[b"stsz"], 12, track.samples)
    offsets = _chunk_offsets(tables)
    sample = 0
    for first, after, per_chunk in _chunk_runs(tables[b"stsc"], len(offsets)):
        for offset in offsets[first:after]:
            held = sizes[sample : sample + per_chunk] or (same_size,)
            track.place(offset, held, same_size * per_chunk or sum(held))
            sample += per_chunk
    if sample != track.samples:
        raise Damaged(f"the index names {track.samples} packets but places {sample}")


def _chunk_offsets(tables: Tables) -> tuple[int, ...]:
    if b"co64" not in tables:
        return numbers(tables[b"stco"], 8, number(tables[b"stco"], 4))
    halves = numbers(tables[b"co64"], 8, number(tables[b"co64"], 4) * 2)
    return tuple(high << 32 | low for high, low in zip(halves[::2], halves[1::2], strict=True))


def _chunk_runs(stsc: memoryview, chunks: int) -> Iterator[tuple[int, int, int]]:
    """First chunk, the chunk after the last, and packets a chunk, of each run of like chunks."""
    table = numbers(stsc, 8, number(stsc, 4) * 3)
    firsts = [first - 1 for first in table[::3]]
    if not firsts:
        return
    for first, after, per_chunk in zip(firsts, [*firsts[1:], chunks], table[1::3], strict=True):
        if not 0 <= first < after <= chunks or not per_chunk:
            raise Damaged(f"the index places packets in chunks {first} to {after} of {chunks}")
        yield first, after, per_chunk


def _read_fragment_defaults(mvex: memoryview, index: Index) -> None:
    for kind, body in children(mvex):
        if kind == b"trex":
            identifier, _, duration, size = numbers(body, 4, 4)
            for track in index.tracks:
                if track.id == identifier:
                    track.fragment_duration, track.fragment_size = duration, size


def _mediamtx_clock(udta: memoryview) -> int | None:
    """The wall clock of MediaMTX's `mtxi` box: ns since 1970 UTC, after flags, stream, number and DTS."""
    try:
        for kind, body in children(udta):
            if kind == b"mtxi" and len(body) >= MTXI_LENGTH:
                return int.from_bytes(body[36:44], "big", signed=True)
    except Damaged:
        # User data is anybody's; QuickTime ends it with four zero bytes and more.
        return None
    return None
