"""Numbered blank forms as PDF: Chinese with English beside it, application in front, record behind."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reelwarden_common.pdf import render_pdf

_TEMPLATE = Path(__file__).parent / "forms" / "paper.typ"


def blank_forms_pdf(school: str, numbers: Sequence[str], days: int, moment: datetime) -> bytes:
    """Two pages for each number, to be printed on both sides of one sheet.

    Args:
        school: Its name, as the heading.
        numbers: As `name_of` makes them.
        days: Within how many a filled sheet is entered.
        moment: When they were printed.
    """
    title = f"{numbers[0]} – {numbers[-1]}"
    data = {"school": school, "numbers": list(numbers), "days": days, "title": title}
    return render_pdf(_TEMPLATE, data, moment=moment)
