"""Proofs as text (c2sp.org/tlog-proof): an entry, where it stands, and the checkpoint that covers it.

Whoever has the entry, the proof and the log's verifier key can check it offline.
"""

import base64
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from reelwarden_report.custody import merkle
from reelwarden_report.custody.notes import BadNote, Checkpoint, VerifierKey, verify

_HEADER = "c2sp.org/tlog-proof@v1"


class BadProof(ValueError):
    """The proof does not show what it claims; the message says what is wrong."""


@dataclass(frozen=True)
class InclusionProof:
    """Entry `index` stands in the log whose signed checkpoint is `note`."""

    index: int
    hashes: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        """Its C2SP text."""
        lines = [_HEADER, f"index {self.index}", *(base64.b64encode(h).decode() for h in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.note

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the C2SP text.

        Raises:
            BadProof: it is none.
        """
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if len(lines) > 1 and lines[1].startswith("extra "):
            del lines[1]
        if not blank or lines[0] != _HEADER or len(lines) < 2 or not lines[1].startswith("index "):  # noqa: PLR2004 - header and index
            raise BadProof("not a c2sp.org/tlog-proof@v1")
        number = lines[1].removeprefix("index ")
        if not number.isdecimal() or str(int(number)) != number:
            raise BadProof(f"{number[:40]!r} is no index")
        try:
            hashes = tuple(base64.b64decode(line, validate=True) for line in lines[2:])
        except (NotBase64, ValueError) as error:
            raise BadProof("a hash is not base64") from error
        return cls(int(number), hashes, note)


def check(entry: str, proof: str, key: VerifierKey) -> Checkpoint:
    """Check offline that `key`'s log holds the entry; returns the checkpoint that covers it.

    Raises:
        BadProof: naming what does not fit: form, signature, origin, or the entry itself.
    """
    parsed = InclusionProof.parse(proof)
    try:
        checkpoint = Checkpoint.parse(verify(parsed.note, key))
    except BadNote as error:
        raise BadProof(f"checkpoint: {error}") from error
    if checkpoint.origin != key.name:
        raise BadProof(f"the checkpoint is of {checkpoint.origin}, not of {key.name}")
    leaf = merkle.leaf_hash(entry.encode())
    if not merkle.includes(parsed.index, checkpoint.size, leaf, parsed.hashes, checkpoint.root):
        raise BadProof("the entry is not what the log holds at that place")
    return checkpoint


def encoded(hashes: Sequence[bytes]) -> tuple[str, ...]:
    """Hashes as base64."""
    return tuple(base64.b64encode(one).decode() for one in hashes)


def decoded(hashes: Sequence[str]) -> list[bytes]:
    """Base64 as hashes.

    Raises:
        BadProof: one is not base64.
    """
    try:
        return [base64.b64decode(one, validate=True) for one in hashes]
    except (NotBase64, ValueError) as error:
        raise BadProof("a hash is not base64") from error
