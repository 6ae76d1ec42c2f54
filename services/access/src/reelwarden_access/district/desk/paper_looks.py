"""What a file from outside really is: told by its content, not its name or the browser's word (R4.2).

Hostile files are looked at in a process of their own, with little memory and time:

    python -m reelwarden_access.district.desk.paper_looks FILE…     # one line of JSON for each file
    python -m reelwarden_access.district.desk.paper_looks --redraw FILE TARGET
"""

import json
import resource
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import puremagic
from PIL import Image
from pypdf import PdfReader

PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
SUFFIXES: Mapping[str, str] = {PDF: ".pdf", JPEG: ".jpg", PNG: ".png"}
MOST_PIXELS = 50_000_000
"""A page scanned at 600 dpi has 35 million."""
MOST_PAGES = 500
PLAN = (2400, 2400)
"""Pixels of a floor plan, at most."""
_LARGE = 1_500_000
MEMORY = 1024**3
SECONDS = 20
_HEAD = 4096
_TAIL = 65_536 + 22
"""In which a zip archive's directory ends."""
_PNG_BEGINS = 8


class NotTaken(Exception):
    """The file is not taken: `empty`, `type`, `damaged`, `pixels`, `locked`, `hides`."""


def kind_of(path: Path) -> str:
    """The media type of a file that may be taken.

    Raises:
        NotTaken: it is none of the three types, is damaged, too large a picture, or holds something else.
    """
    size = path.stat().st_size
    if not size:
        raise NotTaken("empty")
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    kind = _named_by_magic(head)
    if b"PK\x05\x06" in tail or (kind != PDF and b"%PDF-" in head):
        raise NotTaken("hides")  # one file that is two: a picture, and an archive or a document
    try:
        {PDF: _read_pdf, JPEG: _read_jpeg, PNG: _read_png}[kind](path)
    except NotTaken:
        raise
    except Exception as error:  # a parser may fail on a broken file in any way
        raise NotTaken("damaged") from error
    return kind


def _named_by_magic(head: bytes) -> str:
    try:
        found = {str(one.mime_type) for one in puremagic.magic_string(head)} & SUFFIXES.keys()
    except (puremagic.PureError, ValueError):
        found = set()
    if len(found) != 1 or not head.startswith((b"%PDF-", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise NotTaken("type")
    return found.pop()


def _read_jpeg(path: Path) -> None:
    with _opened(path, "JPEG") as picture:
        picture.draft("RGB", (picture.width // 8, picture.height // 8))
        picture.load()


def _read_png(path: Path) -> None:
    """Every chunk is whole, and nothing follows the last."""
    with _opened(path, "PNG") as picture:
        picture.load()
    with path.open("rb") as file:
        file.seek(_PNG_BEGINS)
        while header := file.read(8):
            length, name = struct.unpack(">I4s", header)
            file.seek(length + 4, 1)
            if name == b"IEND":
                break
        if file.read(1):
            raise NotTaken("hides")


def _opened(path: Path, form: str) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # ours is asked below, before anything is decoded
    picture = Image.open(path, formats=(form,))
    if picture.width * picture.height > MOST_PIXELS:
        picture.close()
        raise NotTaken("pixels")
    return picture


def _read_pdf(path: Path) -> None:
    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise NotTaken("locked")
    if not 1 <= len(reader.pages) <= MOST_PAGES:
        raise NotTaken("damaged")
    root: Any = reader.root_object
    found: dict[str, Any] = {name: root[name] for name in root}  # references are followed
    names, opening = found.get("/Names", {}), found.get("/OpenAction")
    acts = isinstance(opening, dict) and opening.get("/S") in ("/JavaScript", "/Launch", "/ImportData")
    if acts or "/AA" in root or "/JavaScript" in names or "/EmbeddedFiles" in names:
        raise NotTaken("hides")


def redraw(path: Path, target: Path) -> tuple[int, int, str]:
    """A picture drawn anew, so that nothing else that the file held is kept.

    Returns:
        Its width and height in pixels, and its media type: PNG, unless that would be large.
    """
    if kind_of(path) == PDF:
        raise NotTaken("type")
    with Image.open(path) as picture:
        picture.draft("RGB", PLAN)
        drawn = picture.convert("RGB")
    drawn.thumbnail(PLAN)
    drawn.save(target, "PNG")
    if target.stat().st_size <= _LARGE:
        return *drawn.size, PNG
    drawn.save(target, "JPEG", quality=85)
    return *drawn.size, JPEG


def main(arguments: list[str]) -> None:
    """Say of each file what it is, or why it is not taken."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    redraws = arguments[:1] == ["--redraw"]
    for path in arguments[1:2] if redraws else arguments:
        said: dict[str, object]
        try:
            if redraws:
                said = {"drawn": redraw(Path(path), Path(arguments[2]))}
            else:
                said = {"kind": kind_of(Path(path))}
        except NotTaken as refusal:
            said = {"why": str(refusal)}
        except MemoryError:
            said = {"why": "damaged"}
        print(json.dumps(said), flush=True)  # noqa: T201 - what the desk reads


if __name__ == "__main__":
    main(sys.argv[1:])
