"""The sparse Merkle tree: against a second program, frozen vectors, and what a liar may send."""

import dataclasses
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, MalformedMessageError, ProofInvalidError
from unseen.protocols.smt import (
    Builder,
    MemoryStore,
    Shape,
    SparseTree,
    verify_absent,
    verify_present,
)
from unseen.protocols.smt import Path as TreePath

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/smt/sparse_v1.json").read_text())
TREE_ID = bytes(range(32))
SMALL = Shape(TREE_ID, depth=8)
WIDE = Shape(TREE_ID)
indices = st.binary(min_size=1, max_size=1)
values = st.integers(0, 3).map(lambda number: hashlib.sha256(bytes([number])).digest())
small_trees = st.dictionaries(indices, values, max_size=24)


def naive_root(tree_id: bytes, depth: int, leaves: dict[int, bytes], at: int = 0) -> bytes:
    """Return the root as the module's docstring defines it, without any compression."""
    head = tree_id + bytes([at])
    if not leaves:
        return hashlib.sha256(b"\x02" + head).digest()
    if at == depth:
        (index, value), *_ = leaves.items()
        body = index.to_bytes(depth // 8) + value
        return hashlib.sha256(b"\x00" + head + body).digest()
    halves: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
    for index, value in leaves.items():
        halves[index >> (depth - 1 - at) & 1][index] = value
    left, right = (naive_root(tree_id, depth, half, at + 1) for half in halves)
    return hashlib.sha256(b"\x01" + head + left + right).digest()


def naive(tree: dict[bytes, bytes], shape: Shape = SMALL) -> bytes:
    leaves = {int.from_bytes(index): value for index, value in tree.items()}
    return naive_root(shape.tree_id, shape.depth, leaves)


def filled(tree: dict[bytes, bytes], shape: Shape = SMALL) -> SparseTree:
    found = SparseTree(shape, MemoryStore())
    found.update(tree)
    return found


def check(shape: Shape, root: bytes, index: bytes, value: bytes | None, path: TreePath) -> None:
    if value is None:
        verify_absent(shape, root, index, path)
    else:
        verify_present(shape, root, index, value, path)


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda vector: vector["name"])
def test_trees_and_paths_are_what_they_were(vector: dict[str, Any]) -> None:
    shape = Shape(bytes.fromhex(vector["tree_id"]), vector["depth"])
    tree = {bytes.fromhex(i): bytes.fromhex(v) for i, v in vector["leaves"].items()}
    found = filled(tree, shape)
    assert found.root().hex() == vector["root"] == naive(tree, shape).hex()
    for index, path in vector["paths"].items():
        raw = bytes.fromhex(index)
        assert found.path(raw).encode().hex() == path
        decoded = TreePath.decode(bytes.fromhex(path), 32)
        check(shape, found.root(), raw, tree.get(raw), decoded)


@settings(max_examples=200, deadline=None)
@given(small_trees)
def test_the_root_is_the_definition_s(tree: dict[bytes, bytes]) -> None:
    assert filled(tree).root() == naive(tree)


@settings(max_examples=200, deadline=None)
@given(st.lists(small_trees, max_size=5))
def test_the_order_and_grouping_of_updates_do_not_matter(batches: list[dict[bytes, bytes]]) -> None:
    tree, whole = SparseTree(SMALL, MemoryStore()), dict[bytes, bytes]()
    for batch in batches:
        root = tree.update(batch)
        whole |= batch
        assert root == tree.root() == naive(whole)
    for index in whole:
        check(SMALL, tree.root(), index, whole[index], tree.path(index))


@settings(max_examples=100, deadline=None)
@given(small_trees)
def test_a_builder_folds_the_same_tree_and_may_go_on(tree: dict[bytes, bytes]) -> None:
    builder, so_far = Builder(SMALL), dict[bytes, bytes]()
    assert builder.root() == naive({})
    for index in sorted(tree):
        so_far[index] = tree[index]
        builder.add(index, tree[index])
        assert (builder.root(), builder.size) == (naive(so_far), len(so_far))


@settings(max_examples=100, deadline=None)
@given(small_trees, indices)
def test_every_index_has_a_path_and_one_truth(tree: dict[bytes, bytes], index: bytes) -> None:
    found, value = filled(tree), tree.get(index)
    root, path = found.root(), found.path(index)
    assert TreePath.decode(path.encode(), 32) == path
    check(SMALL, root, index, value, path)
    lies: tuple[bytes | None, ...] = (None, hashlib.sha256(b"lie").digest(), *tree.values())
    for lie in lies:
        if lie != value:
            with pytest.raises(ProofInvalidError):
                check(SMALL, root, index, lie, path)


