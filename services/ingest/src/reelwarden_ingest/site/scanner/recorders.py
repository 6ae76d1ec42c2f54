"""Whose file it is and when its name says that it starts: each recorder's layout, from `district.toml`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from reelwarden_common.district import Camera, DistrictConfig, Layout
from reelwarden_common.events.ingest import TimeSource
from reelwarden_ingest.site.scanner.dating import Claim
from reelwarden_ingest.site.scanner.names import NameTemplate

NAMES: Mapping[Layout, str] = {
    Layout.FRIGATE: "recordings/%Y-%m-%d/%H/{source}/%M.%S.mp4",
    Layout.MEDIAMTX: "{source}/%Y-%m-%d_%H-%M-%S-%f.{any}",
    Layout.MOTION: "{any}-%Y%m%d%H%M%S.{any}",
    Layout.SHINOBI: "{source}/%Y-%m-%dT%H-%M-%S.{any}",
    Layout.ZONEMINDER: "{source}/%Y-%m-%d/{any}/{any}-video{any}",
    Layout.DAHUA: "%Y-%m-%d/{source}/dav/%H/%H.%M.%S-{any}",
    Layout.VISERON: "segments/{source}/%s.m4s",
}
"""Of recorders with names of their own. In local time, but Frigate's; MediaMTX also keeps a clock inside the
file; ZoneMinder's names tell only the day, as the time is in its database."""
INIT_NAME = "init.mp4"
"""Beside the fragments (`.m4s`) that it begins; no footage by itself."""
VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".m4s", ".mov", ".mkv", ".webm", ".avi", ".flv", ".dav"),
        *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".264", ".265", ".h264", ".h265"),
    )
)


@dataclass(frozen=True)
class RecordedCamera:
    """A camera and its recorder's habits. `folder` is below the storage."""

    id: str
    layout: Layout
    folder: str
    source: str
    template: str
    zone: ZoneInfo
    segment_length: timedelta

    @classmethod
    def of(cls, camera: Camera, zone: str) -> "RecordedCamera":
        """From `district.toml`; `zone` is the one of its recorder's names."""
        recorder = camera.recorder
        return cls(
            id=camera.id,
            layout=recorder.layout,
            folder=recorder.folder,
            source=recorder.source,
            template=recorder.template,
            zone=ZoneInfo(zone),
            segment_length=timedelta(seconds=recorder.segment_seconds),
        )

    @cached_property
    def names(self) -> NameTemplate:
        """The path template below the storage."""
        template = NAMES.get(self.layout, self.template)
        zone = ZoneInfo("UTC") if self.layout is Layout.FRIGATE else self.zone
        folder = PurePosixPath(self.folder.replace("%", "%%"))
        return NameTemplate(str(folder / template), self.source, zone)


@dataclass(frozen=True)
class Identified:
    """Whose file it is, and what its name claims."""

    camera: RecordedCamera
    claim: Claim | None


class Recorders:
    """All cameras of a school."""

    def __init__(self, cameras: Iterable[RecordedCamera]) -> None:
        self.cameras: Mapping[str, RecordedCamera] = {camera.id: camera for camera in cameras}

    @classmethod
    def of(cls, config: DistrictConfig, school: str) -> "Recorders":
        """A school's cameras from `district.toml`."""
        cameras = config.school(school).cameras
        return cls(RecordedCamera.of(camera, config.recorder_zone(school, camera.id)) for camera in cameras)

    @property
    def roots(self) -> list[str]:
        """The folders below the storage in which recorders write ("" is all of it); none inside another."""
        roots = sorted({camera.names.root for camera in self.cameras.values()})
        return [root for root in roots if not any(_is_below(root, other) for other in roots)]

    def identify(self, path: str) -> Identified | None:
        """The camera of a path below the storage; None if it is no registered camera's."""
        for camera in self.cameras.values():
            named = camera.names.time(path)
            if named is not None:
                return Identified(camera, Claim(TimeSource.NAME, named.instants, named.resolution_ms))
        by_folder = [camera for camera in self.cameras.values() if camera.names.belongs(path)]
        return Identified(by_folder[0], None) if len(by_folder) == 1 else None


def is_video(name: str) -> bool:
    """Whether a file is looked at: recorders keep databases, lists, stills and what only begins footage."""
    path = PurePosixPath(name)
    return path.suffix.lower() in VIDEO_SUFFIXES and path.name != INIT_NAME


def _is_below(path: str, other: str) -> bool:
    return path != other and (other == "" or path.startswith(f"{other}/"))
