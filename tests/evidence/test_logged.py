"""A leaf with its place: read strictly in each format's words, believed under its head alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence.errors import LeafInvalidError, OpeningInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.log import encode_leaf
from unseen.evidence.logged import Headed, Logged
from unseen.evidence.suite import INTL
from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.tree import Tree, leaf_hash

_CHECK = Checker(OpeningInvalidError, "test")


def grown(size: int, index: int) -> tuple[Headed, Checkpoint]:
    """Return leaf `index` of a log of `size` leaves, and the head it is under."""
    leaves: list[dict[str, Any]] = [{"number": number} for number in range(size)]
    tree = Tree(INTL.hash)
    for leaf in leaves:
        tree.append(leaf_hash(encode_leaf(leaf), INTL.hash))
    proof = tuple(tree.inclusion_proof(index))
    found = Headed(leaf=leaves[index], index=index, proof=proof, checkpoint="signed")
    return found, Checkpoint("log", size, tree.root())


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_what_is_written_is_read_again_and_holds(place: tuple[int, int]) -> None:
    found, checkpoint = grown(*place)
    assert Headed.from_json(_CHECK, "at", found.to_json()) == found
    bare = Logged(leaf=found.leaf, index=found.index, proof=found.proof)
    assert Logged.from_json(_CHECK, "at", bare.to_json()) == bare
    assert found.to_json() == bare.to_json() | {"checkpoint": "signed"}
    found.verify(checkpoint, INTL)


@pytest.mark.parametrize(
    "change", [{"index": 2}, {"leaf": {"number": 7}}, {"proof": ()}, {"proof": (bytes(32),) * 3}]
)
def test_another_leaf_place_or_path_is_not_in_the_log(change: dict[str, Any]) -> None:
    found, checkpoint = grown(5, 3)
    with pytest.raises(ProofInvalidError):
        replace(found, **change).verify(checkpoint, INTL)


def test_a_leaf_that_is_too_long_is_none() -> None:
    _, checkpoint = grown(5, 3)
    with pytest.raises(LeafInvalidError):
        Logged(leaf={"text": "a" * 4096}, index=0, proof=()).verify(checkpoint, INTL)


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        ({"leaf": []}, "at.leaf"),
        ({"index": -1}, "at.index"),
        ({"index": True}, "at.index"),
        ({"proof": "AAAA"}, "at.proof"),
        ({"proof": "?"}, "at.proof"),
        ({"proof": 1}, "at.proof"),
        ({"checkpoint": None}, "at.checkpoint"),
        ({"more": 1}, "at"),
    ],
)
def test_what_is_malformed_is_named_in_the_format_s_own_error(
    change: dict[str, Any], clause: str
) -> None:
    with pytest.raises(OpeningInvalidError) as caught:
        Headed.from_json(_CHECK, "at", grown(5, 3)[0].to_json() | change)
    assert caught.value.clause == clause
