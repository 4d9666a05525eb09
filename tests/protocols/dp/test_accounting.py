"""zCDP: another library's numbers, laws that hold for all budgets, and bounds that are bounds."""

import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.protocols.dp.pmf import number

from unseen.protocols.dp import (
    Distributed,
    Gaussian,
    Sensitivity,
    compose,
    delta_of,
    epsilon_of,
    rho_within,
    units,
)
from unseen.protocols.dp.rounding import PI_BELOW, exp_neg, log, sqrt_above
from unseen.protocols.dp.zcdp import UNIT, sigma2_for
from unseen.protocols.errors import InputInvalidError

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/dp/zcdp_dp_accounting.json").read_text(encoding="utf-8")
)
SUMS = json.loads(
    (Path(__file__).parents[2] / "vectors/dp/distributed_dp_accounting.json").read_text(
        encoding="utf-8"
    )
)["sums"]
rhos = st.fractions(Fraction(1, 10**6), 20, max_denominator=10**6)
epsilons = st.fractions(Fraction(1, 100), 30, max_denominator=1000)
deltas = st.integers(2, 60).map(lambda power: Fraction(1, 2**power))


@pytest.mark.parametrize("case", VECTORS["epsilon"], ids=lambda case: case["rho"])
def test_epsilon_is_that_of_dp_accounting(case: dict[str, str]) -> None:
    found = epsilon_of(Fraction(case["rho"]), Fraction(case["delta"]))
    # Theirs is the least over a grid of orders, so never below the least over all.
    assert found <= Fraction(case["epsilon"]) <= found * Fraction("1.0001")


@pytest.mark.parametrize("case", VECTORS["delta"], ids=lambda case: case["rho"])
def test_delta_is_that_of_dp_accounting(case: dict[str, str]) -> None:
    found = delta_of(Fraction(case["rho"]), Fraction(case["epsilon"]))
    assert found <= Fraction(case["delta"]) <= found * Fraction("1.001")


def test_published_example() -> None:
    # CKS20's own program prints these for rho = 1/40 and (1, 10^-6).
    assert float(epsilon_of(Fraction(1, 40), Fraction(1, 10**6))) == pytest.approx(1.014074, 1e-6)
    assert float(delta_of(Fraction(1, 40), 1)) == pytest.approx(1.33613e-6, 1e-5)


def search(rho: float, epsilon: float) -> float:
    """Return the least of proposition 12 over many alpha, in ordinary floating point."""

    def at(beta: float) -> float:  # alpha - 1
        alpha = 1 + beta
        slack = alpha * math.log1p(-1 / alpha) - math.log(beta)
        return beta * (alpha * rho - epsilon) + slack

    most = (epsilon + 1) / (2 * rho) + 2  # the best alpha is below
    best = min((most * 2 ** (-step / 20) for step in range(300)), key=at)
    return min(at(best * (1 + step / 2000)) for step in range(-100, 101))


@given(rhos, epsilons)
def test_delta_is_the_least_there_is_and_never_less(rho: Fraction, epsilon: Fraction) -> None:
    found, least = delta_of(rho, epsilon), search(float(rho), float(epsilon))
    if least > -0.01:  # nearly no protection; the grid of `search` is too coarse there
        assert found > Fraction(98, 100)
    elif found > Fraction(1, 2**150):
        assert math.log(found) == pytest.approx(least, abs=2e-3)
        # The old bound of Bun and Steinke 2016 is never better.
        if epsilon > rho:
            old = -(float(epsilon - rho) ** 2) / (4 * float(rho))
            assert math.log(found) <= old + 1e-9


@settings(max_examples=40)
@given(rhos, deltas)
def test_epsilon_and_delta_are_each_other_s_inverse(rho: Fraction, delta: Fraction) -> None:
    epsilon = epsilon_of(rho, delta)
    if epsilon:
        found = delta_of(rho, epsilon)
        assert delta * Fraction(999, 1000) <= found <= delta * Fraction(1001, 1000)


@settings(max_examples=25)
@given(epsilons, deltas)
@example(Fraction(1), Fraction(1, 10**6))
def test_a_budget_admits_what_stays_within_it_and_no_more(
    epsilon: Fraction, delta: Fraction
) -> None:
    rho = rho_within(epsilon, delta)
    assert epsilon_of(rho, delta) <= epsilon < epsilon_of(rho + UNIT, delta)


