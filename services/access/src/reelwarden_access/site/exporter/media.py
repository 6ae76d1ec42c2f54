"""Video without encoding it again: look into a file, stitch files to a viewing copy, take a still."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

from reelwarden_access.site.exporter.domain import Parameters

PLAYABLE = frozenset({"h264", "vp9", "av1"})
"""Codecs that browsers play everywhere; what is in another one is encoded anew for viewing."""
TICKS = 90_000
"""A second on a viewing copy's timeline."""
BITEXACT = 0x400
"""AVFMT_FLAG_BITEXACT: equal input gives equal bytes."""
STILL_QUALITY = 92
_MICROSECOND = timedelta(microseconds=1)


class Unplayable(Exception):
    """A file holds no video that can be copied."""


@dataclass(frozen=True)
class Strip:
    """A file to be stitched, with the wall-clock time of its first picture."""

    open: Callable[[], BinaryIO]
    start: datetime
    slack: timedelta
    """By how much it may seem to overlap the strip before, though it only touches it."""


@dataclass(frozen=True)
class Part:
    """Where a strip came to lie in a viewing copy."""

    strip: int
    at: timedelta
    """Position in the viewing copy of its first picture shown."""
    start: datetime
    """That picture's wall-clock time."""


@dataclass(frozen=True)
class Shown:
    """What a viewing copy shows."""

    start: datetime
    end: datetime
    lead_in: timedelta
    """Footage before `start` that the file must hold for decoding, from the key frame before; players skip
    it (MP4 edit list)."""
    parts: tuple[Part, ...]


def inspect(file: BinaryIO) -> Parameters:
    """What kind of video a file holds.

    Raises:
        Unplayable: none that can be read.
    """
    with reading(file) as (container, video):
        if not sum(timed.packet.is_keyframe for timed in _packets(container, video)):
            raise Unplayable("no picture that stands by itself in it")
        context = video.codec_context
        setup = hashlib.sha256(context.extradata or b"").hexdigest()
        return Parameters(context.name, context.width, context.height, setup)


def stitch(strips: Sequence[Strip], start: datetime, end: datetime, target: Path) -> Shown:
    """Write one MP4 (index first, so that browsers can seek in it) of what strips show from start to end.

    Nothing is encoded anew. Where strips overlap, the later one is taken from its last key frame that is
    not after the end of the earlier one: a little may be shown twice, nothing is left out.

    Raises:
        Unplayable: no strip has a picture in that time. OSError: no space, or a strip cannot be read.
    """
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        output.flags |= BITEXACT
        seam = _Seam(output, start, end)
        for number, strip in enumerate(strips):
            seam.add(number, strip)
        return seam.shown()


def still(video: Path, target: Path) -> None:
    """Save a viewing copy's first picture as JPEG.

    Raises:
        Unplayable: it cannot be decoded.
    """
    with video.open("rb") as file, reading(file) as (container, stream):
        frame = next(container.decode(stream), None)
        if frame is None:
            raise Unplayable("no picture can be decoded")
        picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV has no type here
        picture.save(target, "JPEG", quality=STILL_QUALITY, subsampling=0)


