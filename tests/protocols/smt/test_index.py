"""A subject's index: verifiably its own, and nobody else's to compute."""

import dataclasses

import pytest

from unseen.protocols.errors import CountMismatchError, PeerError, ProofInvalidError
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.server import Evaluation, evaluate
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.smt.index import ask, index_of
from unseen.protocols.testing import seeded_rng

RNG = seeded_rng(1)
KEY, OTHER = keys.generate(RNG), keys.generate(RNG)


def test_the_asker_and_the_holder_find_the_same_index() -> None:
    asked = ask(b"subject 1", RNG)
    index, proof = asked.finish(KEY.public_key, evaluate(KEY, (asked.element,), Mode.VOPRF, RNG))
    assert index == index_of(KEY, b"subject 1") == proof.verify(KEY.public_key, b"subject 1")
    assert len(index) == 16
    assert index != index_of(OTHER, b"subject 1")


def test_two_questions_about_one_subject_look_unlike() -> None:
    assert ask(b"subject 1", RNG).element != ask(b"subject 1", RNG).element


def test_the_proof_is_for_one_subject_and_one_key() -> None:
    asked = ask(b"subject 1", RNG)
    answer = evaluate(KEY, (asked.element,), Mode.VOPRF, RNG)
    _, proof = asked.finish(KEY.public_key, answer)
    with pytest.raises(ProofInvalidError):
        proof.verify(KEY.public_key, b"subject 2")
    with pytest.raises(ProofInvalidError):
        proof.verify(OTHER.public_key, b"subject 1")
    for field in ("blind", "evaluated", "dleq"):
        value = getattr(proof, field)
        broken = dataclasses.replace(proof, **{field: value[:-1] + bytes([value[-1] ^ 1])})
        with pytest.raises(PeerError):
            broken.verify(KEY.public_key, b"subject 1")


def test_an_answer_under_another_key_or_to_more_is_refused() -> None:
    asked = ask(b"subject 1", RNG)
    with pytest.raises(ProofInvalidError):
        asked.finish(KEY.public_key, evaluate(OTHER, (asked.element,), Mode.VOPRF, RNG))
    with pytest.raises(CountMismatchError):
        asked.finish(KEY.public_key, Evaluation((), b""))


def test_no_repr_shows_the_subject_or_the_blind() -> None:
    asked = ask(b"subject 1", RNG)
    _, proof = asked.finish(KEY.public_key, evaluate(KEY, (asked.element,), Mode.VOPRF, RNG))
    assert "subject 1" not in repr(asked)
    assert repr(proof) == "IndexProof()"
