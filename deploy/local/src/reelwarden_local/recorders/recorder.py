"""A school's recorder: past footage, live footage, and the faults that real recorders leave behind."""

import asyncio
import os
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from reelwarden_common.clock import Clock, system_clock
from reelwarden_local.recorders.layouts import RecordedCamera
from reelwarden_local.recorders.manifest import FileKind, Manifest, WrittenFile
from reelwarden_local.recorders.picture import Picture
from reelwarden_local.recorders.writer import WRITERS, Encoding, SegmentWriter

Gap = tuple[datetime, datetime]
"""From (inclusive) to (exclusive): nothing was recorded."""

KEPT_OF_TRUNCATED = 0.6
"""The part of a truncated file that reached the disk."""


class Recorder:
    """Writes what the cameras see below `storage`, each camera in its own layout.

    Every file, good or bad, is added to the manifest when it is closed. `on_closed` is called then with the
    file's path, as recorders call a hook. Cameras are independent of each other: different threads or tasks
    may each drive one.
    """

    def __init__(
        self,
        storage: Path,
        cameras: Iterable[RecordedCamera],
        manifest: Manifest | Path,
        *,
        encoding: Encoding | None = None,
        clock: Clock = system_clock,
        on_closed: Callable[[Path], None] | None = None,
    ) -> None:
        self.storage, self.cameras = storage, {camera.id: camera for camera in cameras}
        self.manifest = manifest if isinstance(manifest, Manifest) else Manifest(manifest)
        self._encoding, self._clock, self._on_closed = encoding or Encoding(), clock, on_closed
        self._pictures = {camera.id: self._picture(camera) for camera in self.cameras.values()}
        self._frames_recorded = dict.fromkeys(self.cameras, 0)
        self._paused_until: dict[str, datetime] = {}

    def backfill(
        self, camera: str, start: datetime, end: datetime, gaps: Iterable[Gap] = ()
    ) -> list[WrittenFile]:
        """Writes past footage, segment after segment; file times are set to the segments' ends.

        Segments begin at `start` and after each gap; the ones before a gap and at the end may be shorter.
        """
        written = []
        for span_start, span_end in _between(start, end, gaps):
            at = span_start
            while at < span_end:
                until = min(at + self.cameras[camera].length, span_end)
                written.append(self._write(camera, at, until))
                at = until
        return written

    async def run(self, camera: str) -> None:
        """Records in real time until cancelled; the open segment is then closed, however short.

        As with a real recorder, a file grows while it is open (or appears when it is over, with Frigate),
        and the next one opens when it is closed. A second's frames are encoded at once, in a few ms, so
        that cancelling never meets a half-written frame.
        """
        while True:
            await self._wait_out_pause(camera)
            segment = self._open(camera, self._clock())
            try:
                await self._record_live(camera, segment)
            finally:
                self._close(camera, segment)

    def pause(self, camera: str, length: timedelta) -> None:
        """Makes a gap in live footage: the open segment is closed within a second, the next opens later."""
        self._paused_until[camera] = self._clock() + length

    def truncated(self, camera: str, start: datetime) -> WrittenFile:
        """Writes a segment whose last part never reached the disk (power loss)."""
        return self._write(camera, start, start + self.cameras[camera].length, FileKind.TRUNCATED)

    def empty(self, camera: str, start: datetime) -> WrittenFile:
        """Writes a segment of which only the name reached the disk."""
        return self._write(camera, start, start + self.cameras[camera].length, FileKind.EMPTY)

    def unreadable_time(self, camera: str, start: datetime) -> WrittenFile:
        """Writes whole footage that tells neither by its name nor inside when it was filmed."""
        return self._write(camera, start, start + self.cameras[camera].length, FileKind.UNREADABLE_TIME)

    def _picture(self, camera: RecordedCamera) -> Picture:
        label = f"{camera.name} {camera.id}"
        return Picture(label, camera.zone, self._encoding.width, self._encoding.height)

    async def _record_live(self, camera: str, segment: SegmentWriter) -> None:
        whole = segment.start + self.cameras[camera].length
        fps = self._encoding.fps
        while segment.end < whole and camera not in self._paused_until:
            frames = min(fps, round((whole - segment.end).total_seconds() * fps))
            filmed = segment.end + timedelta(seconds=frames / fps)
            await asyncio.sleep(max(0.0, (filmed - self._clock()).total_seconds()))
            segment.record(frames)

    async def _wait_out_pause(self, camera: str) -> None:
        if camera in self._paused_until:
            remaining = self._paused_until[camera] - self._clock()
            await asyncio.sleep(max(0.0, remaining.total_seconds()))
            del self._paused_until[camera]

    def _open(self, camera: str, start: datetime, path: Path | None = None) -> SegmentWriter:
        recorded = self.cameras[camera]
        first_frame = 0 if self._encoding.reset_timestamps else self._frames_recorded[camera]
        path = path or self.storage / recorded.path(start)
        return WRITERS[recorded.layout](path, self._pictures[camera], start, self._encoding, first_frame)

    def _close(self, camera: str, segment: SegmentWriter) -> WrittenFile:
        if segment.end == segment.start:
            segment.record(1)
        duration_ms = segment.close()
        self._count(camera, duration_ms)
        return self._enter(camera, segment, duration_ms, FileKind.GOOD)

    def _write(
        self, camera: str, start: datetime, end: datetime, kind: FileKind = FileKind.GOOD
    ) -> WrittenFile:
        """Writes a past segment and spoils it as `kind` says."""
        path = self._timeless_path(camera, start) if kind is FileKind.UNREADABLE_TIME else None
        segment = self._open(camera, start, path)
        segment.record(max(1, round((end - start).total_seconds() * self._encoding.fps)))
        duration_ms = segment.close()
        self._count(camera, duration_ms)
        _spoil(segment.path, kind)
        ended = segment.end.timestamp()
        os.utime(segment.path, (ended, ended))
        return self._enter(camera, segment, duration_ms, kind)

    def _timeless_path(self, camera: str, start: datetime) -> Path:
        path = self.storage / self.cameras[camera].path(start)
        return path.with_name(f"recovered-{int(start.timestamp()):x}{path.suffix}")

    def _count(self, camera: str, duration_ms: int) -> None:
        self._frames_recorded[camera] += duration_ms * self._encoding.fps // 1000

    def _enter(self, camera: str, segment: SegmentWriter, duration_ms: int, kind: FileKind) -> WrittenFile:
        content = segment.path.read_bytes()
        written = WrittenFile(
            camera=camera,
            layout=self.cameras[camera].layout,
            path=str(segment.path.relative_to(self.storage)),
            start=segment.start,
            end=segment.end,
            duration_ms=duration_ms,
            size=len(content),
            sha256=sha256(content).hexdigest(),
            kind=kind,
            closed_at=self._clock(),
        )
        self.manifest.append(written)
        if self._on_closed is not None:
            self._on_closed(segment.path)
        return written


def _between(start: datetime, end: datetime, gaps: Iterable[Gap]) -> list[Gap]:
    """What is left of a span without its gaps."""
    spans, at = [], start
    for gap_start, gap_end in sorted(gaps):
        spans.append((at, min(gap_start, end)))
        at = max(at, gap_end)
    spans.append((at, end))
    return [span for span in spans if span[0] < span[1]]


def _spoil(path: Path, kind: FileKind) -> None:
    if kind is FileKind.TRUNCATED:
        os.truncate(path, int(path.stat().st_size * KEPT_OF_TRUNCATED))
    elif kind is FileKind.EMPTY:
        os.truncate(path, 0)
    elif kind is FileKind.UNREADABLE_TIME:
        path.write_bytes(path.read_bytes().replace(b"mtxi", b"free"))
