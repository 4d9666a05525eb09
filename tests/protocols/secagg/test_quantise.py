"""Rounding at random: unbiased, bounded, within its norm, and strict about what it is given."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import (
    InputInvalidError,
    RingOverflowError,
    UnseenError,
    VectorInvalidError,
)
from unseen.protocols.secagg import Quantiser
from unseen.protocols.secagg.quantise import clip_norm
from unseen.protocols.testing import seeded_rng

RNG = seeded_rng(5)
UNIT = Quantiser(1.0, 16)
reals = st.floats(-1, 1, width=64)


@given(st.lists(reals, max_size=50), st.integers(2, 32))
def test_a_rounding_is_less_than_a_step_away(values: list[float], bits: int) -> None:
    quantiser = Quantiser(1.0, bits)
    found = quantiser.quantise("a", np.array(values), RNG)
    assert abs(found).max(initial=0) <= quantiser.bound
    away = np.abs(found.astype(np.float64) * quantiser.step - np.array(values))
    assert (away < quantiser.step * 1.000001).all()


def test_the_mean_of_roundings_is_the_value() -> None:
    quantiser = Quantiser(10.0, 4)
    values = np.full(200_000, 3.3)
    found = quantiser.restore(quantiser.quantise("a", values, RNG).astype(np.int64))
    # Six standard deviations of the mean.
    assert abs(found.mean() - 3.3) < 6 * quantiser.step / 2 / math.sqrt(200_000)
    assert len(set(found.tolist())) == 2


def test_whole_steps_stay_what_they_are() -> None:
    quantiser = Quantiser(127.0, 8)
    values = np.arange(-127.0, 128.0)
    assert (quantiser.quantise("a", values, RNG) == values).all()


def test_rounding_of_a_long_vector_depends_on_the_key_alone() -> None:
    values = np.full(100_001, 0.123456, np.float32)
    one, two = (UNIT.quantise("a", values, seeded_rng(3)) for _ in range(2))
    assert (one == two).all()
    assert (one != UNIT.quantise("a", values, seeded_rng(4))).any()


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (math.nan, VectorInvalidError, "hospital: not a number at coordinate 40001"),
        (math.inf, VectorInvalidError, "hospital: an infinity at coordinate 40001"),
        (-math.inf, VectorInvalidError, "hospital: an infinity at coordinate 40001"),
        (1.001, RingOverflowError, "hospital: a value over the bound at coordinate 40001"),
        (-1.001, RingOverflowError, "hospital: a value over the bound at coordinate 40001"),
    ],
)
def test_a_bad_value_is_refused_by_party_and_place(
    value: float, kind: type[UnseenError], words: str
) -> None:
    values = np.zeros(50_000)
    values[40_001] = value
    with pytest.raises(kind) as caught:
        UNIT.quantise("hospital", values, RNG)
    assert str(caught.value) == words


@pytest.mark.parametrize("values", [np.zeros(3, np.int64), np.zeros((2, 2))])
def test_what_is_no_vector_of_reals_is_refused(values: Any) -> None:
    with pytest.raises(InputInvalidError):
        UNIT.quantise("a", values, RNG)


@pytest.mark.parametrize(
    ("clip", "bits"), [(0.0, 16), (math.nan, 16), (math.inf, 16), (1.0, 1), (1.0, 33)]
)
def test_a_useless_quantiser_is_refused(clip: float, bits: int) -> None:
    with pytest.raises(InputInvalidError):
        Quantiser(clip, bits)


def test_headroom_is_counted_and_kept() -> None:
    assert UNIT.headroom(10, 32) == 12
    assert Quantiser(1.0, 22).headroom(100, 32) == 3
    with pytest.raises(InputInvalidError, match="2 bits of headroom"):
        Quantiser(1.0, 23).headroom(100, 32)
    assert Quantiser(1.0, 23).headroom(100, 64) > 30


@given(st.lists(reals, min_size=1, max_size=200), st.floats(0.01, 2))
def test_a_rounded_vector_keeps_its_norm_s_bound(values: list[float], norm: float) -> None:
    clipped = clip_norm(np.array(values), norm)
    assert math.sqrt(clipped @ clipped) <= norm * 1.000001
    quantiser = Quantiser(2.0, 12)
    found = quantiser.quantise("a", clipped, RNG, norm * 1.000001).astype(np.float64)
    assert found @ found <= quantiser.norm_bound(norm * 1.000001, len(values))


def test_a_vector_over_its_norm_is_refused() -> None:
    with pytest.raises(InputInvalidError, match="longer"):
        UNIT.quantise("a", np.full(100, 0.9), RNG, 1.0)


@pytest.mark.parametrize("bits", [2, 16, 32])
@pytest.mark.parametrize("clip", [0.1, 1.0, 3e-7, 1e30])
def test_what_lies_at_the_clip_stays_within_the_bound(clip: float, bits: int) -> None:
    quantiser = Quantiser(clip, bits)
    near = np.nextafter(clip, 0)
    values = np.tile(np.array([clip, -clip, near, -near]), 10_000)
    found = quantiser.quantise("one", values, seeded_rng(1))
    assert (int(found.max()), int(found.min())) == (quantiser.bound, -quantiser.bound)
