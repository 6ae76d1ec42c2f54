"""The Merkle tree of RFC 6962: append, root, proofs of inclusion and of consistency, and their checks.

Only complete subtrees are stored, each once, so that any root and any proof of any earlier size can be
made from O(log n) of them. All functions are pure: stores read the nodes that `wanted` names.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """The complete subtree over the entries `position << level` to `(position + 1) << level`."""

    level: int
    position: int


class Range(NamedTuple):
    """Entries from `start` (inclusive) to `end` (exclusive)."""

    start: int
    end: int


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry): no leaf can pass for an inner node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over neighbouring complete subtrees of falling size."""
    if not hashes:
        return EMPTY_ROOT
    total = hashes[-1]
    for left in reversed(hashes[:-1]):
        total = node_hash(left, total)
    return total


def nodes_of(span: Range) -> list[Node]:
    """The complete subtrees that make up a range of a tree, from left to right."""
    found, start = [], span.start
    while start < span.end:
        level = (span.end - start).bit_length() - 1
        found.append(Node(level, start >> level))
        start += 1 << level
    return found


@dataclass(frozen=True)
class Frontier:
    """A tree's right edge: all that appending and the root need."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of all entries."""
        return fold(self.peaks)

    def append(self, leaf: bytes) -> tuple[Self, list[tuple[Node, bytes]]]:
        """The tree with one more leaf hash, and the complete subtrees that came to be, the leaf first."""
        grown = [(Node(0, self.size), leaf)]
        peaks, position, level = list(self.peaks), self.size, 0
        while position & 1:
            leaf = node_hash(peaks.pop(), leaf)
            position, level = position >> 1, level + 1
            grown.append((Node(level, position), leaf))
        return type(self)(self.size + 1, (*peaks, leaf)), grown


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion(index: int, size: int) -> list[Range]:
    """The ranges whose hashes prove entry `index` in the tree of `size`, from the leaf upwards.

    Raises:
        ValueError: there is no such entry in that tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a log of {size} entries")
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start = middle
    return found[::-1]


def consistency(old: int, new: int) -> list[Range]:
    """The ranges whose hashes prove that the tree of `new` entries continues the one of `old`.

    Raises:
        ValueError: a log cannot shrink.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a log of {new} entries cannot continue one of {old}")
    if old in (0, new):
        return []
    found, start, end, whole = [], 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start, whole = middle, False
    if not whole:
        found.append(Range(start, end))
    return found[::-1]


def wanted(ranges: Iterable[Range]) -> set[Node]:
    """The stored nodes that the hashes of these ranges are made of."""
    return {node for span in ranges for node in nodes_of(span)}


def prove(ranges: Iterable[Range], nodes: Mapping[Node, bytes]) -> list[bytes]:
    """The hashes of the ranges: a proof.

    Raises:
        KeyError: a node of `wanted(ranges)` is missing.
    """
    return [fold([nodes[node] for node in nodes_of(span)]) for span in ranges]


def includes(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof binds the leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, total = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            total = node_hash(step, total)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            total = node_hash(total, step)
        position, last = position >> 1, last >> 1
    return last == 0 and total == root


def continues(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows the old tree to be the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if old in (0, new):
        return not proof and old_root == (new_root if old else EMPTY_ROOT)
    if old > new or not proof:
        return False
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, step)
        position, last = position >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
