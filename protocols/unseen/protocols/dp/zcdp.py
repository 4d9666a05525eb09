"""Bun and Steinke 2016; Canonne, Kamath and Steinke 2020, proposition 12: what releases cost.

rho adds up over releases about the same people, whoever asks and however questions are chosen on
answers before (lemma 1.7 of the former). Everything is a ratio, or rounded to the side that claims
less: epsilon and delta upwards, an admitted rho downwards. The bound of proposition 12 holds for
every alpha > 1, so a search that misses the best alpha loses tightness, not truth.

rho says nothing about people who were in more rows than the bound, about what others know
already, or about answers that were released without noise.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Final

from unseen.protocols.dp.exact import Exact, not_negative, positive
from unseen.protocols.dp.rounding import exp_neg, log
from unseen.protocols.errors import InputInvalidError

UNIT: Final = Fraction(1, 10**12)
"""What a ledger counts in: rho as whole units, rounded up."""

_BITS: Final = 192  # of logarithms and exponentials that are reported
_SEARCH_BITS: Final = 48  # of those that only choose alpha
_ALPHA_UNIT: Final = 1 << 24  # alpha - 1 is searched in parts of this


def units(rho: Exact) -> int:
    """Return rho in units of 10^-12, rounded up: what a ledger writes down and adds.

    Raises:
        InputInvalidError: rho is a float or below zero.

    """
    found = not_negative(rho, "rho") / UNIT
    return -(-found.numerator // found.denominator)


def compose(costs: Iterable[Exact]) -> Fraction:
    """Return the rho of all releases together: the sum.

    Raises:
        InputInvalidError: one is a float or below zero.

    """
    return sum((not_negative(rho, "rho") for rho in costs), Fraction(0))


def delta_of(rho: Exact, epsilon: Exact) -> Fraction:
    """Return a delta for which rho-zCDP is (epsilon, delta)-DP: the bound, rounded up.

    At least 2^-192, unless rho is 0. About 1 ms.

    Raises:
        InputInvalidError: a float, rho below zero, or epsilon not above zero.

    """
    return _delta(not_negative(rho, "rho"), positive(epsilon, "epsilon"))


def epsilon_of(rho: Exact, delta: Exact) -> Fraction:
    """Return an epsilon for which rho-zCDP is (epsilon, delta)-DP, rounded up to 10^-12.

    About 1 ms.

    Raises:
        InputInvalidError: a float, rho below zero, or delta not in (0, 1).

    """
    return _epsilon(not_negative(rho, "rho"), _chance(delta))


def rho_within(epsilon: Exact, delta: Exact) -> Fraction:
    """Return the rho that a budget of (epsilon, delta) admits, rounded down to 10^-12.

    About 50 ms; `epsilon_of` the answer is within epsilon.

    Raises:
        InputInvalidError: a float, epsilon not above zero, or delta not in (0, 1).

    """
    return _rho_within(positive(epsilon, "epsilon"), _chance(delta))


def sigma2_for(l2_squared: Exact, rho: Exact) -> Fraction:
    """Return the sigma squared with which Gaussian noise costs exactly rho.

    Raises:
        InputInvalidError: a float, or a number that is not above zero.

    """
    return positive(l2_squared, "L2 squared") / (2 * positive(rho, "rho"))


@lru_cache(maxsize=256)
def _delta(rho: Fraction, epsilon: Fraction) -> Fraction:
    if not rho:
        return Fraction(0)
    exponent = _log_delta(rho, epsilon, _alpha_for_delta(rho, epsilon))
    if exponent >= 0:
        return Fraction(1)
    return Fraction(exp_neg(-exponent, _BITS)[1], 1 << _BITS)


@lru_cache(maxsize=256)
def _epsilon(rho: Fraction, delta: Fraction) -> Fraction:
    if not rho:
        return Fraction(0)
    alpha = _alpha_for_epsilon(rho, delta)
    # log delta of proposition 12, solved for epsilon.
    spare = _above(1 - 1 / alpha) - (_below(alpha) + _below(delta)) / (alpha - 1)
    found = max(rho * alpha + spare, Fraction(0)) / UNIT
    return -(-found.numerator // found.denominator) * UNIT


@lru_cache(maxsize=256)
def _rho_within(epsilon: Fraction, delta: Fraction) -> Fraction:
    good, bad = 0, int((epsilon + 1) / UNIT) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if _epsilon(middle * UNIT, delta) <= epsilon:
            good = middle
        else:
            bad = middle
    return good * UNIT


def _log_delta(rho: Fraction, epsilon: Fraction, alpha: Fraction) -> Fraction:
    """Return an upper bound of log delta by proposition 12 at alpha."""
    return (alpha - 1) * (alpha * rho - epsilon) + alpha * _above(1 - 1 / alpha) - _below(alpha - 1)


def _alpha_for_delta(rho: Fraction, epsilon: Fraction) -> Fraction:
    """Return about the alpha where log delta has its least: where its derivative changes sign."""
    low, high = 1, int(((epsilon + 1) / (2 * rho) + 2) * _ALPHA_UNIT)
    while high - low > 1:
        middle = (low + high) // 2
        alpha = 1 + Fraction(middle, _ALPHA_UNIT)
        slope = (2 * alpha - 1) * rho - epsilon + _rough(1 - 1 / alpha)
        low, high = (middle, high) if slope < 0 else (low, middle)
    return 1 + Fraction(high, _ALPHA_UNIT)


def _alpha_for_epsilon(rho: Fraction, delta: Fraction) -> Fraction:
    """Return about the alpha where epsilon has its least: rho (alpha - 1)^2 = -log(alpha delta)."""
    most = -_rough(delta) + 1
    low, high = 1, int((isqrt(int(most / rho) + 1) + 1) * _ALPHA_UNIT)
    while high - low > 1:
        middle = (low + high) // 2
        alpha = 1 + Fraction(middle, _ALPHA_UNIT)
        short = rho * (alpha - 1) ** 2 < -_rough(alpha * delta)
        low, high = (middle, high) if short else (low, middle)
    return 1 + Fraction(high, _ALPHA_UNIT)


def _chance(delta: Exact) -> Fraction:
    found = positive(delta, "delta")
    if found >= 1:
        raise InputInvalidError("delta has to be below 1", clause="dp.range")
    return found


def _above(x: Fraction) -> Fraction:
    return Fraction(log(x, _BITS)[1], 1 << _BITS)


def _below(x: Fraction) -> Fraction:
    return Fraction(log(x, _BITS)[0], 1 << _BITS)


def _rough(x: Fraction) -> Fraction:
    return Fraction(log(x, _SEARCH_BITS)[1], 1 << _SEARCH_BITS)
