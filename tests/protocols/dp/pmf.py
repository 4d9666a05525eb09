"""Probabilities by decimals of 60 digits: a second way to them, with none of the code's series."""

import decimal
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import sqrt

from unseen.protocols.dp import Gaussian, Laplace

decimal.DefaultContext.prec = 60
decimal.setcontext(decimal.DefaultContext)


def number(x: Fraction) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator)


def weight(law: Gaussian | Laplace, k: int) -> Decimal:
    if isinstance(law, Gaussian):
        return (-number(k * k / (2 * law.sigma2))).exp()
    return (-number(k / law.scale)).exp()


def magnitudes(law: Gaussian | Laplace, entries: int) -> list[Decimal]:
    """Return P[|X| = k] for k below `entries`, which has to reach far into the tail."""
    weights = [weight(law, k) * (2 if k else 1) for k in range(entries)]
    total = sum(weights)
    assert weights[-1] < Decimal(10) ** -45 * total
    return [each / total for each in weights]


def chi_square_is_plausible(seen: Sequence[int], law: Gaussian | Laplace) -> bool:
    """Return whether counts of |X| fit, at one in a million (Wilson and Hilferty 1931)."""
    count = sum(seen)
    expected = [float(p) * count for p in magnitudes(law, 2000)]
    bins = next(k for k, each in enumerate(expected) if each < 10)
    parts = zip(seen[:bins], expected, strict=False)
    statistic = sum((found - each) ** 2 / each for found, each in parts)
    tail = sum(expected[bins:])
    statistic += (sum(seen[bins:]) - tail) ** 2 / tail
    spread = 2 / (9 * bins)
    return statistic < bins * (1 - spread + 4.75 * sqrt(spread)) ** 3


def counted(draws: Iterable[int]) -> list[int]:
    sizes = [abs(each) for each in draws]
    return [sizes.count(k) for k in range(max(sizes) + 1)]