@given(rhos, rhos, deltas)
def test_more_is_spent_with_more_rho(one: Fraction, other: Fraction, delta: Fraction) -> None:
    low, high = sorted((one, other))
    assert epsilon_of(low, delta) <= epsilon_of(high, delta)
    assert epsilon_of(high, delta) <= epsilon_of(high, delta / 2)
    assert delta_of(low, 1) <= delta_of(high, 1) * Fraction(1_000_001, 1_000_000)
    both = epsilon_of(compose((low, high)), delta)
    assert epsilon_of(high, delta) <= both


@given(st.lists(rhos, max_size=6))
def test_costs_add_up_in_any_order_and_units_never_below(costs: list[Fraction]) -> None:
    total = compose(costs)
    assert total == compose(reversed(costs)) == sum(costs)
    assert 0 <= sum(map(units, costs)) * UNIT - total < max(len(costs), 1) * UNIT


def test_nothing_spent_is_nothing() -> None:
    assert epsilon_of(0, Fraction(1, 2)) == delta_of(0, 1) == compose(()) == units(0) == 0


def test_the_noise_that_a_budget_asks_for_costs_that_budget() -> None:
    rho = rho_within(1, Fraction(1, 10**6))
    person = Sensitivity.of_cells(2, 3)
    assert Gaussian(sigma2_for(person.l2_squared, rho)).rho(person) == rho


FLOATS = [0.5, True, "1/2", None, Decimal("0.5"), [1], float("inf")]
TAKERS: list[Callable[[Any], object]] = [
    units,
    lambda value: compose((1, value)),
    lambda value: delta_of(value, 1),
    lambda value: delta_of(1, value),
    lambda value: epsilon_of(value, Fraction(1, 2)),
    lambda value: epsilon_of(1, value),
    lambda value: rho_within(value, Fraction(1, 2)),
    lambda value: rho_within(1, value),
    lambda value: sigma2_for(value, 1),
    lambda value: sigma2_for(1, value),
    lambda value: Distributed(value, 3, 1),
    lambda value: Distributed(4, value, 1),
    lambda value: Distributed(4, 3, value),
]


@pytest.mark.parametrize("value", FLOATS, ids=repr)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_not_exact_is_refused(taker: Callable[[Any], object], value: object) -> None:
    with pytest.raises(InputInvalidError, match="is of type") as caught:
        taker(value)
    assert caught.value.clause == "dp.exact"


def test_an_answer_that_is_remembered_does_not_let_a_float_in() -> None:
    delta_of(1, 1)
    with pytest.raises(InputInvalidError, match="rho is of type float"):
        delta_of(1.0, 1)  # type: ignore[arg-type]  # equal to 1, with the same hash


@pytest.mark.parametrize("value", [-1, Fraction(-1, 9), 1 << 300, Fraction(1, 1 << 300)])
@pytest.mark.parametrize("taker", TAKERS[:10])
def test_what_is_out_of_range_is_refused(taker: Callable[[Any], object], value: object) -> None:
    with pytest.raises(InputInvalidError) as caught:
        taker(value)
    assert caught.value.clause == "dp.range"


@pytest.mark.parametrize("delta", [0, 1, 2])
def test_delta_lies_between_0_and_1(delta: int) -> None:
    with pytest.raises(InputInvalidError, match="delta"):
        epsilon_of(1, delta)
    with pytest.raises(InputInvalidError, match="delta"):
        rho_within(1, delta)


@given(st.fractions(0, 300), st.sampled_from([8, 64, 192]))
def test_exp_lies_within_its_bounds(x: Fraction, bits: int) -> None:
    low, high = exp_neg(x, bits)
    assert low <= (-number(x)).exp() * 2**bits <= high
    assert high - low <= 3


@given(st.fractions(Fraction(1, 10**9), 10**9), st.sampled_from([8, 64, 192]))
def test_log_lies_within_its_bounds(x: Fraction, bits: int) -> None:
    low, high = log(x, bits)
    error = Decimal(2) ** bits / Decimal(10) ** 56
    assert low - error <= number(x).ln() * 2**bits <= high + error
    assert high - low <= 3


