"""Paths from one pass are those of the whole tree, for every size and every choice."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.tlog.paths import Paths
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import Tree, empty_root, leaf_hash


def other_hash(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


@given(size=st.integers(1, 70), data=st.data())
def test_paths_and_root_are_the_trees(size: int, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, size - 1)))
    tree, paths = Tree(other_hash), Paths(chosen, size, other_hash)
    for number in range(size):
        hashed = leaf_hash(b"%d" % number, other_hash)
        tree.append(hashed)
        paths.append(hashed)
        assert paths.size == number + 1
        assert paths.root() == tree.root()
    for index in chosen:
        path = paths.path(index)
        assert path == tree.inclusion_proof(index)
        verify_inclusion(paths.leaf(index), index, size, path, tree.root(), other_hash)


def test_memory_is_that_of_the_chosen_paths() -> None:
    size, paths = 4096, Paths([0, 4095], 4096)
    for number in range(size):
        paths.append(leaf_hash(b"%d" % number))
    assert len(paths._kept) <= 2 * 13


def test_refuses_what_is_not_there() -> None:
    for index in (-1, 3):
        with pytest.raises(InputInvalidError):
            Paths([index], 3)
    paths = Paths([1], 3)
    assert paths.root() == empty_root()
    paths.append(leaf_hash(b"0"))
    with pytest.raises(InputInvalidError):  # not complete
        paths.path(1)
    for number in (1, 2):
        paths.append(leaf_hash(b"%d" % number))
    with pytest.raises(InputInvalidError):  # not chosen
        paths.leaf(0)
    assert paths.leaf(1) == leaf_hash(b"1")
    paths.append(leaf_hash(b"3"))
    with pytest.raises(InputInvalidError):  # too many
        paths.path(1)
