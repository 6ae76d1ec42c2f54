"""What Viseron leaves on its disk: FFmpeg's fragments, moved one by one into the camera's folder.

Its encoder writes `init.mp4` and fragments (HLS, fMP4) into a temporary folder. Each closed fragment is moved
to `segments/<camera>/<start as seconds since 1970>.m4s`, and `init.mp4` is copied beside it again each time.
"""

import os
import shutil
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import av

FRAGMENT = timedelta(seconds=5)
RATE = 10


class Viseron:
    """One camera of a Viseron that writes below a storage."""

    def __init__(self, storage: Path, camera: str = "gate") -> None:
        self.folder = storage / "segments" / camera
        self.folder.mkdir(parents=True, exist_ok=True)

    def record(self, start: datetime, fragments: int, size: tuple[int, int] = (320, 180)) -> list[Path]:
        """Run the encoder for so many fragments: a restart of the recorder."""
        with TemporaryDirectory() as temporary:
            self._encode(Path(temporary), fragments, size)
            return [
                self._move(Path(temporary), number, start + number * FRAGMENT) for number in range(fragments)
            ]

    def _encode(self, folder: Path, fragments: int, size: tuple[int, int]) -> None:
        options = {
            "hls_segment_type": "fmp4",
            "hls_time": str(FRAGMENT.seconds),
            "hls_list_size": "0",
            "hls_segment_filename": str(folder / "%d.m4s"),
        }
        noise = Random(fragments)
        pictures = fragments * FRAGMENT.seconds * RATE
        with av.open(str(folder / "index.m3u8"), "w", format="hls", options=options) as output:
            video = output.add_stream("libx264", rate=RATE)
            video.width, video.height = size
            video.pix_fmt, video.gop_size = "yuv420p", RATE
            video.options = {"preset": "ultrafast", "bf": "0"}
            for number in range(pictures):
                picture = av.VideoFrame(*size, "yuv420p")
                for plane in picture.planes:
                    plane.update(noise.randbytes(plane.buffer_size))
                picture.pts, picture.time_base = number, Fraction(1, RATE)
                output.mux(video.encode(picture))
            output.mux(video.encode(None))

    def _move(self, temporary: Path, number: int, start: datetime) -> Path:
        place = self.folder / f"{int(start.timestamp())}.m4s"
        shutil.move(temporary / f"{number}.m4s", place)
        shutil.copy(temporary / "init.mp4", self.folder / "init.mp4")
        end = (start + FRAGMENT).timestamp()
        os.utime(place, (end, end))
        os.utime(self.folder / "init.mp4", (end, end))
        return place
