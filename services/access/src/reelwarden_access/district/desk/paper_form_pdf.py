"""Numbered blank forms as PDF: Chinese with English beside it, application in front, record behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reelwarden_access.district.desk.forms import checkpoint_in_short
from reelwarden_common.pdf import render_pdf

_TEMPLATE = Path(__file__).parent / "forms" / "paper.typ"


@dataclass(frozen=True)
class Block:
    """Forms that are printed together."""

    school: str
    """Its name, as the heading."""
    numbers: Sequence[str]
    """As `name_of` makes them."""
    days: int
    """Within how many a filled sheet is entered."""
    moment: datetime
    """When they were printed."""
    checkpoint: str = ""
    """The newest custody checkpoint, a signed note; printed short."""


def blank_forms_pdf(block: Block) -> bytes:
    """Two pages for each number, to be printed on both sides of one sheet."""
    data = {
        "school": block.school,
        "numbers": list(block.numbers),
        "days": block.days,
        "title": f"{block.numbers[0]} – {block.numbers[-1]}",
        "checkpoint": checkpoint_in_short(block.checkpoint),
    }
    return render_pdf(_TEMPLATE, data, moment=block.moment)
