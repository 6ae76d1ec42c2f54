"""A written report, ready to be laid out as HTML or PDF."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """A numbered table; `widths` are shares of the line."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    empty: str
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """One day of one camera."""

    shade: str
    """full, most, half, little, none, unknown: a colour, told by the legend too."""
    label: str


@dataclass(frozen=True)
class Heat:
    """One row a camera, one cell a day."""

    title: str
    days: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Bars:
    """One bar a day."""

    title: str
    days: tuple[str, ...]
    heights: tuple[float, ...]
    """From 0 to 1."""
    labels: tuple[str, ...]
    top: str
    """What the full height stands for."""
    tone: str


@dataclass(frozen=True)
class Document:
    """A report ready to be laid out."""

    language: str
    title: str
    number: str
    district: str
    summary: str
    good: bool
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    checkpoints: tuple[tuple[str, str], ...]
    signatures: tuple[str, ...]
    date_label: str
    footer: str
    sentences: tuple[str, ...] = ()
    """A month in five of them."""
    heat: Heat | None = None
    trends: tuple[Bars, ...] = ()
    signed: tuple[str, ...] = ()
    """Who signed it, and who has read it since."""

    def cells(self) -> Iterable[tuple[str, str, str, str]]:
        """Every fact as section, row, column and value, for a table that programs read."""
        for number, sentence in enumerate(self.sentences, 1):
            yield self.title, str(number), "", sentence
        for label, value in self.facts:
            yield self.title, "", label, value
        for row, cells in self.heat.rows if self.heat else ():
            for cell in cells:
                label, _, value = cell.label.rpartition(": ")
                yield self.heat.title if self.heat else "", row, label, value
        for section in self.sections:
            for number, line in enumerate(section.rows, 1):
                for column, value in zip(section.columns, line, strict=True):
                    yield section.title, str(number), column, value
        for label, note in self.checkpoints:
            yield label, "", "", note

    def data(self) -> dict[str, Any]:
        """As JSON for the PDF's template."""
        return asdict(self)


def megabytes(size: int | None) -> str:
    """Bytes for people."""
    if size is None:
        return "—"
    for unit, bytes_ in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size} B"
