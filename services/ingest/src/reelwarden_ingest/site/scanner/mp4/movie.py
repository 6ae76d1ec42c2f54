"""One MP4 file, read and judged."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from reelwarden_ingest.site.scanner.mp4.boxes import (
    Box,
    Damaged,
    NotMp4,
    OpenFile,
    Truncated,
    children,
    read,
    top_level,
)
from reelwarden_ingest.site.scanner.mp4.fragments import read_moof
from reelwarden_ingest.site.scanner.mp4.index import Index, Track, read_moov

CODECS = {
    b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc", b"av01": "av1",
    b"vp08": "vp8", b"vp09": "vp9", b"mp4v": "mpeg4", b"mjpg": "mjpeg", b"jpeg": "mjpeg",
}  # fmt: skip

BOTH = 2


class NoVideo(Exception):
    """A whole file, but without a picture."""


@dataclass(frozen=True)
class Movie:
    """The video track from its first to its last packet: headers of running timelines say more."""

    codec: str
    width: int
    height: int
    duration_ms: int
    ntp_ns: int | None
    """MediaMTX's wall clock at the start, ns since 1970 UTC."""


def read_movie(file: OpenFile, init: bytes | None = None) -> Movie:
    """Reads a file's boxes; `init` is what comes before it, in a file of its own.

    Raises:
        NotMp4: leave it to FFmpeg.
        Truncated, Damaged, NoVideo: it is no footage; the message says what was seen.
    """
    fragments = []
    try:
        index = None if init is None else _moov(init)
        for box in top_level(file):
            if box.kind == b"moov":
                index = read(file, box.body, box.end)
            elif box.kind == b"moof" and index is not None:
                fragments.append(box)
        if index is None:
            raise Truncated("the file has no index (moov): it was never closed")
        return _judge(file, _index(file, index, fragments))
    except (struct.error, IndexError) as error:
        raise Damaged(f"a box is shorter than what it must hold ({error})") from error


def _moov(init: bytes) -> memoryview:
    found = next((body for kind, body in children(memoryview(init)) if kind == b"moov"), None)
    if found is None:
        raise Damaged("the file that should begin it has no index (moov)")
    return found


def _index(file: OpenFile, moov: memoryview, fragments: Sequence[Box]) -> Index:
    """The index with its fragments.

    First and last tell the whole span, and that those between lie in the file is known from their boxes;
    all are read only where one of the two holds no picture or no time.
    """
    index = _read(file, moov, fragments[:1])
    video = _video(index)
    if len(fragments) > 1 and video is not None:
        samples = video.samples
        read_moof(read(file, fragments[-1].body, fragments[-1].end), fragments[-1].start, index.tracks)
        if not 0 < samples < video.samples or video.timed != BOTH:
            return _read(file, moov, fragments)
    return index


def _read(file: OpenFile, moov: memoryview, fragments: Sequence[Box]) -> Index:
    index = read_moov(moov)
    for box in fragments:
        read_moof(read(file, box.body, box.end), box.start, index.tracks)
    return index


def _video(index: Index) -> Track | None:
    return next((track for track in index.tracks if track.handler == b"vide"), None)


def _judge(file: OpenFile, index: Index) -> Movie:
    for track in index.tracks:
        if track.end > file.size:
            raise Truncated(f"its packets end at byte {track.end}, the file at {file.size}")
    video = _video(index)
    if video is None or not video.samples:
        raise NoVideo("it holds no pictures")
    if video.codec not in CODECS:
        raise NotMp4(f"codec {video.codec!r}")
    duration_ms = round(video.duration * 1000 / video.timescale) if video.timescale else 0
    if duration_ms <= 0:
        raise Damaged("the video track has no duration")
    _look_at_packets(file, video)
    return Movie(CODECS[video.codec], video.width, video.height, duration_ms, index.ntp_ns)


def _look_at_packets(file: OpenFile, video: Track) -> None:
    """The first and the last picture must be where the index says: zeros after a power loss are not."""
    for packet in (video.first, video.last):
        if packet is not None and video.nal_length and not _holds_units(file, *packet, video.nal_length):
            raise Damaged(f"at byte {packet[0]} there is not the picture that the index names")


def _holds_units(file: OpenFile, offset: int, size: int, nal_length: int) -> bool:
    """Whether length-prefixed NAL units fill the packet exactly."""
    at, end = offset, offset + size
    while at < end:
        length = int.from_bytes(file.part(at, at + nal_length), "big")
        if length == 0:
            return False
        at += nal_length + length
    return at == end
