"""Products modulo 2^32: whole numbers on every implementation, the twins against each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import matrix
from unseen.protocols.kernels.matrix import Implementation

ALL = matrix.implementations()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 140), st.integers(1, 9))


def numbers(seed: int, height: int, width: int, count: int) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    small = chance.integers(-128, 128, (height, width), dtype=np.int8)
    words = chance.integers(0, 2**32, (count, width), dtype=np.uint32)
    ends = chance.random(words.shape) < 0.2
    words[ends] = chance.choice([0, 2**15 - 1, 2**15, 2**16, 2**31, 2**32 - 1], int(ends.sum()))
    return small, words


def expected(small: Any, words: Any) -> Any:
    exact = words.astype(object) @ small.astype(object).T
    return (exact % 2**32).astype(np.uint32)


@each
@settings(max_examples=40, deadline=None)
@given(size=sizes, seed=st.integers(0, 2**32))
def test_products_are_those_of_whole_numbers(
    one: Implementation, size: tuple[int, int, int], seed: int
) -> None:
    small, words = numbers(seed, *size)
    assert (one.product(small, words) == expected(small, words)).all()
    assert (expected(small, words) == one.dots(words, small).T).all()


@pytest.mark.parametrize("size", [(1, 1, 1), (257, 1056, 33), (520, 2048, 2), (300, 3000, 70)])
def test_twins_agree_over_more_than_a_tile(size: tuple[int, int, int]) -> None:
    small, words = numbers(1, *size)
    assert len({one.product(small, words).tobytes() for one in ALL}) == 1
    assert len({one.dots(words, small).tobytes() for one in ALL}) == 1


def test_part_of_wider_rows_is_multiplied_in_its_place() -> None:
    small, words = numbers(2, 9, 96, 3)
    part = small[2:7, 32:64]
    assert (matrix.product(part, words[:, 32:64]) == expected(part, words[:, 32:64])).all()


def test_the_ends_of_all_ranges_do_not_overflow_on_the_way() -> None:
    small = np.full((8, 1 << 14), -128, np.int8)
    for word in (2**15, 2**31, 2**32 - 1):
        words = np.full((2, 1 << 14), word, np.uint32)
        total = -128 * word * (1 << 14) % 2**32
        for one in ALL:
            assert (one.product(small, words) == total).all()


@each
def test_known_answers_hold(one: Implementation) -> None:
    matrix.check_known_answers(one)


def test_a_wrong_implementation_is_refused() -> None:
    broken = ALL[-1]._replace(name="broken", dots=lambda words, small: words[: len(small)])
    with pytest.raises(KernelFaultError, match="broken"):
        matrix.check_known_answers(broken)


BAD: dict[str, tuple[Any, Any]] = {
    "lengths": (np.zeros((2, 3), np.int8), np.zeros((2, 4), np.uint32)),
    "signs": (np.zeros((2, 4), np.uint8), np.zeros((2, 4), np.uint32)),
    "words": (np.zeros((2, 4), np.int8), np.zeros((2, 4), np.uint64)),
    "one row": (np.zeros(4, np.int8), np.zeros((2, 4), np.uint32)),
    "nothing": (np.zeros((2, 0), np.int8), np.zeros((2, 0), np.uint32)),
    "columns": (np.zeros((4, 2), np.int8).T, np.zeros((2, 4), np.uint32)),
}


@pytest.mark.parametrize("name", BAD)
def test_other_shapes_are_refused(name: str) -> None:
    small, words = BAD[name]
    with pytest.raises(InputInvalidError):
        matrix.product(small, words)
    with pytest.raises(InputInvalidError):
        matrix.dots(words, small)
