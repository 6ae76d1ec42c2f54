"""Fragments (`moof`): packets that were indexed while the file was still being written."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from reelwarden_ingest.site.scanner.mp4.boxes import Damaged, children, number, numbers
from reelwarden_ingest.site.scanner.mp4.index import Track

BASE_OFFSET, DESCRIPTION, DEFAULT_DURATION, DEFAULT_SIZE = 0x1, 0x2, 0x8, 0x10
DATA_OFFSET, FIRST_FLAGS = 0x1, 0x4
DURATION, SIZE, FLAGS, COMPOSITION = 0x100, 0x200, 0x400, 0x800


@dataclass
class _Fragment:
    """One track's part of a fragment: where its data offsets count from, and its packets' defaults."""

    track: Track
    base: int
    duration: int
    size: int
    at: int


def read_moof(moof: memoryview, start: int, tracks: Iterable[Track]) -> None:
    """Adds a fragment's packets to their tracks; `start` is where its box begins in the file."""
    known = {track.id: track for track in tracks}
    for kind, body in children(moof):
        if kind == b"traf":
            _read_track_fragment(body, start, known)


def _read_track_fragment(traf: memoryview, start: int, tracks: dict[int, Track]) -> None:
    parts = list(children(traf))
    header = next((body for kind, body in parts if kind == b"tfhd"), None)
    if header is None:
        raise Damaged("a fragment does not name its track")
    fragment = _fragment(header, start, tracks)
    for kind, body in parts:
        if kind == b"tfdt":
            _continue_at(fragment.track, struct.unpack_from(">Q" if body[0] else ">I", body, 4)[0])
        elif kind == b"trun":
            _read_run(body, fragment)


def _fragment(header: memoryview, start: int, tracks: dict[int, Track]) -> _Fragment:
    flags, identifier = numbers(header, 0, 2)
    track = tracks.get(identifier)
    if track is None:
        raise Damaged(f"a fragment belongs to track {identifier}, which the index does not name")
    at, base = 8, start
    if flags & BASE_OFFSET:
        (base,) = struct.unpack_from(">Q", header, at)
        at += 8
    at += 4 if flags & DESCRIPTION else 0
    duration, size = track.fragment_duration, track.fragment_size
    if flags & DEFAULT_DURATION:
        duration, at = number(header, at), at + 4
    if flags & DEFAULT_SIZE:
        size = number(header, at)
    return _Fragment(track, base, duration, size, base)


def _continue_at(track: Track, time: int) -> None:
    """A jump ahead between fragments belongs to what the track spans."""
    if track.next_time is not None and time > track.next_time:
        track.duration += time - track.next_time
    track.next_time = time
    track.timed += 1


def _read_run(trun: memoryview, fragment: _Fragment) -> None:
    flags, count = numbers(trun, 0, 2)
    if not count:
        return
    at = 8
    if flags & DATA_OFFSET:
        (offset,) = struct.unpack_from(">i", trun, at)
        fragment.at, at = fragment.base + offset, at + 4
    at += 4 if flags & FIRST_FLAGS else 0
    present = [field for field in (DURATION, SIZE, FLAGS, COMPOSITION) if flags & field]
    table = numbers(trun, at, count * len(present))

    def column(field: int) -> tuple[int, ...]:
        return table[present.index(field) :: len(present)] if field in present else ()

    durations, sizes = column(DURATION), column(SIZE) or (fragment.size,)
    duration = sum(durations) if durations else fragment.duration * count
    total = sum(sizes) if SIZE in present else fragment.size * count
    track = fragment.track
    track.samples += count
    track.duration += duration
    track.next_time = (track.next_time or 0) + duration
    track.place(fragment.at, sizes, total)
    fragment.at += total