@contextmanager
def reading(file: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    if not file.seek(0, os.SEEK_END):
        raise Unplayable("it is empty")
    file.seek(0)
    try:
        with av.open(file, "r") as container:
            if not container.streams.video:
                raise Unplayable("no video in it")
            yield container, container.streams.video[0]
    except (av.FFmpegError, IndexError) as error:
        raise Unplayable(str(error)) from error


@dataclass(frozen=True)
class _Timed:
    """A packet with its times in seconds, on its file's own timeline."""

    packet: "Packet[VideoStream]"
    pts: Fraction
    length: Fraction


def _packets(container: InputContainer, video: VideoStream) -> Iterator[_Timed]:
    for packet in container.demux(video):
        base = packet.time_base
        if packet.size and packet.pts is not None and base is not None:
            yield _Timed(packet, packet.pts * base, (packet.duration or 0) * base)


@dataclass(frozen=True)
class _Picture:
    """One packet's place on its file's timeline, in seconds from the file's first picture."""

    at: Fraction
    until: Fraction
    key: bool


class _Seam:
    """The viewing copy while strips are added to it. Positions are seconds after `start`."""

    def __init__(self, output: OutputContainer, start: datetime, end: datetime) -> None:
        self._output, self._start, self._end = output, start, end
        self._stream: VideoStream | None = None
        self._first: Fraction | None = None
        """Position of the first picture in the file, shown or not."""
        self._reached = Fraction(0)
        self._last_dts = -(2**62)
        self._parts: list[Part] = []
        self._shown_end = start

    def add(self, number: int, strip: Strip) -> None:
        """Add what a strip has of the time still open."""
        nominal = seconds(strip.start - self._start)
        begun = self._stream is not None
        wanted = self._reached - seconds(strip.slack) if begun else Fraction(0)
        with strip.open() as file, reading(file) as (container, video):
            pictures, zero = _timeline(container, video)
            cut = _cut(pictures, wanted - nominal, seconds(self._end - self._start) - nominal, begun=begun)
            if cut is None:
                return
            first, last = cut
            if self._stream is None:
                self._stream = self._output.add_stream_from_template(video)
                self._stream.time_base = Fraction(1, TICKS)
            shift = self._place(nominal + pictures[first].at, begun=begun) - pictures[first].at
            chosen = [i for i in range(first, last + 1) if pictures[i].at >= pictures[first].at]
            decoded_at = dict(zip(chosen, _decoding_times([pictures[i].at for i in chosen]), strict=True))
            container.seek(0)
            for index, timed in enumerate(_packets(container, video)):
                if index in decoded_at:
                    self._mux(self._stream, timed, decoded_at[index] + shift, shift - zero)
            begins = pictures[first].at if begun else max(pictures[first].at, -nominal)
        self._parts.append(Part(number, delta(shift + begins), strip.start + delta(begins)))
        self._shown_end = min(self._end, strip.start + delta(self._reached - shift))

    def _place(self, nominal: Fraction, *, begun: bool) -> Fraction:
        """Where a strip's first picture goes: at its own time, but never over what is there already."""
        if not begun:
            self._first = nominal
            return nominal
        return max(nominal, self._reached)

    def _mux(self, stream: VideoStream, timed: _Timed, decoded_at: Fraction, shift: Fraction) -> None:
        packet = timed.packet
        self._reached = max(self._reached, timed.pts + shift + timed.length)
        packet.stream = stream
        packet.time_base = Fraction(1, TICKS)
        packet.pts = round((timed.pts + shift) * TICKS)
        packet.dts = max(round(decoded_at * TICKS), self._last_dts + 1)
        packet.duration = round(timed.length * TICKS)
        self._last_dts = packet.dts
        try:
            self._output.mux(packet)
        except av.FFmpegError as error:  # of what is written, not of the file that is read
            raise OSError(error.errno, f"the viewing copy cannot be written: {error}") from error

    def shown(self) -> Shown:
        """What the finished copy shows."""
        if not self._parts or self._first is None:
            raise Unplayable("no picture in that time")
        lead_in = delta(max(Fraction(0), -self._first))
        return Shown(self._parts[0].start, self._shown_end, lead_in, tuple(self._parts))


def _timeline(container: InputContainer, video: VideoStream) -> tuple[list[_Picture], Fraction]:
    """Where each packet lies, and the file's own time of its first picture, in seconds."""
    found = [(one.pts, one.length, one.packet.is_keyframe) for one in _packets(container, video)]
    if not found:
        raise Unplayable("no picture in it")
    zero = min(pts for pts, _, _ in found)
    return [_Picture(pts - zero, pts - zero + length, key) for pts, length, key in found], zero


def _cut(
    pictures: Sequence[_Picture], start: Fraction, end: Fraction, *, begun: bool
) -> tuple[int, int] | None:
    """First and last packet (in decoding order) needed to show what lies between start and end.

    A strip that goes on from another may begin without a key frame: the other one's pictures serve it.
    """
    keys = [index for index, one in enumerate(pictures) if one.key]
    shown = [index for index, one in enumerate(pictures) if one.until > start and one.at < end]
    if not keys or not shown:
        return None
    first = max((index for index in keys if pictures[index].at <= start), default=0 if begun else keys[0])
    return (first, shown[-1]) if first <= shown[-1] else None


def _decoding_times(shown: Sequence[Fraction]) -> list[Fraction]:
    """When packets in decoding order must be decoded, of when they are shown: not every container says."""
    in_order = sorted(shown)
    delay = max(earliest - at for earliest, at in zip(in_order, shown, strict=True))
    return [earliest - delay for earliest in in_order]


def seconds(length: timedelta) -> Fraction:
    return Fraction(length // _MICROSECOND, 1_000_000)


def delta(seconds: Fraction) -> timedelta:
    return timedelta(microseconds=round(seconds * 1_000_000))
