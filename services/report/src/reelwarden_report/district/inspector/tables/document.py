"""A written report, ready to be laid out as HTML or PDF."""

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
