"""Values of a sum: scaled, moved into their bounds and rounded, each by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence.contracts.intersection import Summed
from unseen.node.data.summed import units_of

CENTS = Summed(column="amount", low=-1_000, high=250_000, decimals=2)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("12.345", 1_235),
        ("12.344", 1_234),
        ("-0.005", -1),
        ("0", 0),
        ("2500", 250_000),
        ("2500.01", 250_000),
        ("1e30", 250_000),
        ("-1e30", -1_000),
        ("-11", -1_000),
        (None, 0),
        ("", 0),
        ("nan", 0),
        ("inf", 0),
        ("-Infinity", 0),
        ("twelve", 0),
    ],
)
def test_a_value_is_the_nearest_one_that_the_contract_allows(text: str | None, units: int) -> None:
    assert units_of(text, CENTS) == units


@given(st.text() | st.floats().map(str) | st.decimals().map(str) | st.integers().map(str))
def test_whatever_stands_there_moves_a_sum_no_further_than_the_noise_hides(text: str) -> None:
    assert abs(units_of(text, CENTS)) <= CENTS.largest
