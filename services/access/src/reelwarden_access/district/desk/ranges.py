"""HTTP range requests (RFC 9110, section 14): a player asks for the bytes that it needs."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


AT_MOST = 4 * 1024 * 1024
"""Bytes an answer: players ask on by themselves, and so a viewing that is stopped stops at once."""


@dataclass(frozen=True)
class Span:
    """Bytes `first` to `last`, both included; `partial` if a range was asked for."""

    first: int
    last: int
    partial: bool

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


def parse_range(header: str | None, size: int) -> Span | None:
    """What a `Range` header asks for; None if it lies outside the file.

    Several ranges in one request, or another unit, are answered with the whole file, as the standard allows.
    """
    match = _ONE_RANGE.match((header or "").strip())
    if match is None or match.group(0) == "bytes=-":
        return Span(0, size - 1, partial=False)
    first, last = match.groups()
    if not first:
        wanted = min(int(last), size)
        return Span(size - wanted, size - 1, partial=True) if wanted else None
    end = min(int(last) if last else size, size - 1, int(first) + AT_MOST - 1)
    return Span(int(first), end, partial=True) if int(first) <= end else None
