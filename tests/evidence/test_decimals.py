"""Decimal texts: short, exact, and never a thousand digits for one exponent."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence.decimals import as_written, plain, shortest
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

_CHECK = Checker(ContractInvalidError, "test")


@given(st.integers(0, 10**18 - 1), st.integers(1, 9))
def test_the_shortest_text_says_the_number_as_documents_take_it(value: int, places: int) -> None:
    text = shortest(value, places)
    assert Fraction(text) == Fraction(value, 10**places)
    if value < 10 ** (9 + places):
        _CHECK.decimal("field", text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**8, places=9))
def test_a_number_of_a_file_is_written_without_loss(value: Decimal) -> None:
    text = plain(as_written(str(value)))
    assert Fraction(text) == Fraction(value)
    _CHECK.decimal("field", text)


@pytest.mark.parametrize(
    ("written", "said"),
    [("1e1", "10"), ("0.50", "0.5"), ("1e-6", "0.000001"), ("100.0", "100"), ("0.0", "0")],
)
def test_whole_numbers_keep_their_zeros(written: str, said: str) -> None:
    assert plain(as_written(written)) == said


@pytest.mark.parametrize(
    "written", ["1e999999999", "1e-999999999", "nan", "inf", "-inf", "1e99999999999999999999", "x"]
)
def test_what_documents_cannot_hold_stays_short_and_is_refused(written: str) -> None:
    text = plain(as_written(written))
    assert len(text) < 32
    with pytest.raises(ContractInvalidError):
        _CHECK.decimal("field", text)


@pytest.mark.parametrize("value", [True, "0.5", None, [1]])
def test_what_is_no_number_is_said_as_it_is(value: object) -> None:
    assert plain(value) == str(value)
