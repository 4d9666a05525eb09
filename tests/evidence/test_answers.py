"""What a node signs of its answers at a hidden table: roots, paths, bounds, and frozen bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW
from tests.evidence.test_manifest import HIDDEN

from unseen.evidence import jws
from unseen.evidence.errors import AnswersInvalidError, SignatureInvalidError
from unseen.evidence.releases import answers
from unseen.evidence.releases.answers import (
    Answers,
    sign_answers,
    tree_of_answer,
    tree_of_hashes,
    tree_of_queries,
    verify_answers,
)
from unseen.evidence.releases.manifest import sign_manifest
from unseen.evidence.suite import INTL
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_hidden_table.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
SHAPE = Shape(blocks=3, width=4096, label_bytes=1)
QUERIES = tuple(bytes([number]) * SHAPE.query_bytes for number in range(2))
ANSWERS = tuple(bytes(range(9, 9 + SHAPE.answer_bytes)) for _ in range(2))


def make(world: Any, **changes: Any) -> Answers:
    roots = [tree_of_answer(world.suite, SHAPE, answer).root() for answer in ANSWERS]
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "contract": world.terms().id(),
        "epoch": 1,
        "manifest": world.manifest(**HIDDEN).id(),
        "request": "0" * 31 + "1",
        "count": 2,
        "queries": tree_of_queries(world.suite, QUERIES).root(),
        "answers": tree_of_hashes(world.suite, roots).root(),
        "time": NOW,
    }
    return Answers(**fields | changes)


def frozen(world: Any) -> dict[str, str]:
    return {
        "manifest_hidden": sign_manifest(world.node, world.manifest(**HIDDEN)),
        "answers": sign_answers(world.node, make(world)),
    }


def test_the_formats_are_what_they_were(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_frozen_answers_verify(world: Any) -> None:
    token = VECTORS[world.suite.id]["answers"]
    assert verify_answers(token, world.suite, world.node.public_key) == make(world)


def test_roots_are_those_of_the_page(intl: Any) -> None:
    """The roots by hand: RFC 6962 over two hashes, and over three parts of 18 bytes."""

    def h(data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    def node(left: bytes, right: bytes) -> bytes:
        return h(b"\x01" + left + right)

    first, second, third = (h(b"\0" + ANSWERS[0][at : at + 18]) for at in (0, 18, 36))
    each = h(b"\0" + node(node(first, second), third))
    queries = (h(b"\0" + h(query)) for query in QUERIES)
    own = make(intl)
    assert own.queries == node(*queries)
    assert own.answers == node(each, each)


def test_an_opening_shows_one_block_of_one_answer(world: Any) -> None:
    suite, answer = world.suite, ANSWERS[1]
    tree = tree_of_answer(suite, SHAPE, answer)
    part = answer[2 * SHAPE.part_bytes : 3 * SHAPE.part_bytes]
    hashed, path = leaf_hash(part, suite.hash), tree.inclusion_proof(2)
    verify_inclusion(hashed, 2, SHAPE.blocks, path, tree.root(), suite.hash)
    roots = [tree_of_answer(suite, SHAPE, each).root() for each in ANSWERS]
    above = tree_of_hashes(suite, roots)
    hashed, path = leaf_hash(tree.root(), suite.hash), above.inclusion_proof(1)
    verify_inclusion(hashed, 1, 2, path, make(world).answers, suite.hash)


@given(place=st.integers(0, SHAPE.answer_bytes - 1), change=st.integers(1, 255))
def test_every_byte_of_an_answer_counts(place: int, change: int) -> None:
    other = bytearray(ANSWERS[0])
    other[place] ^= change
    root = tree_of_answer(INTL, SHAPE, ANSWERS[0]).root()
    assert tree_of_answer(INTL, SHAPE, bytes(other)).root() != root


@pytest.mark.parametrize("size", [0, SHAPE.answer_bytes - 1, SHAPE.answer_bytes + 1])
def test_an_answer_of_another_length_has_no_root(size: int) -> None:
    with pytest.raises(AnswersInvalidError) as caught:
        tree_of_answer(INTL, SHAPE, bytes(size))
    assert caught.value.clause == "answers"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("contract", {"contract": b""}),
        ("epoch", {"epoch": 0}),
        ("manifest", {"manifest": bytes(31)}),
        ("request", {"request": "1"}),
        ("count", {"count": 0}),
        ("count", {"count": 4098}),
        ("count", {"count": True}),
        ("queries", {"queries": b""}),
        ("answers", {"answers": "A" * 43}),
        ("time", {"time": None}),
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(world: Any, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(AnswersInvalidError) as caught:
        make(world, **changes)
    assert caught.value.clause == field


def test_another_signer_type_or_suite_is_refused(world: Any, intl: Any) -> None:
    own = make(world)
    for token in (
        sign_answers(world.buyer, own),
        jws.sign(world.node, "unseen-receipt", own.to_json()),
    ):
        with pytest.raises(SignatureInvalidError):
            verify_answers(token, world.suite, world.node.public_key)
    if world.suite is not intl.suite:
        with pytest.raises(AnswersInvalidError, match="suite"):
            sign_answers(world.node, make(intl))
        token = jws.sign(world.node, answers.TYP, make(intl).to_json())
        with pytest.raises(AnswersInvalidError, match="suite"):
            verify_answers(token, world.suite, world.node.public_key)
