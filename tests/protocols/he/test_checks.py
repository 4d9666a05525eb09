"""What is not exactly what a plan expects is refused before SEAL or a kernel sees it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import checks, contexts, seal
from unseen.protocols.he.engine import KeyOwner, Ring
from unseen.protocols.he.parameters import Demand, Parameters, choose

PARAMETERS = choose(
    Demand(
        columns=3,
        grid=10,
        weight_bits=12,
        sum_bits=14,
        reach_bits=25,
        precision_bits=14,
        responses=4,
    )
)
VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/he/contexts_v1.json").read_text(encoding="utf-8")
)
OTHER = choose(replace(PARAMETERS.demand, precision_bits=10))
LEVEL = checks.sent_level(PARAMETERS)


@pytest.fixture(scope="module")
def owner() -> KeyOwner:
    return KeyOwner(Ring(PARAMETERS.degree, PARAMETERS.primes))


def encrypted(owner: KeyOwner, scale: float = checks.SCALE) -> bytes:
    words = np.zeros(LEVEL.shape, np.uint64)
    return owner.encrypt(seal.write(seal.Plaintext(LEVEL, scale, words)))


@pytest.fixture(scope="module")
def sent(owner: KeyOwner) -> bytes:
    return encrypted(owner)


@pytest.fixture(scope="module")
def context(owner: KeyOwner) -> bytes:
    return contexts.write(PARAMETERS, owner.public_key())


def test_what_is_sent_passes(sent: bytes) -> None:
    found = checks.read_sent(sent, PARAMETERS)
    assert len(sent) == checks.sent_bytes(PARAMETERS)
    assert found.words.shape == (1, *LEVEL.shape)
    assert len(found.seed) == 64


def test_a_row_is_sent_in_less_than_a_kilobyte_and_a_half() -> None:
    wide = choose(replace(PARAMETERS.demand, columns=30, sum_bits=18, reach_bits=30))
    assert 30 * checks.sent_bytes(wide) / wide.degree <= 1600


def damaged(sent: bytes, owner: KeyOwner, what: str) -> bytes:
    level = seal.Level(PARAMETERS.degree, PARAMETERS.data_primes[:1])
    unseeded = seal.Ciphertext(LEVEL, 1.0, np.ones((2, *LEVEL.shape), np.uint64))
    words = bytearray(sent)
    words[200:208] = b"\xff" * 8
    foreign = KeyOwner(Ring(OTHER.degree, OTHER.primes))
    there = checks.sent_level(OTHER)
    plain = seal.Plaintext(there, 1.0, np.zeros(there.shape, np.uint64))
    return {
        "nothing": b"",
        "cut off": sent[:-1],
        "a word more": sent + bytes(8),
        "both halves": seal.write(unseeded),
        "another scale": encrypted(owner, 2.0),
        "no scale": sent[:73] + bytes(8) + sent[81:],
        "a word beyond its prime": bytes(words),
        "another ring": foreign.encrypt(seal.write(plain)),
        "a lower level": owner.encrypt(
            seal.write(seal.Plaintext(level, 1.0, np.zeros(level.shape, np.uint64)))
        ),
        "a response": seal.write(
            seal.Ciphertext(checks.back_level(PARAMETERS), 1.0, unseeded.words[:, :1].copy())
        ),
    }[what]


@pytest.mark.parametrize(
    "what",
    [
        "nothing",
        "cut off",
        "a word more",
        "both halves",
        "another scale",
        "no scale",
        "a word beyond its prime",
        "another ring",
        "a lower level",
        "a response",
    ],
)
def test_what_is_something_else_is_refused(sent: bytes, owner: KeyOwner, what: str) -> None:
    assert PARAMETERS.primes != OTHER.primes
    with pytest.raises(MalformedMessageError):
        checks.read_sent(damaged(sent, owner, what), PARAMETERS)


@settings(deadline=None, max_examples=200)
@given(place=st.integers(0, 140), bit=st.integers(0, 7), tail=st.integers(66, 90))
def test_no_bit_of_a_head_can_be_turned(sent: bytes, place: int, bit: int, tail: int) -> None:
    head = len(sent) - 8 * LEVEL.shape[0] * LEVEL.shape[1] - 64 - 17
    for at in (place % head, len(sent) - tail % 17 - 65):
        turned = bytearray(sent)
        turned[at] ^= 1 << bit
        with pytest.raises(MalformedMessageError):
            checks.read_sent(bytes(turned), PARAMETERS)


def test_a_response_has_both_halves_and_one_prime(sent: bytes) -> None:
    level = checks.back_level(PARAMETERS)
    back = seal.write(seal.Ciphertext(level, 1.0, np.ones((2, *level.shape), np.uint64)))
    assert len(back) == checks.back_bytes(PARAMETERS)
    assert checks.read_back(back, PARAMETERS).level.primes == PARAMETERS.primes[:1]
    empty = bytearray(back)
    empty[-8 * PARAMETERS.degree :] = bytes(8 * PARAMETERS.degree)
    for refused in (bytes(empty), back[:-8], sent, back[:73] + b"\x01" + back[74:]):
        with pytest.raises(MalformedMessageError):
            checks.read_back(refused, PARAMETERS)


def test_a_context_holds_its_parameters_and_a_key(context: bytes, owner: KeyOwner) -> None:
    key = contexts.read(context, PARAMETERS)
    assert len(context) == contexts.size(PARAMETERS) < 500_000
    assert context.endswith(key)
    assert len(contexts.digest(context)) == 32
    assert contexts.digest(context) != contexts.digest(
        contexts.write(PARAMETERS, owner.public_key())
    )


def transparent(context: bytes, parameters: Parameters) -> bytes:
    half = 8 * parameters.degree * len(parameters.primes)
    return context[:-half] + bytes(half)


def test_contexts_that_are_not_the_contracts_are_refused(context: bytes) -> None:
    level = seal.Level(PARAMETERS.degree, PARAMETERS.primes)
    half = len(context) - 8 * PARAMETERS.degree * len(PARAMETERS.primes)
    scaled = seal.Ciphertext(level, 4.0, np.ones((2, *level.shape), np.uint64))
    refused = {
        "nothing": b"",
        "cut off": context[:-1],
        "more": context + b"\x00",
        "no mark": b"x" + context[1:],
        "hides nothing": transparent(context, PARAMETERS),
        "hides nothing modulo its first prime": context[:half]
        + bytes(8 * PARAMETERS.degree)
        + context[half + 8 * PARAMETERS.degree :],
        "beyond its prime": context[:-8] + b"\xff" * 8,
        "a scale": contexts.write(PARAMETERS, seal.write(scaled)),
    }
    for data in refused.values():
        with pytest.raises(MalformedMessageError):
            contexts.read(data, PARAMETERS)
    with pytest.raises(MalformedMessageError, match="other parameters"):
        contexts.read(context, replace(PARAMETERS, shift=PARAMETERS.shift - 1))


@pytest.mark.parametrize(
    "change", ["grid", "weight_bits", "sum_bits", "reach_bits", "precision_bits", "responses"]
)
def test_every_number_of_a_plan_is_in_the_bytes(change: str) -> None:
    demand = replace(PARAMETERS.demand, **{change: getattr(PARAMETERS.demand, change) + 1})
    assert replace(PARAMETERS, demand=demand).encoded() != PARAMETERS.encoded()


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['demand']['columns']} columns")
def test_parameters_and_contexts_are_as_they_always_were(case: dict[str, Any]) -> None:
    found = choose(Demand(**case["demand"]))
    wanted = case["parameters"]
    assert (found.degree, found.shift, found.flood_bits, list(found.primes)) == (
        *(wanted["degree"], wanted["shift"], wanted["flood_bits"]),
        wanted["primes"],
    )
    assert found.encoded().hex() == case["encoded"]
    level = seal.Level(found.degree, found.primes)
    words = (np.arange(1, 2 * level.shape[0] * level.shape[1] + 1) % (1 << 16)).astype(np.uint64)
    key = seal.write(seal.Ciphertext(level, 1.0, words.reshape(2, *level.shape)))
    context = contexts.write(found, key)
    assert len(context) == case["context_bytes"] == contexts.size(found)
    assert contexts.digest(context).hex() == case["context_sha256"]
    assert contexts.read(context, found) == key
