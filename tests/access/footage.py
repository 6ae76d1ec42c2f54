"""Real footage for the exporter's tests, and the scanner's answers about it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageChops, ImageStat

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment, SegmentsAnswer, SegmentsQuery, TimeSource
from reelwarden_common.identity import segment_id
from reelwarden_common.messaging.questions import NoAnswer
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.manifest import WrittenFile
from reelwarden_local.recorders.picture import Picture
from reelwarden_local.recorders.recorder import Gap, Recorder
from reelwarden_local.recorders.writer import Encoding

SCHOOL = "s001"
MORNING = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
TOMORROW = MORNING + timedelta(days=1)
CAMERAS = {
    "gate": RecordedCamera("gate", "校门", Layout.FRIGATE, "frigate", "gate_cam"),
    "hall": RecordedCamera("hall", "大厅", Layout.MEDIAMTX, "mediamtx", "hall"),
    "yard": RecordedCamera("yard", "操场", Layout.TEMPLATE, "yard", "yard", "%Y-%m-%d/%H-%M-%S.mp4"),
}


def at(seconds: float) -> datetime:
    """A moment of the test's morning."""
    return MORNING + timedelta(seconds=seconds)


def span(camera: str, start: float, end: float) -> CameraSpan:
    return CameraSpan(camera=camera, start=at(start), end=at(end))


def segment_of(written: WrittenFile, school: str = SCHOOL) -> Segment:
    """What the scanner would have in its catalogue."""
    return Segment(
        id=segment_id(school, written.camera, written.start, written.sha256),
        camera=written.camera,
        start=written.start,
        end=written.end,
        duration_ms=written.duration_ms,
        size=written.size,
        digest=written.sha256,
        codec="h264",
        width=320,
        height=180,
        time_source=TimeSource.NAME,
        uncertainty_ms=0,
        locator=written.path,
        file_time=written.end,
    )


@dataclass
class School:
    """A school's storage with footage of the morning, and a scanner that knows all of it."""

    storage: Path
    encoding: Encoding = field(default_factory=Encoding)
    id: str = SCHOOL
    segments: list[Segment] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    """Ids of segments that the scanner has noticed to be lost."""
    complete_to: datetime | None = TOMORROW
    scanner_away: bool = False
    questions: list[SegmentsQuery] = field(default_factory=list)

    def __post_init__(self) -> None:
        ours = self.storage / ".reelwarden"
        ours.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"school": self.id, "storage": "1"})
        (ours / "storage.id").write_text(content, encoding="utf-8")
        self.recorder = self._recorder()

    def _recorder(self) -> Recorder:
        manifest = self.storage.parent / "manifest.jsonl"
        return Recorder(self.storage, CAMERAS.values(), manifest, encoding=self.encoding)

    def record(self, camera: str, start: float, end: float, gaps: Iterable[Gap] = ()) -> list[Segment]:
        """Write footage of the morning, and let the scanner know it."""
        written = self.recorder.backfill(camera, at(start), at(end), gaps)
        found = [segment_of(one, self.id) for one in written]
        self.segments += found
        return found

    def path(self, segment: Segment) -> Path:
        return self.storage / segment.locator

    def into_vault(self, segment: Segment) -> Path:
        """Hold a segment as the reaper does."""
        kept = self.storage / ".reelwarden" / "vault" / segment.camera / f"{segment.digest}.mp4"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(self.path(segment).read_bytes())
        return kept

    async def ask(self, question: SegmentsQuery) -> SegmentsAnswer:
        """What the scanner answers."""
        if self.scanner_away:
            raise NoAnswer("no answer within 5 s")
        self.questions.append(question)
        found = [
            one
            for one in self.segments
            if one.camera == question.camera and one.start < question.end and one.end > question.start
        ]
        return SegmentsAnswer(
            segments=tuple(one for one in found if one.id not in self.away),
            away=tuple(one for one in found if one.id in self.away),
            complete_to=self.complete_to,
        )


def luma(frame: Any) -> Image.Image:
    """A decoded picture's brightness. (PyAV's own conversion has no types.)"""
    picture: Image.Image = frame.to_image()
    return picture.convert("L")


def pictures(path: Path) -> list[tuple[float, Image.Image]]:
    """Every picture that a player shows, with its second."""
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        return [(float(frame.time or 0), luma(frame)) for frame in frames]


def filmed_at(camera: str, picture: Image.Image, near: datetime) -> datetime:
    """When a picture was filmed, by the clock in it: the likeliest fifth of a second around `near`."""
    recorded = CAMERAS[camera]
    scene = Picture(f"{recorded.name} {recorded.id}", recorded.zone, picture.width, picture.height)

    def unlike(moment: datetime) -> float:
        return ImageStat.Stat(ImageChops.difference(luma(scene.frame(moment)), picture)).mean[0]

    return min((near + timedelta(seconds=step / 5) for step in range(-15, 16)), key=unlike)