@given(st.fractions(0, 10**12))
def test_square_roots_are_rounded_up(x: Fraction) -> None:
    root = sqrt_above(x, 64)
    assert root * root >= x
    assert x == 0 or (root - Fraction(1, 2**63)) ** 2 < x or root <= Fraction(1, 2**63)


def test_pi_is_rounded_down() -> None:
    assert (
        PI_BELOW < Fraction("3.14159265358979323846264338327951") < PI_BELOW + Fraction(1, 10**30)
    )


def distributed(sigma2: float, n: int, d: int, l1: float, l2: float) -> float:
    """Return rho by proposition 14 of Kairouz, Liu and Steinke in ordinary floating point."""
    tau = 10 * sum(math.exp(-2 * math.pi**2 * sigma2 * k / (k + 1)) for k in range(1, n))
    a, b = l2 / math.sqrt(n * sigma2), l1 / math.sqrt(n * sigma2)
    return min(
        a * a / 2 + tau * d,
        (a * a + 2 * b * tau + tau * tau * d) / 2,
        (a + math.sqrt(d) * tau) ** 2 / 2,
    )


@given(
    st.fractions(Fraction(1, 4), 3, max_denominator=1000),
    st.integers(1, 30),
    st.integers(1, 10**6),
    st.integers(1, 1000),
    st.integers(1, 5),
)
def test_distributed_noise_costs_what_the_paper_says(
    sigma2: Fraction, n: int, d: int, cells: int, most: int
) -> None:
    person = Sensitivity.of_cells(cells, most)
    found = float(Distributed(sigma2, n, d).rho(person))
    expected = distributed(
        float(sigma2), n, d, float(person.l1), math.sqrt(float(person.l2_squared))
    )
    assert found == pytest.approx(expected, rel=1e-9)


def test_wide_enough_noise_costs_what_one_gaussian_of_that_variance_does() -> None:
    person = Sensitivity.of_cells(100)
    spread, central = Distributed(9, 7, 10**6), Gaussian(63)
    assert central.rho(person) <= spread.rho(person)
    assert spread.rho(person) - central.rho(person) < Fraction(1, 10**25)
    assert spread.law == Gaussian(9)
    assert Distributed(9, 1, 5).tau == 0


def test_survivors_who_are_not_there_cost_more() -> None:
    person = Sensitivity.of_cells(1)
    costs = [Distributed(9, honest, 100).rho(person) for honest in (1, 3, 5, 10)]
    assert costs == sorted(costs, reverse=True)
    assert 0 <= costs[0] - Fraction(1, 18) < Fraction(1, 2**128)


@pytest.mark.parametrize(
    ("sigma2", "honest", "dimension", "message"),
    [
        (Fraction(24, 100), 3, 1, "sigma of one party is below 1/2"),
        (4, 0, 1, "the honest survivors is below 1"),
        (4, 1025, 1, "the honest survivors is above 1024"),
        (4, 3, 0, "the dimension is below 1"),
        (4, 3, 1 << 41, "the dimension is above"),
    ],
)
def test_noise_that_the_theorem_does_not_cover_is_refused(
    sigma2: Fraction, honest: int, dimension: int, message: str
) -> None:
    with pytest.raises(InputInvalidError, match=message):
        Distributed(sigma2, honest, dimension)


@pytest.mark.parametrize("case", SUMS, ids=lambda case: f"{case['sigma2']} x {case['honest']}")
def test_distributed_noise_never_costs_less_than_dp_accounting_finds(case: Any) -> None:
    shift = case["shift"]
    spread = Distributed(Fraction(case["sigma2"]), case["honest"], 1)
    cost = spread.rho(Sensitivity(shift, shift * shift))
    for delta, least in case["epsilon"].items():
        found = float(epsilon_of(cost, Fraction(delta)))
        assert found >= least
        if spread.sigma2 >= 3:  # below, the paper's bound is far from the truth
            assert found < 1.2 * least


def test_what_distributed_noise_costs_is_a_ratio_that_adds_up() -> None:
    cost = Distributed(Fraction(144, 7), 7, 10**6).rho(Sensitivity(Fraction(5, 3), Fraction(5, 3)))
    assert cost.denominator <= 1 << 128
    exact = Fraction(5, 3) / (2 * 7 * Fraction(144, 7))
    assert 0 <= cost - exact < Fraction(1, 2**120)
    assert compose([cost] * 3) == 3 * cost
