"""The law of growth: found again where there is one, and not made up where there is none."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.bench.growth import fit

SIZES = [10, 100, 1000, 10_000]


@given(st.floats(1e-9, 1e3), st.floats(-1, 3))
def test_a_law_is_found_again(factor: float, exponent: float) -> None:
    law = fit([(n, factor * n**exponent) for n in SIZES])
    assert law is not None
    assert isclose(law.factor, factor, rel_tol=1e-6)
    assert isclose(law.exponent, exponent, abs_tol=1e-9)
    assert law.error < 1e-9


@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(1e-9, 1e9)), min_size=3, max_size=9))
def test_no_other_line_is_nearer(points: list[tuple[int, float]]) -> None:
    import numpy as np

    law = fit(points)
    if len({n for n, _ in points}) < 3:
        assert law is None
        return
    assert law is not None
    x, y = np.log([n for n, _ in points]), np.log([t for _, t in points])
    slope, start = np.polyfit(x, y, 1)
    left = np.sum((y - start - slope * x) ** 2)
    ours = np.sum((y - np.log(law.factor) - law.exponent * x) ** 2)
    assert ours <= left * (1 + 1e-6) + 1e-9


def test_a_law_by_hand() -> None:
    law = fit([(1, 1), (10, 10), (100, 1000)])
    assert law is not None
    assert law.exponent == pytest.approx(1.5)
    assert law.error == pytest.approx((1 / 6 / 2) ** 0.5)
    assert str(law) == "0.68 n^1.500"


@pytest.mark.parametrize(
    "points",
    [[], [(1, 1.0), (2, 2.0)], [(1, 1.0), (1, 2.0), (2, 3.0)], [(1, 0.0), (2, 1.0), (3, 1.0)]],
)
def test_few_sizes_or_no_time_are_no_law(points: list[tuple[int, float]]) -> None:
    assert fit(points) is None
