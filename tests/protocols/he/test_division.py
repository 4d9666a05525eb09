"""Division by a prime: SEAL's own words, and the nearest whole number of every coefficient."""

from fractions import Fraction

import numpy as np
import pytest
from tests.protocols.he.rings import Engine, api, loaded, saved

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import coefficients, division, seal
from unseen.protocols.he.seal import Level
from unseen.protocols.kernels import ntt

ENGINE = Engine(1024, [50, 40, 30, 40])
PRIMES = ENGINE.primes[:3]


def test_words_are_divided_as_seal_does() -> None:
    data = ENGINE.encrypted([0.5 + 0.25j] * 512, 2.0**60)
    theirs = loaded("Ciphertext", ENGINE.context, data)
    whole = seal.read_ciphertext(saved(theirs), Level(1024, PRIMES))
    for left in (2, 1):
        ENGINE.evaluator.rescale_to_next_inplace(theirs)
        found = seal.read_ciphertext(saved(theirs), Level(1024, PRIMES[:left]))
        assert (division.divided_to(whole.words, PRIMES, left) == found.words).all()
    assert api.Ciphertext is type(theirs)


def test_coefficients_are_rounded_to_the_nearest() -> None:
    chance = np.random.default_rng(2)
    last = PRIMES[2]
    numbers = chance.integers(-(2**55), 2**55, 1024)
    numbers[:6] = [0, last // 2, last // 2 + 1, -(last // 2), -(last // 2) - 1, -last]
    level = Level(1024, PRIMES)
    words = division.divided(coefficients.encode(numbers, 20, level), PRIMES)
    found = coefficients.centred(ntt.inverse(words, PRIMES[:2]), PRIMES[:2])
    assert found == [round(Fraction(int(number) << 20, last)) for number in numbers]


@pytest.mark.parametrize("left", [0, 4, -1])
def test_one_prime_is_left_at_least(left: int) -> None:
    words = np.zeros((2, 3, 1024), np.uint64)
    with pytest.raises(InputInvalidError):
        division.divided_to(words, PRIMES, left)
    with pytest.raises(InputInvalidError):
        division.divided(words[:, :1], PRIMES[:1])
