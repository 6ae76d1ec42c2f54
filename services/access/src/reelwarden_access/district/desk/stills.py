"""A still: one frame of the exported copy, with the recipient's mark burnt in (R4.4).

The frame is decoded by a process of its own (`framing.py`): what ends the decoder ends nothing else.
"""

import asyncio
import io
import struct
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from PIL import Image, ImageDraw, ImageFont

from reelwarden_common.errors import Refused
from reelwarden_common.pdf import font_folder

QUALITY = 92
_LINES = 26
"""A still is this many of its mark's lines high."""
_SECONDS = 60
"""By the clock, for one frame: the store may be slow."""
_MOST_READ = 256 * 1024 * 1024
_MOST_PIXELS = 64_000_000
_PICTURE = 2**64 - 1
_ASK, _SHAPE = struct.Struct(">QQ"), struct.Struct(">II")
Read = Callable[[int, int], Awaitable[bytes]]
"""Bytes of the file: place and length → as many, or fewer at its end."""


class NoPicture(Refused):
    """There is no picture at that position of the file."""


async def frame_at(read: Read, size: int, position_ms: int) -> Image.Image:
    """The picture that a player shows at a position.

    Args:
        read: Where the file's bytes come from.
        size: Of the file, in bytes.
        position_ms: From its beginning.

    Raises:
        NoPicture: the file ends before, is no video, or cannot be decoded within bounds.
    """
    module = __name__.rpartition(".")[0] + ".framing"
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", module, str(size), str(position_ms)),
        stdin=pipe,
        stdout=pipe,
        stderr=nothing,
        env={},
    )
    assert process.stdin is not None  # noqa: S101 - a pipe
    assert process.stdout is not None  # noqa: S101
    try:
        async with asyncio.timeout(_SECONDS):
            return await _served(process.stdout, process.stdin, read, size)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        raise NoPicture("该时刻没有画面 · no picture at this moment") from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _served(asks: StreamReader, gives: StreamWriter, read: Read, size: int) -> Image.Image:
    """Give it what it asks for, within bounds, until it says the picture."""
    given = 0
    while given <= _MOST_READ:
        place, length = _ASK.unpack(await asks.readexactly(_ASK.size))
        if place == _PICTURE:
            return await _drawn(asks, length)
        if place + length > size:
            break
        given += length
        gives.write(await read(place, length))
        await gives.drain()
    raise NoPicture("该时刻没有画面 · no picture at this moment")


async def _drawn(asks: StreamReader, length: int) -> Image.Image:
    width, height = _SHAPE.unpack(await asks.readexactly(_SHAPE.size))
    if not 0 < width * height <= _MOST_PIXELS or length != _SHAPE.size + 3 * width * height:
        raise NoPicture("该时刻没有画面 · no picture at this moment")
    return Image.frombytes("RGB", (width, height), await asks.readexactly(3 * width * height))


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
