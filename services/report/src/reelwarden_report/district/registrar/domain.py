"""What the registrar answers about an application: entries, each with its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelwarden_common.events.report import CustodyAnswer, CustodyEntry
from reelwarden_report.custody import merkle
from reelwarden_report.custody.merkle import Node, Range
from reelwarden_report.custody.proofs import InclusionProof

MOST_ENTRIES = 300
"""An answer must stay below the bus's 1 MB."""


@dataclass(frozen=True)
class Covered:
    """Entries of one log, and the checkpoint that covers all of them."""

    entries: Sequence[tuple[int, str]]
    size: int
    note: str
    key: str

    @property
    def ranges(self) -> list[Range]:
        """What must be read to prove them."""
        return [span for index, _ in self.entries for span in merkle.inclusion(index, self.size)]


def answer(covered: Covered, nodes: Mapping[Node, bytes]) -> CustodyAnswer:
    """The entries with their proofs against the checkpoint."""

    def proof(index: int) -> str:
        hashes = merkle.prove(merkle.inclusion(index, covered.size), nodes)
        return InclusionProof(index, tuple(hashes), covered.note).text

    return CustodyAnswer(
        entries=tuple(
            CustodyEntry(index=index, entry=text, proof=proof(index)) for index, text in covered.entries
        ),
        checkpoint=covered.note,
        size=covered.size,
        key=covered.key,
    )
