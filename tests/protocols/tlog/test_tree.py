"""RFC 6962 trees: reference vectors, two oracles, and proofs that must not verify."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, ProofInvalidError
from unseen.protocols.testing import check_tree
from unseen.protocols.tlog.proofs import verify_consistency, verify_inclusion
from unseen.protocols.tlog.tree import (
    Frontier,
    Hash,
    Tree,
    empty_root,
    leaf_hash,
    node_hash,
    sha256,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/tlog/tree_rfc6962.json").read_text())
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in VECTORS["entries"]]


def sha3(data: bytes) -> bytes:
    return hashlib.sha3_512(data).digest()


def tree_of(count: int, hash: Hash = sha256) -> Tree:  # noqa: A002
    tree = Tree(hash)
    for index in range(count):
        tree.append(leaf_hash(b"%d" % index, hash))
    return tree


def unhex(items: list[str]) -> list[bytes]:
    return [bytes.fromhex(item) for item in items]


REFERENCE = Tree()
for reference_leaf in LEAVES:
    REFERENCE.append(reference_leaf)


@pytest.mark.parametrize("size", range(9))
def test_roots_match_the_reference(size: int) -> None:
    assert REFERENCE.root(size) == ROOTS[size]
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert frontier.root() == ROOTS[size]
    assert frontier.size == size


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda c: f"{c['index']}-{c['size']}")
def test_inclusion_proofs_match_the_reference(case: dict[str, Any]) -> None:
    index, size, proof = case["index"], case["size"], unhex(case["proof"])
    assert REFERENCE.inclusion_proof(index, size) == proof
    verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda c: f"{c['old']}-{c['new']}")
def test_consistency_proofs_match_the_reference(case: dict[str, Any]) -> None:
    old, new, proof = case["old"], case["new"], unhex(case["proof"])
    assert REFERENCE.consistency_proof(old, new) == proof
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    assert empty_root() == Tree().root() == Frontier().root() == ROOTS[0]
    assert empty_root(sha3) == Tree(sha3).root() == Frontier(sha3).root() == sha3(b"")


@pytest.mark.parametrize("hash_function", [sha256, sha3], ids=["sha256", "sha3-512"])
def test_conformance_over_two_hashes(hash_function: Hash) -> None:
    check_tree([b"%d" % index for index in range(18)], hash_function)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"")
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(merkle_root(leaves[:split]), merkle_root(leaves[split:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), merkle_root(leaves[split:])]
    return [*path(index - split, leaves[split:]), merkle_root(leaves[:split])]


def subproof(old: int, leaves: Sequence[bytes], known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if old == len(leaves):
        return [] if known else [merkle_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*subproof(old, leaves[:split], known), merkle_root(leaves[split:])]
    return [*subproof(old - split, leaves[split:], known=False), merkle_root(leaves[:split])]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_the_definitions_of_the_rfc(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 80))
    tree, leaves = tree_of(80), [leaf_hash(b"%d" % index) for index in range(size)]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root(size) == merkle_root(leaves)
    assert tree.leaf(index) == leaves[index]
    assert tree.inclusion_proof(index, size) == path(index, leaves)
    assert tree.consistency_proof(old, size) == subproof(old, leaves, known=True)


def test_agrees_with_pymerkle() -> None:
    tree, other = Tree(), pymerkle.InmemoryTree(algorithm="sha256")
    for index in range(65):
        tree.append(leaf_hash(b"%d" % index))
        other.append_entry(b"%d" % index)
    for size in (1, 2, 3, 7, 8, 33, 64, 65):
        assert tree.root(size) == other.get_root(size)
        for index in range(size):
            theirs = unhex(other.prove_inclusion(index + 1, size).serialize()["path"])
            ours = tree.inclusion_proof(index, size)
            # pymerkle lists a path from left to right, with the leaf itself in its place.
            assert sorted(theirs) == sorted([*ours, tree.leaf(index)])
        for old in range(1, size):
            # Its consistency proofs split the old tree further; its roots must fit ours.
            verify_consistency(
                old,
                other.get_root(old),
                size,
                other.get_root(size),
                tree.consistency_proof(old, size),
            )


def test_random_proofs_of_a_larger_tree() -> None:
    rng = random.Random(6962)
    tree = tree_of(5000)
    for _ in range(400):
        size = rng.randint(1, 5000)
        index, old = rng.randrange(size), rng.randint(0, size)
        root = tree.root(size)
        proof = tree.inclusion_proof(index, size)
        assert len(proof) <= (size - 1).bit_length()
        verify_inclusion(tree.leaf(index), index, size, proof, root)
        verify_consistency(old, tree.root(old), size, root, tree.consistency_proof(old, size))


def test_memory_is_two_hashes_a_leaf() -> None:
    tree = tree_of(1024)
    assert sum(len(level) for level in tree._levels) == (2 * 1024 - 1) * 32


def test_bent_inclusion_proofs() -> None:
    tree = tree_of(23)
    root = tree.root()
    for index in range(23):
        leaf, proof = tree.leaf(index), tree.inclusion_proof(index)
        wrong: list[tuple[bytes, int, int, list[bytes], bytes]] = [
            (leaf_hash(b"other"), index, 23, proof, root),
            (leaf, (index + 1) % 23, 23, proof, root),
            (leaf, index, 23, proof[:-1], root),
            (leaf, index, 23, proof[1:], root),
            (leaf, index, 23, [*proof, root], root),
            (leaf, index, 23, proof[::-1], root),
            (leaf, index, 23, proof, tree.root(22)),
            (leaf, index, 64, proof, root),
            (leaf, -1, 23, proof, root),
            (leaf, 23, 23, proof, root),
            (leaf, index, 0, proof, root),
            (leaf[:31], index, 23, proof, root),
            (leaf, index, 23, [proof[0] + b"\x00", *proof[1:]], root),
            (leaf, index, 23, proof, root + b"\x00"),
        ]
        for case in wrong:
            with pytest.raises(ProofInvalidError):
                verify_inclusion(*case)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    tree = tree_of(4)
    node = node_hash(tree.leaf(0), tree.leaf(1))
    with pytest.raises(ProofInvalidError):
        verify_inclusion(node, 0, 4, tree.inclusion_proof(0)[1:], tree.root())
    assert leaf_hash(tree.leaf(0) + tree.leaf(1)) != node


def test_a_boundary_between_two_hashes_cannot_be_moved() -> None:
    first, second = LEAVES[:2]
    with pytest.raises(ProofInvalidError):
        verify_inclusion(first[:31], 0, 2, [first[31:] + second], ROOTS[2])
    with pytest.raises(ProofInvalidError):
        verify_consistency(1, first[:31], 2, ROOTS[2], [first[31:] + second])


def test_a_proof_does_not_hold_for_a_tree_of_another_size() -> None:
    with pytest.raises(ProofInvalidError):
        verify_inclusion(LEAVES[1], 0, 1, [LEAVES[0]], ROOTS[2])
    with pytest.raises(ProofInvalidError):
        verify_inclusion(LEAVES[0], 0, 4, [LEAVES[1]], ROOTS[2])
    with pytest.raises(ProofInvalidError):
        verify_consistency(1, ROOTS[1], 4, ROOTS[2], [LEAVES[1]])
    # What ties 7 leaves to 8 would tie 3 to 4, if the node above both were read as well.
    with pytest.raises(ProofInvalidError):
        verify_consistency(3, ROOTS[7], 4, ROOTS[8], REFERENCE.consistency_proof(7, 8))


def test_bent_consistency_proofs() -> None:
    tree = tree_of(23)
    for old in range(1, 23):
        first, last, proof = tree.root(old), tree.root(), tree.consistency_proof(old)
        wrong: list[tuple[int, bytes, int, bytes, list[bytes]]] = [
            (old, tree.root(old - 1), 23, last, proof),
            (old, first, 23, tree.root(22), proof),
            (old, last, 23, last, proof),
            (old, first, 23, last, proof[:-1]),
            (old, first, 23, last, proof[1:]),
            (old, first, 23, last, [*proof, last]),
            (old, first, 23, last, []),
            (old + 1, first, 23, last, proof),
            (23, first, old, last, proof),
            (-1, first, 23, last, proof),
            (old, first[:31], 23, last, proof),
            (old, first, 23, last, [proof[0][:31], *proof[1:]]),
        ]
        for case in wrong:
            with pytest.raises(ProofInvalidError):
                verify_consistency(*case)


def test_consistency_from_nothing_and_to_itself() -> None:
    tree = tree_of(5)
    empty, root = empty_root(), tree.root()
    verify_consistency(0, empty, 5, root, [])
    verify_consistency(5, root, 5, root, [])
    verify_consistency(0, empty, 0, empty, [])
    wrong: list[tuple[int, bytes, int, bytes, list[bytes]]] = [
        (0, root, 5, root, []),
        (0, empty, 5, root, [root]),
        (0, empty, 0, root, []),
        (5, tree.root(4), 5, root, []),
        (5, root, 5, root, [root]),
    ]
    for case in wrong:
        with pytest.raises(ProofInvalidError):
            verify_consistency(*case)


def test_a_fork_has_no_consistency_proof() -> None:
    honest, forked = tree_of(9), tree_of(6)
    for index in range(6, 12):
        forked.append(leaf_hash(b"forked %d" % index))
    with pytest.raises(ProofInvalidError):
        verify_consistency(9, honest.root(), 12, forked.root(), forked.consistency_proof(9, 12))


def test_sizes_and_indices_out_of_range() -> None:
    tree = tree_of(3)
    calls: list[Callable[[], object]] = [
        lambda: tree.root(4),
        lambda: tree.root(-1),
        lambda: tree.leaf(3),
        lambda: tree.leaf(-1),
        lambda: tree.inclusion_proof(3),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(2, 2),
        lambda: tree.inclusion_proof(0, 4),
        lambda: tree.consistency_proof(4),
        lambda: tree.consistency_proof(-1),
        lambda: tree.consistency_proof(3, 2),
        lambda: tree.consistency_proof(1, 4),
    ]
    for call in calls:
        with pytest.raises(InputInvalidError):
            call()


@pytest.mark.parametrize("grower", [Tree(), Frontier()], ids=["tree", "frontier"])
def test_leaf_hashes_of_another_length_are_refused(grower: Tree | Frontier) -> None:
    for size in (0, 31, 33, 64):
        with pytest.raises(InputInvalidError):
            grower.append(bytes(size))
    assert grower.size == 0
