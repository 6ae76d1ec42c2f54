"""What a camera sees: its name in Chinese, a running clock, something that moves."""

from datetime import datetime
from functools import cache
from importlib.resources import as_file, files
from zlib import crc32
from zoneinfo import ZoneInfo

import av
from PIL import Image, ImageDraw, ImageFont

CLOCK_CHARACTERS = "0123456789-:. "
BACKGROUND, INK, GRID = 58, 235, 70


class Picture:
    """Draws the frames of one camera, in luma only: chroma is one tint per camera."""

    def __init__(self, name: str, zone: ZoneInfo, width: int, height: int) -> None:
        self.width, self.height, self._zone = width, height, zone
        self._scale = height // 9
        self._scene = self._draw_scene(name)
        self._tint = crc32(name.encode())

    def frame(self, moment: datetime) -> av.VideoFrame:
        """The frame taken at this moment, its clock showing local time to a tenth of a second."""
        image = self._scene.copy()
        local = moment.astimezone(self._zone)
        glyphs = _glyphs(self._scale)
        left = self._scale // 2
        for character in f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 100_000}":
            glyph = glyphs[character]
            image.paste(glyph, (left, self.height - glyph.height - 4))
            left += glyph.width
        self._draw_walker(image, moment)
        return self._to_frame(image)

    def _draw_scene(self, name: str) -> Image.Image:
        scene = Image.new("L", (self.width, self.height), BACKGROUND)
        draw = ImageDraw.Draw(scene)
        horizon, middle = self.height // 2, self.width // 2
        for x in range(0, self.width, self._scale * 2):
            draw.line((x, horizon, middle + (x - middle) * 3, self.height), fill=GRID)
        draw.line((0, horizon, self.width, horizon), fill=GRID)
        draw.text((self._scale // 2, 4), name, font=_font(self._scale), fill=INK)
        return scene

    def _draw_walker(self, image: Image.Image, moment: datetime) -> None:
        """A figure that crosses the picture once in twelve seconds."""
        x = int(moment.timestamp() * self.width / 12) % self.width
        y, unit = self.height // 2, self._scale // 2
        draw = ImageDraw.Draw(image)
        draw.rectangle((x, y - unit, x + unit, y + 2 * unit), fill=190)
        draw.ellipse((x, y - 2 * unit, x + unit, y - unit), fill=190)

    def _to_frame(self, image: Image.Image) -> av.VideoFrame:
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        luma, blue, red = frame.planes
        luma.update(_padded(image.tobytes(), self.width, luma.line_size))
        for plane, shift in ((blue, 0), (red, 8)):
            plane.update(bytes([112 + (self._tint >> shift) % 32]) * plane.buffer_size)
        return frame


def _padded(rows: bytes, width: int, line_size: int) -> bytes:
    if line_size == width:
        return rows
    padding = bytes(line_size - width)
    return b"".join(rows[at : at + width] + padding for at in range(0, len(rows), width))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    with as_file(files("zhplot") / "fonts" / "NotoSansSC-Regular.ttf") as path:
        return ImageFont.truetype(str(path), size)


@cache
def _glyphs(size: int) -> dict[str, Image.Image]:
    """The clock's characters as tiles: setting text anew in each frame would cost more than encoding."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    tiles = {}
    for character in CLOCK_CHARACTERS:
        tile = Image.new("L", (round(font.getlength(character)), ascent + descent), BACKGROUND)
        ImageDraw.Draw(tile).text((0, 0), character, font=font, fill=INK)
        tiles[character] = tile
    return tiles
