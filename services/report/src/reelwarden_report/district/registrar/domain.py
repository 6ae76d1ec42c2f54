"""What the registrar answers about an application, footage or a person: entries, each with its proof."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelwarden_common.events.report import CustodyAnswer, CustodyEntry, EarlierCheckpoint
from reelwarden_report.custody import merkle
from reelwarden_report.custody.merkle import Node, Range
from reelwarden_report.custody.proofs import InclusionProof, encoded

MOST_ENTRIES, MOST_CHARACTERS = 300, 500_000
"""An answer must stay below the bus's 1 MB."""


@dataclass(frozen=True)
class Earlier:
    """A checkpoint before the newest one: that both sides signed, or that a time-stamp authority saw."""

    size: int
    note: str
    cosigner: str = ""
    stamp: bytes = b""


@dataclass(frozen=True)
class Covered:
    """Entries of one log, the newest checkpoint, which covers all of them, and earlier ones."""

    entries: Sequence[tuple[int, str]]
    size: int
    note: str
    key: str
    countersigned: Earlier | None = None
    stamped: Earlier | None = None

    @property
    def told(self) -> Sequence[tuple[int, str]]:
        """The newest of the entries, as many as an answer has room for; the first always."""
        room, found = MOST_CHARACTERS, list(self.entries[-MOST_ENTRIES:])
        for place in range(len(found) - 1, -1, -1):
            room -= len(found[place][1]) + 2 * len(self.note) + _PROOF
            if room < 0:
                return found[min(place + 1, len(found) - 1) :]
        return found

    @property
    def ranges(self) -> list[Range]:
        """What must be read to prove them."""
        found = [span for index, _ in self.told for span in merkle.inclusion(index, self.size)]
        for one in (self.countersigned, self.stamped):
            found += merkle.consistency(one.size, self.size) if one else []
        return found


_PROOF = 2000
"""Characters that an entry takes beside its text and the checkpoint, at most."""


def answer(covered: Covered, nodes: Mapping[Node, bytes]) -> CustodyAnswer:
    """The entries with their proofs against the checkpoint, and what shows that it continues earlier ones."""

    def proof(index: int) -> str:
        hashes = merkle.prove(merkle.inclusion(index, covered.size), nodes)
        return InclusionProof(index, tuple(hashes), covered.note).text

    def earlier(one: Earlier | None) -> EarlierCheckpoint | None:
        if one is None:
            return None
        hashes = encoded(merkle.prove(merkle.consistency(one.size, covered.size), nodes))
        return EarlierCheckpoint(size=one.size, note=one.note, consistency=hashes)

    told = covered.told
    return CustodyAnswer(
        entries=tuple(CustodyEntry(index=index, entry=text, proof=proof(index)) for index, text in told),
        more=len(told) < len(covered.entries),
        checkpoint=covered.note,
        size=covered.size,
        key=covered.key,
        witness_key=covered.countersigned.cosigner if covered.countersigned else "",
        countersigned=earlier(covered.countersigned),
        stamped=earlier(covered.stamped),
        stamp=base64.b64encode(covered.stamped.stamp).decode() if covered.stamped else "",
    )
