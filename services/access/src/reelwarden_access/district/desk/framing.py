"""One picture out of a video, in a process of its own with limits: what it decodes came from outside.

    python -m reelwarden_access.district.desk.framing SIZE POSITION_MS

It has no file, no variable and no address of ours. For the bytes it asks whoever started it: on standard
output a place and a length (two numbers of 8 bytes), on standard input that many bytes. Last it says
`PICTURE` as the place, the length of what follows, and then width and height (4 bytes each) and the picture
(RGB). Exit code 1: there is none.
"""

import io
import resource
import struct
import sys
from typing import SupportsIndex

import av

PICTURE = 2**64 - 1
ASK, SHAPE = struct.Struct(">QQ"), struct.Struct(">II")
BLOCK = 512 * 1024
"""Bytes asked for at once: an index, or a few pictures."""
SECONDS = 20
"""Of processor time."""
MEMORY = 1 << 30


class AskedFile(io.RawIOBase):
    """A file of which each block is asked for."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._at = size, 0
        self._block, self._begin = b"", 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def seek(self, offset: SupportsIndex, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + int(offset))
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes, fewer at the end of a block."""
        wanted = self._size - self._at if size is None or size < 0 else min(size, self._size - self._at)
        if wanted <= 0:
            return b""
        if not self._begin <= self._at < self._begin + len(self._block):
            self._block = _asked(self._at, min(BLOCK, self._size - self._at))
            self._begin = self._at
        found = self._block[self._at - self._begin :][:wanted]
        self._at += len(found)
        return found


def _asked(place: int, length: int) -> bytes:
    sys.stdout.buffer.write(ASK.pack(place, length))
    sys.stdout.buffer.flush()
    return sys.stdin.buffer.read(length)


def picture_at(file: io.RawIOBase, position_ms: int) -> tuple[int, int, bytes] | None:
    """Width, height and RGB of the picture that a player shows at a position; None where there is none."""
    try:
        with av.open(file, "r") as container:
            video = container.streams.video[0]
            wanted = position_ms / 1000
            if video.time_base is None:
                return None
            container.seek(max(0, int(wanted / video.time_base)), stream=video, backward=True)
            found = None
            for frame in container.decode(video):
                if found is not None and (frame.time or 0) > wanted:
                    break
                found = frame
            if found is None:
                return None
            plane = found.to_image().convert("RGB")  # type: ignore[no-untyped-call]
            return plane.width, plane.height, plane.tobytes()
    except (av.FFmpegError, IndexError, ValueError, MemoryError):
        return None


def main() -> int:
    """See the module."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    size, position = map(int, sys.argv[1:])
    found = picture_at(AskedFile(size), position)
    if found is None:
        return 1
    width, height, plane = found
    sys.stdout.buffer.write(ASK.pack(PICTURE, SHAPE.size + len(plane)) + SHAPE.pack(width, height) + plane)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
