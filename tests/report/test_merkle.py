"""The Merkle tree against the definition of RFC 6962, and against changed pasts."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_report.custody import merkle
from reelwarden_report.custody.merkle import Frontier, Node, Range

SIZES = st.integers(min_value=1, max_value=130)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return merkle.node_hash(by_definition(leaves[:middle]), by_definition(leaves[middle:]))


def grown(size: int, changed: int | None = None) -> tuple[list[bytes], list[Frontier], dict[Node, bytes]]:
    leaves = [f"{i}{'!' if i == changed else ''}".encode() for i in range(size)]
    frontiers = [Frontier()]
    nodes: dict[Node, bytes] = {}
    for entry in leaves:
        frontier, new = frontiers[-1].append(merkle.leaf_hash(entry))
        frontiers.append(frontier)
        nodes |= dict(new)
    return leaves, frontiers, nodes


@given(st.integers(min_value=0, max_value=130))
def test_the_root_is_as_defined(size: int) -> None:
    leaves, frontiers, nodes = grown(size)
    assert frontiers[-1].root == by_definition(leaves)
    if size:
        assert merkle.fold([nodes[n] for n in merkle.nodes_of(Range(0, size))]) == by_definition(leaves)


@given(SIZES, st.data())
def test_every_entry_can_be_proven_in_every_later_tree(size: int, data: st.DataObject) -> None:
    leaves, frontiers, nodes = grown(size)
    at = data.draw(st.integers(min_value=1, max_value=size))
    index = data.draw(st.integers(min_value=0, max_value=at - 1))
    ranges = merkle.inclusion(index, at)
    proof = merkle.prove(ranges, {n: nodes[n] for n in merkle.wanted(ranges)})
    leaf, root = merkle.leaf_hash(leaves[index]), frontiers[at].root
    assert merkle.includes(index, at, leaf, proof, root)
    assert not merkle.includes(index, at, merkle.leaf_hash(b"another"), proof, root)
    assert not merkle.includes((index + 1) % at, at, leaf, proof, root) or at == 1
    assert not merkle.includes(index, at, leaf, [*proof, root], root)
    for place in range(len(proof)):
        bent = [*proof[:place], hashlib.sha256(proof[place]).digest(), *proof[place + 1 :]]
        assert not merkle.includes(index, at, leaf, bent, root)


@given(SIZES, st.data())
def test_a_log_that_only_grew_proves_it(size: int, data: st.DataObject) -> None:
    _, frontiers, nodes = grown(size)
    old = data.draw(st.integers(min_value=0, max_value=size))
    proof = merkle.prove(merkle.consistency(old, size), nodes)
    assert merkle.continues(old, size, proof, frontiers[old].root, frontiers[size].root)
    assert not merkle.continues(old, size, [*proof, b"x" * 32], frontiers[old].root, frontiers[size].root)
    if proof:
        assert not merkle.continues(old, size, proof[:-1], frontiers[old].root, frontiers[size].root)


@given(SIZES, st.data())
def test_a_changed_past_has_no_proof(size: int, data: st.DataObject) -> None:
    _, honest, _ = grown(size)
    old = data.draw(st.integers(min_value=1, max_value=size))
    changed = data.draw(st.integers(min_value=0, max_value=old - 1))
    _, forged, forged_nodes = grown(size, changed)
    proof = merkle.prove(merkle.consistency(old, size), forged_nodes)
    assert not merkle.continues(old, size, proof, honest[old].root, forged[size].root)


def test_what_does_not_exist_cannot_be_proven() -> None:
    with pytest.raises(ValueError, match="not in a log of 3"):
        merkle.inclusion(3, 3)
    with pytest.raises(ValueError, match="cannot continue"):
        merkle.consistency(4, 3)
    assert not merkle.includes(5, 3, b"", [], b"")
    assert not merkle.continues(4, 3, [], b"", b"")
