"""Viewing copies of what browsers cannot play (H.265 above all): encoded anew as H.264, and said so."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reelwarden_access.site.exporter.media import (
    BITEXACT,
    TICKS,
    Part,
    Shown,
    Strip,
    Unplayable,
    delta,
    reading,
    seconds,
)

OPTIONS = {"preset": "veryfast", "crf": "20", "tune": "zerolatency", "bf": "0"}
KEY_FRAME_SECONDS = 2
FRAME_RATE = 25
"""Where a file does not say."""


def encode(strips: Sequence[Strip], start: datetime, end: datetime, target: Path) -> Shown:
    """Write one MP4 of what strips show from start to end, exactly: there is no lead-in.

    Pictures that cannot be decoded are left out; the last one before them stands a little longer. Takes a
    good part of the footage's own duration.

    Raises:
        Unplayable: no strip has a picture in that time. OSError: no space, or a strip cannot be read.
    """
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        output.flags |= BITEXACT
        film = _Film(output, start, end)
        for number, strip in enumerate(strips):
            film.add(number, strip)
        return film.shown()


class _Film:
    """The viewing copy while strips are added to it. Positions are seconds after `start`."""

    def __init__(self, output: OutputContainer, start: datetime, end: datetime) -> None:
        self._output, self._start = output, start
        self._length = seconds(end - start)
        self._stream: VideoStream | None = None
        self._reached = Fraction(0)
        self._parts: list[Part] = []
        self._shown_end = start

    def add(self, number: int, strip: Strip) -> None:
        """Add what a strip has of the time still open; where it overlaps, nothing is left out."""
        nominal = seconds(strip.start - self._start)
        wanted = self._reached - seconds(strip.slack) if self._parts else Fraction(0)
        shift: Fraction | None = None
        with strip.open() as file, reading(file) as (container, video):
            length = 1 / (video.average_rate or Fraction(FRAME_RATE))
            for at, frame in _frames(container, video):
                position = nominal + at
                if position + length <= wanted or position >= self._length:
                    continue
                if shift is None:
                    shift = max(Fraction(0), self._reached - position)
                    self._parts.append(Part(number, delta(position + shift), strip.start + delta(at)))
                self._put(frame, position + shift, video)
                self._reached = position + shift + length
                self._shown_end = self._start + delta(min(position + length, self._length))

    def _put(self, frame: VideoFrame, position: Fraction, video: VideoStream) -> None:
        if self._stream is None:
            self._stream = self._begin(video)
        frame.pts, frame.time_base = round(position * TICKS), Fraction(1, TICKS)
        self._write(self._stream, frame)

    def _begin(self, video: VideoStream) -> VideoStream:
        rate = video.average_rate or Fraction(FRAME_RATE)
        stream = self._output.add_stream("libx264", rate=rate, options=dict(OPTIONS))
        stream.width, stream.height = video.width // 2 * 2, video.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.gop_size = round(rate * KEY_FRAME_SECONDS)
        return stream

    def _write(self, stream: VideoStream, frame: VideoFrame | None) -> None:
        try:
            if frame is not None:
                frame = frame.reformat(stream.width, stream.height, "yuv420p")
            self._output.mux(stream.encode(frame))
        except av.FFmpegError as error:
            raise OSError(error.errno, f"the viewing copy cannot be written: {error}") from error

    def shown(self) -> Shown:
        """What the finished copy shows."""
        if self._stream is None:
            raise Unplayable("no picture in that time")
        self._write(self._stream, None)
        start = max(self._start, self._parts[0].start)
        return Shown(start, self._shown_end, timedelta(), tuple(self._parts))


def _frames(container: InputContainer, video: VideoStream) -> Iterator[tuple[Fraction, VideoFrame]]:
    """All pictures that can be decoded, each with its seconds after the first."""
    zero: Fraction | None = None
    for packet in container.demux(video):
        try:
            decoded = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in decoded:
            if frame.pts is None or frame.time_base is None:
                continue
            at = frame.pts * frame.time_base
            zero = at if zero is None else zero
            frame.pict_type = 0
            yield at - zero, frame
