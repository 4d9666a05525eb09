"""How well anybody can tell who was in: bounds that hold for the mechanisms they are about."""

from fractions import Fraction
from math import erf, exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.dp.membership import advantage_by_epsilon, advantage_by_rho, area_within
from unseen.protocols.dp.zcdp import epsilon_of
from unseen.protocols.errors import InputInvalidError

SMALL = Fraction(1, 10**6)
COSTS = st.fractions(min_value=Fraction(1, 10**6), max_value=20, max_denominator=10**6)


@given(COSTS)
def test_no_test_of_gaussian_noise_beats_the_bound_of_its_rho(rho: Fraction) -> None:
    shift = sqrt(2 * rho)  # of the mean, in sigmas; the best test cuts halfway
    best = erf(shift / 2 / sqrt(2))
    assert best <= advantage_by_rho(rho) <= 1
    assert best <= advantage_by_epsilon(epsilon_of(rho, SMALL), SMALL) <= 1


@given(st.fractions(min_value=0, max_value=30, max_denominator=1000))
def test_randomised_response_meets_the_bound_of_its_epsilon(epsilon: Fraction) -> None:
    met = (exp(epsilon) - 1) / (exp(epsilon) + 1)  # truth with e^epsilon / (1 + e^epsilon)
    assert float(advantage_by_epsilon(epsilon, 0)) == pytest.approx(met, abs=1e-12)
    for delta in (SMALL, Fraction(1, 2)):
        expected = (exp(epsilon) - 1 + 2 * float(delta)) / (exp(epsilon) + 1)
        assert float(advantage_by_epsilon(epsilon, delta)) == pytest.approx(expected, abs=1e-12)


@given(COSTS, COSTS)
def test_more_privacy_spent_is_never_a_smaller_bound(one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))
    assert advantage_by_rho(low) <= advantage_by_rho(high)
    assert advantage_by_epsilon(low, SMALL) <= advantage_by_epsilon(high, SMALL)
    assert area_within(advantage_by_rho(low)) <= area_within(advantage_by_rho(high))


def test_nothing_spent_tells_nothing_and_everything_all() -> None:
    assert advantage_by_rho(0) == 0
    assert 0 <= advantage_by_epsilon(0, 0) < Fraction(1, 10**50)  # rounded up
    assert advantage_by_epsilon(1, 1) == 1
    assert (area_within(0), area_within(1)) == (Fraction(1, 2), Fraction(1))
    # The rho of epsilon 3 at a delta of 10^-6: a tenth of what epsilon alone would let be said.
    assert float(advantage_by_rho(Fraction(14, 100))) == pytest.approx(0.26458, abs=1e-4)
    assert float(advantage_by_epsilon(3, SMALL)) == pytest.approx(0.90515, abs=1e-4)


@pytest.mark.parametrize("wrong", [-1, 0.5, Fraction(3, 2)])
def test_numbers_that_are_no_budget_are_refused(wrong: Fraction) -> None:
    with pytest.raises(InputInvalidError):
        area_within(wrong)
    with pytest.raises(InputInvalidError):
        advantage_by_epsilon(1, wrong)
    if wrong != Fraction(3, 2):
        with pytest.raises(InputInvalidError):
            advantage_by_rho(wrong)
