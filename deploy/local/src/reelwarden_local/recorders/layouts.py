"""Where a recorder puts a segment and how it names it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo


class Layout(StrEnum):
    """The recorders whose habits are known here; the values are those of `district.toml`."""

    FRIGATE = "frigate"
    MEDIAMTX = "mediamtx"
    TEMPLATE = "template"


FRIGATE_NAMES = "recordings/%Y-%m-%d/%H/{source}/%M.%S.mp4"
MEDIAMTX_NAMES = "{source}/%Y-%m-%d_%H-%M-%S-%f.mp4"


@dataclass(frozen=True)
class RecordedCamera:
    """One camera and the recorder that writes its footage.

    `folder` is below the school's storage, `source` is the recorder's own name of the camera, `template`
    is a strftime template (only for `Layout.TEMPLATE`; it may hold `{source}`).
    """

    id: str
    name: str
    layout: Layout
    folder: str
    source: str
    template: str = ""
    time_zone: str = "Asia/Shanghai"
    segment_seconds: int = 10

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the recorder's machine and its on-screen clock are set to."""
        return ZoneInfo(self.time_zone)

    @property
    def length(self) -> timedelta:
        """How long a whole segment lasts."""
        return timedelta(seconds=self.segment_seconds)

    def path(self, start: datetime) -> PurePosixPath:
        """The path, below the storage, of the segment that starts then.

        Like the real ones, a layout in local time gives two segments the same name when the clock is set
        back (DST), and one with whole seconds in its names drops the fraction.
        """
        names = {
            Layout.FRIGATE: FRIGATE_NAMES,
            Layout.MEDIAMTX: MEDIAMTX_NAMES,
            Layout.TEMPLATE: self.template,
        }[self.layout]
        moment = start.astimezone(UTC if self.layout is Layout.FRIGATE else self.zone)
        # strftime's own %s is taken from the process's zone, not from the moment's.
        names = names.replace("%s", str(int(start.timestamp())))
        return PurePosixPath(self.folder) / moment.strftime(names).replace("{source}", self.source)
