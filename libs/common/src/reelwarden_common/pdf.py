"""PDFs from typst templates: forms and written reports, in Chinese and English, with embedded fonts.

A template reads what it shows from one JSON value, never as markup, so that nobody's name or reason can
change a form:

    #let data = json(bytes(sys.inputs.data))

Only Noto Sans SC (from the wheel `zhplot`) and typst's own Latin fonts are used: whatever a machine has
installed, the same input gives the same bytes. A character that Noto Sans SC lacks (some names have one) is
written as its number, 〔U+20BB7〕: an empty box would be nobody's name.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst
from PIL import ImageFont

from reelwarden_common.errors import ReelwardenError

FONT = "Noto Sans SC"
"""The family that templates name."""
_FIRST_IDEOGRAPH = 0x2E80
"""Below it, typst's own Latin fonts help out."""
_NO_CHARACTER = "\U0010ffff"
_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)


class NotRendered(ReelwardenError):
    """A template and the data given to it do not fit together: a fault of ours, not of the person's."""


@cache
def font_folder() -> Path:
    """Where the font lies: found without importing its package, which would need matplotlib.

    Raises:
        NotRendered: the wheel `zhplot` is not installed.
    """
    spec = find_spec("zhplot")
    if spec is None or spec.origin is None:
        raise NotRendered("the font is missing: install the wheel zhplot, which brings Noto Sans SC")
    return Path(spec.origin).parent / "fonts"


def render_pdf(template: Path, data: Mapping[str, Any], *, moment: datetime | None = None) -> bytes:
    """Render a template (with the `.typ` files beside it) to PDF.

    Args:
        template: the `.typ` file; it may import others of its folder.
        data: what JSON can say; the template's `sys.inputs.data`.
        moment: the document's date of making in its metadata; without one a fixed date stands there.

    Returns:
        The file. Equal arguments give equal bytes, so that its digest can be signed and found again.

    Raises:
        NotRendered: typst cannot make sense of the template with this data.
    """
    seconds = int((moment or _EPOCH).timestamp())
    return _compile(template, data, format="pdf", timestamp=seconds)[0]


def render_pictures(template: Path, data: Mapping[str, Any], *, ppi: float = 96) -> list[bytes]:
    """Render to one PNG a page: for showing a form on a screen, and for looking at one in a test.

    Raises:
        NotRendered: see `render_pdf`.
    """
    return _compile(template, data, format="png", ppi=ppi)


def _compile(template: Path, data: Mapping[str, Any], **options: Any) -> list[bytes]:  # noqa: ANN401 - typst's own options
    try:
        made = typst.compile(
            str(template),
            root=str(template.parent),
            font_paths=[str(font_folder())],
            ignore_system_fonts=True,
            sys_inputs={
                "data": _drawable(json.dumps(data, ensure_ascii=False, sort_keys=True, default=_plain))
            },
            **options,
        )
    except (RuntimeError, typst.TypstError) as error:
        message = f"{template.name}: {error}"
        raise NotRendered(message) from error
    return [bytes(page) for page in made] if isinstance(made, list) else [bytes(made)]


def _drawable(text: str) -> str:
    missing = {char for char in set(text) if ord(char) >= _FIRST_IDEOGRAPH and not _is_drawn(char)}
    for char in missing:
        text = text.replace(char, f"〔U+{ord(char):04X}〕")
    return text


@lru_cache(maxsize=20_000)
def _is_drawn(char: str) -> bool:
    """Whether the font has a picture of its own for it."""
    return _picture(char) != _empty_box()


def _picture(char: str) -> bytes:
    return bytes(_font().getmask(char))


@cache
def _empty_box() -> bytes:
    return _picture(_NO_CHARACTER)


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_folder() / "NotoSansSC-Regular.ttf"), 16)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    message = f"{type(value).__name__} is not JSON"
    raise TypeError(message)
