"""Kairouz, Oh and Viswanath 2015, theorem 2.1; Canonne 2022: how well anybody can tell who was in.

The advantage of a test is the share of members that it names less the share of others that it
names: at most the total variation distance between what was released with somebody and without.
(epsilon, delta)-DP bounds it by (e^epsilon - 1 + 2 delta) / (e^epsilon + 1). rho-zCDP bounds the
Kullback-Leibler divergence by rho (Bun and Steinke 2016), and so the distance by Pinsker's
sqrt(rho / 2) and by Bretagnolle and Huber's sqrt(1 - e^-rho): mostly far less. All is rounded up.

A bound on membership says nothing of what a model tells about people who were not in it, and
holds for one person's rows within the bound that the noise was made for.
"""

from fractions import Fraction
from math import pi, sqrt
from typing import Final

from unseen.protocols.dp.exact import Exact, not_negative
from unseen.protocols.dp.rounding import exp_neg, sqrt_above
from unseen.protocols.errors import InputInvalidError

_BITS: Final = 192


def advantage_by_epsilon(epsilon: Exact, delta: Exact) -> Fraction:
    """Return the largest advantage of any test under (epsilon, delta)-DP.

    Raises:
        InputInvalidError: a float, epsilon below zero, or delta not in [0, 1].

    """
    chance = not_negative(delta, "delta")
    if chance > 1:
        raise InputInvalidError("delta is at most 1", clause="delta")
    least = Fraction(exp_neg(not_negative(epsilon, "epsilon"), _BITS)[0], 1 << _BITS)
    return 1 - 2 * (1 - chance) * least / (1 + least)


def advantage_by_rho(rho: Exact) -> Fraction:
    """Return the largest advantage of any test under rho-zCDP.

    Raises:
        InputInvalidError: rho is a float or below zero.

    """
    cost = not_negative(rho, "rho")
    least = Fraction(exp_neg(cost, _BITS)[0], 1 << _BITS)
    return min(sqrt_above(cost / 2), sqrt_above(1 - least), Fraction(1))


def by_chance(members: int, others: int) -> float:
    """Return the advantage that is found on the average where there is none (Smirnov 1939).

    sqrt(pi / 8) sqrt((m + n) / (m n)), for many of both, at the threshold that suits them best.
    """
    return sqrt(pi / 8 * (members + others) / (members * others))


def area_within(advantage: Exact) -> Fraction:
    """Return the largest area under the curve of any test of at most this advantage.

    Its curve lies nowhere more than the advantage above the diagonal.

    Raises:
        InputInvalidError: a float, or not in [0, 1].

    """
    found = not_negative(advantage, "advantage")
    if found > 1:
        raise InputInvalidError("an advantage is at most 1", clause="advantage")
    return Fraction(1, 2) + found - found * found / 2
