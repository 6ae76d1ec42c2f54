"""What may enter the hub from a school, where a pull goes on, and how fast: rules without I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from reelwarden_common.envelope import MAX_BODY, Malformed, parse_subject

SOURCE = "rw-source"
"""The header by which a message at the hub says which message of which school's stream it was."""
MAX_HEADER_VALUE = 512
MAX_HEADERS = 32
_KEPT = re.compile(r"^(ce-[a-z0-9]{1,32}|traceparent|content-type)$")
_DIGITS = 20


@dataclass(frozen=True)
class Position:
    """How far a school's stream was taken over; `created` tells a stream from one made anew later."""

    created: int
    """Microseconds since 1970."""
    sequence: int

    @classmethod
    def of_source(cls, source: str) -> Self | None:
        """Read it from a source header; None for anything else."""
        parts = source.split(".")
        if len(parts) != len(("school", "stream", "created", "sequence")):
            return None
        created, sequence = parts[2:]
        if not (created.isdecimal() and sequence.isdecimal() and max(len(created), len(sequence)) <= _DIGITS):
            return None
        return cls(int(created), int(sequence))

    def source(self, school: str, stream: str) -> str:
        """Return the one name of the message at this position: header, and key against doubles."""
        return f"{school}.{stream}.{self.created}.{self.sequence}"


@dataclass(frozen=True)
class Origin:
    """What a school's stream says about itself."""

    created: int
    first: int
    last: int


def start_of(origin: Origin, *known: Position | None) -> int:
    """Return the first sequence to pull: behind the latest position known of this very stream.

    A stream that was made anew, or set back behind what was taken from it (a restored disk), starts at its
    beginning: what comes twice is dropped by the inboxes, what is left out would be lost.
    """
    taken = [p.sequence for p in known if p is not None and p.created == origin.created]
    latest = max((sequence for sequence in taken if sequence <= origin.last), default=0)
    if any(sequence > origin.last for sequence in taken):
        latest = 0
    return max(latest + 1, origin.first, 1)


def admitted(
    school: str, allowed: frozenset[str], subject: str, headers: Mapping[str, str] | None, body: bytes
) -> dict[str, str]:
    """Return the headers with which a message may enter the hub: those we know, and nothing else.

    Raises:
        Malformed: it speaks for another school or role, is too large, or has headers that no sender of
            ours writes.
    """
    said_by, _, fact = parse_subject(subject)
    if said_by != school:
        raise Malformed(f"school {school} sent {subject!r}, which speaks for {said_by!r}")
    if subject not in allowed:
        raise Malformed(f"school {school} sent {fact!r} as {subject!r}, which is not its to say here")
    if len(body) > MAX_BODY:
        raise Malformed(f"{subject}: the body has {len(body)} bytes, at most {MAX_BODY} are let in")
    kept = {name: value for name, value in (headers or {}).items() if _KEPT.match(name)}
    if len(kept) > MAX_HEADERS:
        raise Malformed(f"{subject}: {len(kept)} headers, at most {MAX_HEADERS} are let in")
    for name, value in kept.items():
        if len(value) > MAX_HEADER_VALUE or not value.isprintable():
            raise Malformed(f"{subject}: header {name} is too long or not printable")
    return kept


@dataclass(frozen=True)
class Bucket:
    """A token bucket: `rate` a second, up to `burst` at once; what is overdrawn is waited for."""

    rate: float
    burst: float
    tokens: float
    at: float = 0.0
    """Seconds on any clock that never goes back."""

    @classmethod
    def full(cls, rate: float, seconds: float = 1.0) -> Self:
        """Return a bucket that holds what flows in within `seconds`."""
        return cls(rate, rate * seconds, rate * seconds)

    def take(self, cost: float, now: float) -> tuple[Self, float]:
        """Return the bucket after `cost`, and the seconds to wait before going on."""
        filled = min(self.burst, self.tokens + (now - self.at) * self.rate)
        left = filled - cost
        return type(self)(self.rate, self.burst, left, now), max(0.0, -left / self.rate)