@settings(max_examples=100, deadline=None)
@given(small_trees, indices, st.data())
def test_no_altered_path_is_accepted(
    tree: dict[bytes, bytes], index: bytes, data: st.DataObject
) -> None:
    found, value = filled(tree), tree.get(index)
    path = found.path(index).encode()
    at = data.draw(st.integers(0, len(path) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    altered = path[:at] + bytes([path[at] ^ bit]) + path[at + 1 :]
    with pytest.raises((ProofInvalidError, MalformedMessageError)):
        check(SMALL, found.root(), index, value, TreePath.decode(altered, 32))


def test_a_path_holds_for_one_tree_one_index_and_one_root_alone() -> None:
    tree = {bytes([n]): hashlib.sha256(bytes([n])).digest() for n in (0, 1, 7, 128, 255)}
    found = filled(tree)
    path, root = found.path(b"\x07"), found.root()
    other = dataclasses.replace(SMALL, tree_id=bytes(32))
    for shape, index, at in ((other, b"\x07", root), (SMALL, b"\x06", root)):
        with pytest.raises(ProofInvalidError):
            verify_present(shape, at, index, tree[b"\x07"], path)
    with pytest.raises(ProofInvalidError):
        verify_present(SMALL, bytes(32), b"\x07", tree[b"\x07"], path)


def test_an_empty_sibling_is_told_in_one_way() -> None:
    found = filled({b"\x00": bytes(32)})
    path = found.path(b"\x00")
    assert path.siblings == {}
    padded = TreePath(path.depth, {3: SMALL.empties[4]})
    with pytest.raises(ProofInvalidError):
        verify_present(SMALL, found.root(), b"\x00", bytes(32), padded)


@pytest.mark.parametrize(
    "path",
    [
        TreePath(9, {}),
        TreePath(-1, {}),
        TreePath(8, {8: bytes(32)}),
        TreePath(8, {-1: bytes(32)}),
        TreePath(8, {0: bytes(31)}),
        TreePath(7, {}),
    ],
)
def test_refuses_paths_of_another_form(path: TreePath) -> None:
    root = filled({b"\x00": bytes(32)}).root()
    for value in (None, bytes(32)):
        with pytest.raises(ProofInvalidError):
            check(SMALL, root, b"\x00", value, path)


@pytest.mark.parametrize("data", ["", "00ff", "01", "0180", "0101" + "00" * 31, "09ffff"])
def test_refuses_bytes_that_are_no_path(data: str) -> None:
    with pytest.raises(MalformedMessageError):
        TreePath.decode(bytes.fromhex(data), 32)


def test_absence_shows_no_index_and_no_value_of_a_neighbour() -> None:
    chance = random.Random(5)
    tree = {chance.randbytes(16): chance.randbytes(32) for _ in range(200)}
    found = filled(tree, WIDE)
    missing = chance.randbytes(16)
    path = found.path(missing)
    verify_absent(WIDE, found.root(), missing, path)
    shown = path.encode()
    assert path.depth < 24
    for index, value in tree.items():
        assert index[3:] not in shown
        assert value not in shown
        assert WIDE.leaf(index, value) not in shown


def test_a_lone_leaf_s_neighbour_sees_a_hash_far_above_it() -> None:
    ours, theirs = bytes(16), bytes(15) + b"\x01"
    found = filled({theirs: bytes(32)}, WIDE)
    path = found.path(ours)
    assert path.depth == 128
    verify_absent(WIDE, found.root(), ours, path)
    assert path.siblings == {127: WIDE.leaf(theirs, bytes(32))}


def test_refuses_what_does_not_fit_the_tree() -> None:
    tree = SparseTree(SMALL, MemoryStore())
    assert tree.update({}) == tree.root() == SMALL.empties[0]
    for index, value in ((b"", bytes(32)), (b"ab", bytes(32)), (b"a", bytes(31))):
        with pytest.raises(InputInvalidError):
            tree.update({index: value})
    with pytest.raises(InputInvalidError):
        tree.path(b"ab")
    builder = Builder(SMALL)
    builder.add(b"b", bytes(32))
    for index in (b"b", b"a"):
        with pytest.raises(InputInvalidError):
            builder.add(index, bytes(32))


@pytest.mark.parametrize(("tree_id", "depth"), [(bytes(31), 8), (bytes(32), 7), (bytes(32), 136)])
def test_refuses_a_shape_that_is_none(tree_id: bytes, depth: int) -> None:
    with pytest.raises(InputInvalidError):
        Shape(tree_id, depth)


def test_reads_and_writes_a_store_in_few_groups() -> None:
    class Counting(MemoryStore):
        loads = 0

        def load(self, positions: Any) -> Any:
            type(self).loads += 1
            return super().load(positions)

    chance = random.Random(1)
    tree = SparseTree(WIDE, Counting())
    tree.update({chance.randbytes(16): bytes(32) for _ in range(2000)})
    assert Counting.loads == 0
    tree.update({chance.randbytes(16): bytes(32) for _ in range(500)})
    assert 0 < Counting.loads < 30
