"""Weighted sums of residues: whole numbers on every implementation, the twins, ends of ranges."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import residues
from unseen.protocols.kernels.residues import Implementation

ALL = residues.implementations()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
PRIMES = 2305843009213689601, 1125899906629633, 97
magnitudes = st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**127]) | st.integers(0, 2**40)


def parts_of(seed: int, count: int, width: int) -> list[Any]:
    chance = np.random.default_rng(seed)
    found = chance.integers(0, 2**64, (count, len(PRIMES), width), dtype=np.uint64)
    ends = chance.random(found.shape) < 0.2
    some = np.array([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1], np.uint64)
    found[ends] = chance.choice(some, int(ends.sum()))
    return list(found)


def expected(parts: list[Any], weights: list[int]) -> list[list[int]]:
    total = sum(part.astype(object) * weight for part, weight in zip(parts, weights, strict=True))
    return [[int(word) % prime for word in row] for row, prime in zip(total, PRIMES, strict=True)]


@each
@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.tuples(magnitudes, st.booleans()), min_size=1, max_size=12),
    width=st.integers(1, 80),
    seed=st.integers(0, 2**32),
)
def test_sums_are_those_of_whole_numbers(
    one: Implementation, weights: list[tuple[int, bool]], width: int, seed: int
) -> None:
    signed = [-size if below else size for size, below in weights]
    parts = parts_of(seed, len(signed), width)
    found = residues.weighted_by(one, parts, signed, PRIMES)
    assert found.tolist() == expected(parts, signed)
    bits = max(map(abs, signed)).bit_length() + seed % 40 + 1
    found = residues.weighted_by(one, parts, signed, PRIMES, bits)
    assert found.tolist() == expected(parts, signed)


def test_what_is_computed_depends_on_no_weight_within_its_bound() -> None:
    parts, calls = parts_of(5, 6, 40), []

    def sums(given: Any, weights: Any) -> Any:
        calls.append((len(given), sum(weights) < 2**32))
        return ALL[-1].sums(given, weights)

    def scale(words: Any, *given: int) -> None:
        calls.append((words.shape, given))
        ALL[-1].scale(words, *given)

    seen = []
    watched = Implementation("watched", sums, scale)
    for weights in ([0] * 6, [1, -1, 2, -2, 3, -3], [2**40 - 1] * 6, [1 - 2**40] * 6):
        calls.clear()
        found = residues.weighted_by(watched, parts, weights, PRIMES, 40)
        assert found.tolist() == expected(parts, weights)
        seen.append(list(calls))
    assert all(each == seen[0] for each in seen)
    with pytest.raises(InputInvalidError, match="beyond its bound"):
        residues.weighted(parts, [0, 0, 0, 0, 0, 2**40], PRIMES, 40)


def test_twins_agree_over_many_parts_that_no_half_word_holds() -> None:
    parts = parts_of(1, 300, 100)
    weights = [(-1) ** i * (2**32 - 1 - i) for i in range(300)]
    found = {residues.weighted_by(one, parts, weights, PRIMES).tobytes() for one in ALL}
    assert len(found) == 1
    assert residues.weighted(parts, weights, PRIMES).tolist() == expected(parts, weights)


def test_words_that_are_not_aligned_or_apart_are_taken_as_they_are() -> None:
    whole = np.stack(parts_of(2, 2, 100))
    shifted = np.frombuffer(b"\0" + whole[0].tobytes(), np.uint64, whole[0].size, 1)
    parts = [shifted.reshape(whole[0].shape)[:, ::2], whole[1][:, ::2]]
    assert residues.weighted(parts, [3, -5], PRIMES).tolist() == expected(parts, [3, -5])


def test_products_with_factors_are_reduced() -> None:
    (part,) = parts_of(3, 1, 90)
    factors = [2**70 + 5, PRIMES[1] - 1, 0]
    wanted = [
        [int(word) * factor % prime for word in row]
        for row, factor, prime in zip(part, factors, PRIMES, strict=True)
    ]
    assert residues.scaled(part, factors, PRIMES).tolist() == wanted
    assert residues.reduced(part, PRIMES).tolist() == expected([part], [1])


@each
def test_known_answers_hold(one: Implementation) -> None:
    residues.check_known_answers(one)


def test_a_wrong_implementation_is_refused() -> None:
    broken = ALL[-1]._replace(name="broken", scale=lambda *_: None)
    with pytest.raises(KernelFaultError, match="broken"):
        residues.check_known_answers(broken)


ROWS = np.zeros((3, 4), np.uint64)
BAD: dict[str, tuple[list[Any], list[int], tuple[int, ...]]] = {
    "nothing": ([], [], PRIMES),
    "a weight too many": ([ROWS], [1, 2], PRIMES),
    "shapes": ([ROWS, ROWS[:, :3]], [1, 2], PRIMES),
    "signs": ([ROWS.astype(np.int64)], [1], PRIMES),
    "primes": ([ROWS], [1], PRIMES[:2]),
    "a long prime": ([ROWS], [1], (*PRIMES[:2], 2**62 + 1)),
    "one": ([ROWS], [1], (*PRIMES[:2], 1)),
    "too many": ([ROWS] * 65_537, [1] * 65_537, PRIMES),
    "a long weight": ([ROWS], [1 << 128], PRIMES),
    "no words": ([ROWS[:, :0]], [1], PRIMES),
}


@pytest.mark.parametrize("what", BAD)
def test_other_parts_are_refused(what: str) -> None:
    with pytest.raises(InputInvalidError):
        residues.weighted(*BAD[what])


def test_factors_are_as_many_as_primes() -> None:
    with pytest.raises(InputInvalidError):
        residues.scaled(ROWS, [1], PRIMES)
