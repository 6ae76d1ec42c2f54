"""One segment while it is written: H.264 in MP4, in the three ways in which recorders write a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, ClassVar
from uuid import UUID

import av

from reelwarden_local.recorders.layouts import Layout
from reelwarden_local.recorders.mtxi import HeaderPatcher, SegmentInfo
from reelwarden_local.recorders.picture import Picture

BITEXACT = 0x400
"""AVFMT_FLAG_BITEXACT: no muxer's name and version in the file."""


@dataclass(frozen=True)
class Encoding:
    """How cameras film and encode."""

    fps: int = 5
    width: int = 320
    height: int = 180
    kbits: int | None = None
    """Pad to this constant rate (kbit/s), as a busy scene would fill it."""
    reset_timestamps: bool = True
    """False: the timeline runs on from segment to segment, as with `ffmpeg -f segment` by default."""

    def options(self) -> dict[str, str]:
        """The options of libx264."""
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "30"}
        if self.kbits is not None:
            rate = f"{self.kbits}k"
            options |= {"crf": "-1", "nal-hrd": "cbr"}
            options |= dict.fromkeys(("b", "minrate", "maxrate", "bufsize"), rate)
        return options


class SegmentWriter:
    """Draws, encodes and writes one segment; `record` as time passes, then `close`."""

    OPTIONS: ClassVar[Mapping[str, str]] = {}
    OPENS_AT_ONCE = False
    """The file is there before its first second is over."""

    def __init__(
        self, path: Path, picture: Picture, start: datetime, encoding: Encoding, first_frame: int = 0
    ) -> None:
        self.path, self.start = path, start
        self._picture, self._encoding, self._first, self._frames = picture, encoding, first_frame, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(self._target(), "w", format="mp4", options=dict(self.OPTIONS))
        self._container.flags |= BITEXACT
        self._stream = self._container.add_stream("libx264", rate=encoding.fps, options=encoding.options())
        self._stream.width, self._stream.height = picture.width, picture.height
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.gop_size = encoding.fps * 2
        self._stream.codec_context.thread_count = 1
        if self.OPENS_AT_ONCE:
            self._container.start_encoding()

    @property
    def end(self) -> datetime:
        """Where the next segment begins if this one is closed now."""
        return self.start + timedelta(seconds=self._frames / self._encoding.fps)

    def record(self, frames: int) -> None:
        """Takes this many more frames."""
        for _ in range(frames):
            frame = self._picture.frame(self.end)
            frame.pts, frame.time_base = self._first + self._frames, Fraction(1, self._encoding.fps)
            self._container.mux(self._stream.encode(frame))
            self._frames += 1

    def close(self) -> int:
        """Finishes the file. Returns its duration in ms."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        duration_ms = self._frames * 1000 // self._encoding.fps
        self._finish(duration_ms)
        return duration_ms

    def _target(self) -> "str | BytesIO | HeaderPatcher":
        return str(self.path)

    def _finish(self, duration_ms: int) -> None:
        """What is left to do once the muxer is through."""


class GrowingWriter(SegmentWriter):
    """`ffmpeg -f segment`: the media grows while open, the index is written last."""

    OPTIONS: ClassVar[Mapping[str, str]] = {"flush_packets": "1"}
    OPENS_AT_ONCE = True


class WholeWriter(SegmentWriter):
    """Frigate: recorded in a cache, put in its place when over, index first (`faststart`)."""

    OPTIONS: ClassVar[Mapping[str, str]] = {"moov_size": "16384"}

    def _target(self) -> BytesIO:
        self._cache = BytesIO()
        return self._cache

    def _finish(self, duration_ms: int) -> None:
        del duration_ms
        self.path.write_bytes(self._cache.getbuffer())


class FragmentedWriter(SegmentWriter):
    """MediaMTX: fragmented MP4, a part a second, the true start in an `mtxi` box."""

    OPTIONS: ClassVar[Mapping[str, str]] = {
        "movflags": "+empty_moov+default_base_moof+frag_custom+skip_trailer",
        "frag_duration": "1000000",
        "flush_packets": "1",
    }
    stream_id = UUID("6f1b6a3e-6d5c-4c8e-9a55-0c6c1c8f7a10")

    def _target(self) -> HeaderPatcher:
        self._file: BinaryIO = self.path.open("wb+")
        since_epoch = self.start - datetime(1970, 1, 1, tzinfo=UTC)
        ntp_ns = since_epoch // timedelta(microseconds=1) * 1000
        timeline_ns = self._first * 1_000_000_000 // self._encoding.fps
        info = SegmentInfo(self.stream_id, self._first, timeline_ns, ntp_ns)
        self._patcher = HeaderPatcher(self._file, info)
        return self._patcher

    def _finish(self, duration_ms: int) -> None:
        self._patcher.finish(duration_ms)
        self._file.close()


WRITERS: Mapping[Layout, type[SegmentWriter]] = {
    Layout.FRIGATE: WholeWriter,
    Layout.MEDIAMTX: FragmentedWriter,
    Layout.TEMPLATE: GrowingWriter,
}
