"""Rows as they are encrypted: exact multiples of the grid, and nothing out of bounds."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.he.models.cases import FEATURES, rows

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models import Feature
from unseen.protocols.he.models.columns import (
    bits_of,
    grid_columns,
    grid_of,
    seen_rows,
    shifts_of,
    whole_rows,
)


def test_rows_are_rounded_to_decimals_and_spread_over_values() -> None:
    found = whole_rows(FEATURES, np.array([[20.04, -0.006, 1.0], [20.06, 9.999, -1.0]]))
    assert found.tolist() == [[200, -1, 0, 1, 0], [201, 1000, 0, 0, 0]]


@given(st.integers(-(10**12), 10**12 - 1), st.data())
def test_what_is_encrypted_is_a_multiple_of_the_grid_from_minus_one_to_one(
    low: int, data: st.DataObject
) -> None:
    high = data.draw(st.integers(low + 1, 10**12))
    number = data.draw(st.integers(low, high))
    columns = (Feature(name="a", low=low, high=high), Feature(name="b", values=("c",)))
    found, one = grid_columns(columns, np.array([[number, 0.0]])), 1 << grid_of(columns)
    assert found.dtype == np.int64
    assert found.shape == (2, 1)
    assert Fraction(int(found[0, 0]), one) == Fraction(number, 1 << shifts_of(columns)[0])
    assert abs(found[0, 0]) <= one
    assert found[1, 0] == one
    # The bound fills more than half of what is there: no bit is wasted.
    assert 2 * max(abs(low), abs(high)) > 1 << bits_of(columns[0])


def test_a_row_that_is_seen_has_its_columns_units() -> None:
    given_rows = rows(50)
    found = seen_rows(FEATURES, given_rows)
    assert np.abs(found[:, 0] - given_rows[:, 0]).max() <= 0.05 + 1e-12
    assert (found[:, 2:].sum(axis=1) == (given_rows[:, 2] >= 0)).all()


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ((np.nan, 0.0, 0.0), "age"),
        ((np.inf, 0.0, 0.0), "age"),
        ((1e308, 0.0, 0.0), "age"),
        ((17.94, 0.0, 0.0), "age"),
        ((90.06, 0.0, 0.0), "age"),
        ((50.0, -10.006, 0.0), "cost"),
        ((50.0, 0.0, 3.0), "ward"),
        ((50.0, 0.0, -2.0), "ward"),
        ((50.0, 0.0, 0.5), "ward"),
        ((50.0, 0.0, np.nan), "ward"),
    ],
)
def test_numbers_out_of_bounds_are_refused_by_column_and_row(
    row: tuple[float, ...], column: str
) -> None:
    with pytest.raises(InputInvalidError) as refused:
        whole_rows(FEATURES, np.concatenate([rows(0), [row]]))
    assert refused.value.clause == "features.bounds"
    # The words are the same whatever the number is.
    reasons = ("is no number", "is out of bounds", "is none of its values")
    assert str(refused.value) in {f"{column} {reason} in row 3" for reason in reasons}


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 4), (1, 2, 3)])
def test_other_columns_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputInvalidError):
        grid_columns(FEATURES, np.zeros(shape))
