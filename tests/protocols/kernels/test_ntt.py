"""Transforms modulo primes: polynomials of whole numbers, the twins, and SEAL's own words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import ntt
from unseen.protocols.kernels.ntt import Implementation

ALL = ntt.implementations()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
PRIMES = 1152921504606830593, 1125899906629633, 1073692673, 114689  # 1 modulo 2^14; one small
LARGEST = 2305843009213689601


def numbers(seed: int, degree: int, prime: int) -> Any:
    chance = np.random.default_rng(seed)
    found = chance.integers(0, prime, degree, dtype=np.uint64)
    ends = chance.random(degree) < 0.3
    found[ends] = chance.choice(np.array([0, 1, prime - 1, prime // 2], np.uint64), int(ends.sum()))
    return found


@each
@settings(max_examples=30, deadline=None)
@given(
    bits=st.integers(1, 8),
    prime=st.sampled_from([*PRIMES, LARGEST]),
    seeds=st.tuples(st.integers(0, 2**32), st.integers(0, 2**32)),
)
def test_products_of_transforms_are_products_of_polynomials(
    one: Implementation, bits: int, prime: int, seeds: tuple[int, int]
) -> None:
    degree = min(1 << bits, 64 if prime == LARGEST else 256)
    left, right = (numbers(seed, degree, prime) for seed in seeds)
    both = [ntt.transformed(one, row, prime).astype(object) for row in (left, right)]
    values = (both[0] * both[1] % prime).astype(np.uint64)
    full = np.convolve(left.astype(object), right.astype(object))
    full = np.concatenate([full, np.zeros(1, object)])
    wanted = (full[:degree] - full[degree:]) % prime
    assert ntt.transformed(one, values, prime, back=True).tolist() == wanted.tolist()


@pytest.mark.parametrize("degree", [2, 4, 1024, 8192])
@pytest.mark.parametrize("prime", PRIMES)
def test_twins_agree_and_undo_each_other(degree: int, prime: int) -> None:
    row = numbers(degree, degree, prime)
    there = {ntt.transformed(one, row, prime).tobytes() for one in ALL}
    assert len(there) == 1
    there_row = np.frombuffer(there.pop(), np.uint64)
    assert there_row.max() < prime
    back = {ntt.transformed(one, there_row, prime, back=True).tobytes() for one in ALL}
    assert back == {row.tobytes()}


def test_rows_are_taken_each_under_its_prime() -> None:
    words = np.stack([[numbers(i, 16, prime) for prime in PRIMES] for i in range(3)])
    there = ntt.forward(words, PRIMES)
    assert (there[1, 2] == ntt.transformed(ALL[-1], words[1, 2], PRIMES[2])).all()
    assert (ntt.inverse(there, PRIMES) == words).all()


@each
def test_known_answers_hold(one: Implementation) -> None:
    ntt.check_known_answers(one)


def test_a_wrong_implementation_is_refused() -> None:
    broken = ALL[-1]._replace(name="broken", inverse=lambda *_: None)
    with pytest.raises(KernelFaultError, match="broken"):
        ntt.check_known_answers(broken)


@pytest.mark.parametrize(
    ("degree", "prime"),
    [(3, 114689), (1, 114689), (1 << 18, 114689), (16, 97 * 2**60 + 1), (64, 97)],
)
def test_rings_without_a_root_are_refused(degree: int, prime: int) -> None:
    with pytest.raises(InputInvalidError):
        ntt.tables(degree, prime)


BAD: dict[str, Any] = {
    "signs": np.zeros((1, 16), np.int64),
    "rows": np.zeros((2, 16), np.uint64),
    "no rows": np.zeros(16, np.uint64),
    "nothing": np.zeros((1, 0), np.uint64),
    "too large": np.full((1, 16), 114689, np.uint64),
    "no power": np.zeros((1, 12), np.uint64),
}


@pytest.mark.parametrize("what", BAD)
def test_other_words_are_refused(what: str) -> None:
    for transform in (ntt.forward, ntt.inverse):
        with pytest.raises(InputInvalidError):
            transform(BAD[what], (114689,))
