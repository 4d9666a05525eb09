"""GF(2^255 - 19) in limbs: no step overflows, and every step is that of the whole numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.kernels import field25519 as field
from unseen.protocols.kernels.field25519 import BITS, LIMBS, LOOSE, PLACES, TIGHT, WIDE, P


class Most:
    """The largest number that each step can lead to; refuses what 64 bits do not hold."""

    def const(self, value: int) -> int:
        return value

    def add(self, a: int, b: int) -> int:
        return self._held(a + b)

    def sub(self, a: int, b: int) -> int:
        del b  # may be 0
        return a

    def mul(self, a: int, b: int) -> int:
        assert max(a, b) < 2**32
        return a * b

    def shl(self, a: int, bits: int) -> int:
        return self._held(a << bits)

    def shr(self, a: int, bits: int) -> int:
        return a >> bits

    def low(self, a: int, bits: int) -> int:
        return min(a, (1 << bits) - 1)

    def _held(self, value: int) -> int:
        assert value < 2**64
        return value


class Exact(Most):
    """The numbers themselves; a difference below 0 is refused as well."""

    def sub(self, a: int, b: int) -> int:
        assert a >= b
        return a - b

    def low(self, a: int, bits: int) -> int:
        return a & ((1 << bits) - 1)


def within(limbs: list[Any], most: tuple[int, ...]) -> bool:
    return all(limb <= bound for limb, bound in zip(limbs, most, strict=True))


def limbs_up_to(most: tuple[int, ...]) -> st.SearchStrategy[list[int]]:
    return st.tuples(
        *(st.one_of(st.sampled_from([0, 1, bound]), st.integers(0, bound)) for bound in most)
    ).map(list)


def test_products_of_the_largest_limbs_fit_and_are_tight() -> None:
    assert within(field.mul(Most(), WIDE, LOOSE), TIGHT)
    assert within(field.square(Most(), LOOSE), TIGHT)


def test_the_largest_sums_and_differences_are_loose() -> None:
    most = Most()
    assert within(field.add(most, TIGHT, TIGHT), LOOSE)
    assert within(field.sub(most, TIGHT, TIGHT), LOOSE)
    assert within(field.sub(most, TIGHT, field.add(most, TIGHT, TIGHT), 2), WIDE)
    assert within(field.tighten(most, [2**38] * LIMBS), TIGHT)


def test_what_is_subtracted_is_never_more() -> None:
    twice = [field._TWICE[i] for i in range(LIMBS)]
    assert field.value_of(twice) == 2 * P
    assert within(list(TIGHT), tuple(twice))
    assert within(field.add(Most(), TIGHT, TIGHT), tuple(2 * limb for limb in twice))


@given(f=limbs_up_to(WIDE), g=limbs_up_to(LOOSE))
def test_products_are_those_of_the_numbers(f: list[int], g: list[int]) -> None:
    exact = Exact()
    x, y = field.value_of(f), field.value_of(g)
    assert field.value_of(field.mul(exact, f, g)) % P == x * y % P
    assert field.value_of(field.square(exact, g)) % P == y * y % P


@given(a=limbs_up_to(TIGHT), b=limbs_up_to(TIGHT))
def test_sums_are_those_of_the_numbers(a: list[int], b: list[int]) -> None:
    exact = Exact()
    x, y = field.value_of(a), field.value_of(b)
    assert field.value_of(field.add(exact, a, b)) == x + y
    assert field.value_of(field.sub(exact, a, b)) % P == (x - y) % P
    assert field.value_of(field.tighten(exact, field.sub(exact, a, b))) % P == (x - y) % P


@given(a=limbs_up_to(LOOSE))
def test_frozen_numbers_are_the_least(a: list[int]) -> None:
    assert field.freeze(Exact(), a) == list(field.limbs_of(field.value_of(a) % P))


@pytest.mark.parametrize(
    "value", [0, 1, 18, 19, 20, P - 1, P, P + 1, P + 18, 2**255 - 1, 2**254, 2**26 - 1]
)
def test_numbers_round_p_are_frozen(value: int) -> None:
    limbs = field.limbs_of(value)
    assert field.value_of(limbs) == value
    assert field.value_of(field.freeze(Exact(), limbs)) == value % P


def test_limbs_follow_each_other_without_a_gap() -> None:
    ends = [place + bits for place, bits in zip(PLACES, BITS, strict=True)]
    assert ends == [*PLACES[1:], 255]
