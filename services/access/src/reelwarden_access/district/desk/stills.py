"""A still: one frame of the exported copy, with the recipient's mark burnt in (R4.4)."""

import asyncio
import io
from collections.abc import Sequence
from typing import SupportsIndex

import av
from av.error import FFmpegError
from PIL import Image, ImageDraw, ImageFont

from reelwarden_common.errors import Refused
from reelwarden_common.pdf import font_folder
from reelwarden_common.s3 import S3

BLOCK = 512 * 1024
"""Bytes fetched at once: an index, or a few pictures."""
QUALITY = 92
_LINES = 26
"""A still is this many of its mark's lines high."""


class NoPicture(Refused):
    """There is no picture at that position of the file."""


class StoredFile(io.RawIOBase):
    """An object of the store as a file that can be read anywhere; for threads beside a running loop."""

    def __init__(self, s3: S3, loop: asyncio.AbstractEventLoop, place: tuple[str, str], size: int) -> None:
        super().__init__()
        self._s3, self._loop, self._place, self._size = s3, loop, place, size
        self._at = 0
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
            fetch = self._fetch(self._at, min(max(wanted, BLOCK), self._size - self._at))
            self._block = asyncio.run_coroutine_threadsafe(fetch, self._loop).result()
            self._begin = self._at
        found = self._block[self._at - self._begin :][:wanted]
        self._at += len(found)
        return found

    async def _fetch(self, offset: int, length: int) -> bytes:
        return b"".join([chunk async for chunk in self._s3.stream(*self._place, offset, length)])


def frame_at(file: io.RawIOBase | io.BytesIO, position_ms: int) -> Image.Image:
    """The picture that a player shows at a position.

    Raises:
        NoPicture: the file ends before, or is no video.
    """
    try:
        with av.open(file, "r") as container:
            video = container.streams.video[0]
            wanted = position_ms / 1000
            assert video.time_base is not None  # noqa: S101 - every video has one
            container.seek(max(0, int(wanted / video.time_base)), stream=video, backward=True)
            found = None
            for frame in container.decode(video):
                if found is not None and (frame.time or 0) > wanted:
                    break
                found = frame
            if found is None:
                raise NoPicture("该时刻没有画面 · no picture at this moment")
            picture: Image.Image = found.to_image()  # type: ignore[no-untyped-call]
            return picture.convert("RGB")
    except (FFmpegError, IndexError) as error:
        raise NoPicture("该时刻没有画面 · no picture at this moment") from error


def burnt(picture: Image.Image, lines: Sequence[str]) -> bytes:
    """The picture as JPEG with the lines burnt in: along its upper edge, and large and pale across it."""
    canvas = picture.convert("RGBA")
    over = Image.new("RGBA", canvas.size)
    pen = ImageDraw.Draw(over)
    size = max(10, canvas.height // _LINES)
    edge = max(1, size // 10)
    for number, line in enumerate(lines):
        font = _fitting(line, size, canvas.width - size, pen)
        place = (size // 2, size // 3 + number * int(size * 1.35))
        pen.text(place, line, font=font, fill="white", stroke_width=edge, stroke_fill="black")
    across = _fitting(lines[0], size * 3, int(canvas.width * 0.9), pen)
    middle = (canvas.width // 2, canvas.height // 2)
    pale, dark = (255, 255, 255, 90), (0, 0, 0, 60)
    pen.text(middle, lines[0], font=across, fill=pale, anchor="mm", stroke_width=edge, stroke_fill=dark)
    out = io.BytesIO()
    Image.alpha_composite(canvas, over).convert("RGB").save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


def _fitting(text: str, size: int, width: int, pen: ImageDraw.ImageDraw) -> ImageFont.FreeTypeFont:
    """The font in which a line is no wider than the picture."""
    font = ImageFont.truetype(str(font_folder() / "NotoSansSC-Regular.ttf"), size)
    while size > 8 and pen.textlength(text, font=font) > width:  # noqa: PLR2004 - still legible
        size -= 1
        font = font.font_variant(size=size)
    return font
