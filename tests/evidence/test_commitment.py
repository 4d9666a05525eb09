"""Commitments: the formula, a second implementation of the tree, and what a nonce must be."""

import hashlib
from typing import Any

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence.commitment import commit, parts_root
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError

NONCE = bytes(range(32))
parts_lists = st.lists(st.binary(max_size=40), min_size=1, max_size=9)


@given(parts_lists)
def test_root_equals_a_second_implementation(parts: list[bytes]) -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for part in parts:
        tree.append_entry(part)
    assert parts_root(INTL, parts) == tree.get_root()


def test_commitment_is_the_hash_of_prefix_nonce_and_root(suite: Any) -> None:
    # RFC 6962 section 2.1 for three leaves, written out.
    a, b, c = (suite.digest(b"\0" + part) for part in (b"a", b"b", b"c"))
    root = suite.digest(b"\1" + suite.digest(b"\1" + a + b) + c)
    assert parts_root(suite, [b"a", b"b", b"c"]) == root
    expected = suite.digest(b"unseen/commit/v1\0" + NONCE + root)
    assert commit(suite, NONCE, [b"a", b"b", b"c"]) == expected


def test_one_part_is_its_leaf_hash() -> None:
    assert parts_root(INTL, [b"a"]) == hashlib.sha256(b"\0a").digest()


@given(parts_lists, parts_lists)
def test_different_parts_give_different_commitments(one: list[bytes], other: list[bytes]) -> None:
    assert (commit(INTL, NONCE, one) == commit(INTL, NONCE, other)) == (one == other)


def test_another_nonce_gives_another_commitment(suite: Any) -> None:
    assert commit(suite, NONCE, [b"a"]) != commit(suite, bytes(32), [b"a"])


@pytest.mark.parametrize(("nonce", "parts"), [(b"", [b"a"]), (bytes(31), [b"a"]), (NONCE, [])])
def test_refuses_a_short_nonce_and_no_parts(suite: Any, nonce: bytes, parts: list[bytes]) -> None:
    with pytest.raises(InputInvalidError):
        commit(suite, nonce, parts)
