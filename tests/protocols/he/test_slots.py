"""Values in slots: what is encoded comes back, and polynomials multiply as their values do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import slots

DEGREES = st.sampled_from([2, 4, 64, 4096, 1 << 15])


@given(DEGREES, st.integers(0, 2**32), st.data())
@settings(max_examples=40, deadline=None)
def test_values_come_back_as_near_as_is_said(degree: int, seed: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, degree // 2))
    values = np.random.default_rng(seed).uniform(-1, 1, (2, rows))
    values[0, 0], values[1, -1] = 1.0, -1.0
    encoded = slots.encode(values, degree)
    assert encoded.shape == (2, degree)
    assert encoded.dtype == np.int64
    assert np.abs(encoded).max() <= 1 << slots.GRID
    for given_values, row in zip(values, encoded, strict=True):
        found = slots.decode(row / 2.0**slots.GRID, rows)
        assert np.abs(found - given_values).max() <= slots.moved(degree)
        behind = slots.decode(row / 2.0**slots.GRID, degree // 2)[rows:]
        assert np.abs(behind).max(initial=0) <= slots.moved(degree)


def test_the_ends_of_the_range_are_encoded_without_a_step_too_many() -> None:
    for values in (np.ones((1, 32)), -np.ones((1, 32)), np.resize([1.0, -1.0], (1, 32))):
        assert np.abs(slots.encode(values, 64)).max() <= 1 << slots.GRID
    assert slots.encode(np.ones((1, 32)), 64)[0].tolist() == [1 << slots.GRID] + [0] * 63


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_product_of_polynomials_has_the_products_of_values(seed: int) -> None:
    degree = 64
    values = np.random.default_rng(seed).uniform(-1, 1, (2, degree // 2))
    left, right = slots.encode(values, degree).tolist()
    product = [0] * degree
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            sign = 1 if i + j < degree else -1
            product[(i + j) % degree] += sign * a * b
    scaled = np.array([one / (1 << 2 * slots.GRID) for one in product])
    found = slots.decode(scaled, degree // 2)
    assert np.abs(found - values[0] * values[1]).max() < 3 * slots.moved(degree)


@pytest.mark.parametrize(
    "values",
    [
        [[np.nan]],
        [[np.inf]],
        [[1.0000001]],
        [[-1.0000001]],
        [[]],
        [0.5],
        np.zeros((0, 1)),
        np.zeros((1, 33)),
    ],
)
def test_what_is_no_row_is_refused(values: object) -> None:
    with pytest.raises(InputInvalidError):
        slots.encode(np.array(values, np.float64), 64)


def test_the_first_row_that_is_out_of_bounds_is_named_and_its_value_is_not() -> None:
    values = np.zeros((2, 20))
    values[1, 7] = 1.5
    with pytest.raises(InputInvalidError, match="row 7 is out of bounds") as refused:
        slots.encode(values, 64)
    assert "1.5" not in str(refused.value)


@pytest.mark.parametrize("degree", [0, 1, 3, 48, 1 << 16])
def test_other_degrees_are_refused(degree: int) -> None:
    with pytest.raises(InputInvalidError):
        slots.encode(np.zeros((1, 1)), degree)
    with pytest.raises(InputInvalidError):
        slots.decode(np.zeros(degree), 1)
    with pytest.raises(InputInvalidError):
        slots.moved(degree)


@pytest.mark.parametrize("rows", [0, 33])
def test_as_many_values_come_back_as_there_are(rows: int) -> None:
    with pytest.raises(InputInvalidError):
        slots.decode(np.zeros(64), rows)
