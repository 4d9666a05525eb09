"""Whole numbers in coefficients: exact there and back, and through SEAL's encryption."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.he.rings import Engine, api, loaded, saved

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import coefficients, seal
from unseen.protocols.he.seal import Level, Plaintext
from unseen.protocols.kernels import ntt

ENGINE = Engine(1024, [50, 40, 40])
LEVEL = Level(1024, ENGINE.primes[:2])
numbers = st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(given_numbers=numbers, shift=st.integers(0, 30))
def test_numbers_come_back_exactly(given_numbers: list[int], shift: int) -> None:
    words = coefficients.encode(np.array(given_numbers, np.int64), shift, LEVEL)
    found = coefficients.centred(ntt.inverse(words, LEVEL.primes), LEVEL.primes)
    assert found[: len(given_numbers)] == [number << shift for number in given_numbers]
    assert not any(found[len(given_numbers) :])
    scale = Fraction(3 << shift, 2)
    back = coefficients.decode(words, LEVEL, len(given_numbers), scale)
    assert back.tolist() == [float(Fraction(2 * number, 3)) for number in given_numbers]


def test_one_prime_is_decoded_as_several_are() -> None:
    chance = np.random.default_rng(1)
    given_numbers = chance.integers(-(2**40), 2**40, 1024)
    one = Level(1024, LEVEL.primes[:1])
    words = coefficients.encode(given_numbers, 5, one)
    found = coefficients.decode(words, one, 1024, Fraction(32))
    assert (found == given_numbers).all()


def test_seal_decrypts_what_is_encoded_here_up_to_its_noise() -> None:
    chance = np.random.default_rng(4)
    values = coefficients.rounded(chance.uniform(-1, 1, 1024), 20)
    data = seal.write(Plaintext(LEVEL, 2.0**40, coefficients.encode(values, 20, LEVEL)))
    sealed = ENGINE.encryptor.encrypt_symmetric(loaded("Plaintext", ENGINE.context, data))
    opened = api.Plaintext()
    api.Decryptor(ENGINE.context, ENGINE.secret).decrypt(
        loaded("Ciphertext", ENGINE.context, saved(sealed)), opened
    )
    words = seal.read_plaintext(saved(opened), LEVEL).words
    found = coefficients.centred(ntt.inverse(words, LEVEL.primes), LEVEL.primes)
    errors = [number - (int(value) << 20) for number, value in zip(found, values, strict=True)]
    assert 0 < max(map(abs, errors)) <= 21


def test_values_are_rounded_to_the_nearest_of_the_grid() -> None:
    assert coefficients.rounded(np.array([-1.0, 0.49, 0.126, 1.0]), 2).tolist() == [-4, 2, 1, 4]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), 1.0000001, -2.0])
def test_a_value_out_of_bounds_is_told_by_its_place_alone(wrong: float) -> None:
    values = np.zeros(50)
    values[[17, 30]] = wrong
    with pytest.raises(InputInvalidError, match="position 17 is out of its bounds") as raised:
        coefficients.rounded(values, 10)
    assert str(wrong) not in str(raised.value)


@pytest.mark.parametrize(("bits", "high"), [(54, 1.0), (-1, 1.0), (53, 1.0), (40, 1e6)])
def test_a_grid_is_exact(bits: int, high: float) -> None:
    with pytest.raises(InputInvalidError):
        coefficients.rounded(np.zeros(2), bits, -high, high)


HALF = LEVEL.primes[0] * LEVEL.primes[1] // 2
BAD: dict[str, tuple[Any, int]] = {
    "none": (np.zeros(0, np.int64), 0),
    "too many": (np.zeros(1025, np.int64), 0),
    "floats": (np.zeros(2), 0),
    "rows": (np.zeros((2, 2), np.int64), 0),
    "a shift below 0": (np.ones(2, np.int64), -1),
    "half the modulus": (np.ones(2, np.int64), HALF.bit_length()),
    "a lowest number": (np.array([-(2**63)]), 30),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_not_encoded(what: str) -> None:
    with pytest.raises(InputInvalidError):
        coefficients.encode(*BAD[what], LEVEL)


def test_other_words_are_not_decoded() -> None:
    words = np.zeros(LEVEL.shape, np.uint64)
    for count, scale, given_words in (
        (0, Fraction(1), words),
        (1025, Fraction(1), words),
        (1, Fraction(0), words),
        (1, Fraction(1), words[:1]),
    ):
        with pytest.raises(InputInvalidError):
            coefficients.decode(given_words, LEVEL, count, scale)
