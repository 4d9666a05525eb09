"""Canonne, Kamath and Steinke 2020, algorithms 2 and 3: the two laws of noise, drawn exactly.

    Laplace(s)    probability of x proportional to exp(-|x| / s)          Definition 6, algorithm 2
    Gaussian(v)   probability of x proportional to exp(-x^2 / (2 v))      Definition 1, algorithm 3

One draw of `sample` takes 20 to 60 us; `batch.py` draws many. Exact means: from uniform bits, with
these probabilities and no others. How long one takes tells something of it (`coins.py`). Against
a source of randomness that somebody can guess there is no protection at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Protocol

from unseen.protocols.dp.coins import Coins
from unseen.protocols.dp.contributions import Sensitivity
from unseen.protocols.dp.exact import Exact, positive
from unseen.protocols.dp.rounding import Bounds, exp_neg
from unseen.protocols.party import Rng


class Law(Protocol):
    """A symmetric law over all whole numbers; p(k) / p(k - 1) does not rise for k = 1, 2, ..."""

    def __hash__(self) -> int:
        """Return equal numbers for equal laws: tables are kept by law."""
        ...

    def sample(self, rng: Rng) -> int:
        """Return one draw."""
        ...

    def rho(self, sensitivity: Sensitivity) -> Fraction:
        """Return the zCDP of adding this noise to every coordinate of an answer."""
        ...

    def ratios(self, bits: int) -> Iterator[Bounds]:
        """Yield bounds of p(k) / p(k - 1) for k = 1, 2, ..., as parts of 2^bits."""
        ...

    def reach(self, bits: int) -> int:
        """Return some k beyond which less than 2^-bits of the probability lies."""
        ...


@dataclass(frozen=True, slots=True, init=False)
class Laplace:
    """The discrete Laplace law of scale s > 0, a ratio: variance about 2 s^2."""

    scale: Fraction

    def __init__(self, scale: Exact) -> None:
        """Take the scale.

        Raises:
            InputInvalidError: it is a float, or not above zero.

        """
        object.__setattr__(self, "scale", positive(scale, "the scale"))

    def sample(self, rng: Rng) -> int:
        """Return one draw. Algorithm 2, with s = t / s of the paper."""
        return _laplace(Coins(rng), self.scale.numerator, self.scale.denominator)

    def epsilon(self, sensitivity: Sensitivity) -> Fraction:
        """Return the pure epsilon: L1 / s."""
        return sensitivity.l1 / self.scale

    def rho(self, sensitivity: Sensitivity) -> Fraction:
        """Return epsilon^2 / 2 (Bun and Steinke 2016, proposition 1.4)."""
        return self.epsilon(sensitivity) ** 2 / 2

    def ratios(self, bits: int) -> Iterator[Bounds]:
        """Yield bounds of exp(-1 / s), for ever."""
        ratio = exp_neg(1 / self.scale, bits)
        while True:
            yield ratio

    def reach(self, bits: int) -> int:
        """Return a k with exp(-k / s) < 2^-bits."""
        return int(self.scale * bits) + 1


@dataclass(frozen=True, slots=True, init=False)
class Gaussian:
    """The discrete Gaussian law of parameter sigma^2 > 0, a ratio: variance at most sigma^2."""

    sigma2: Fraction

    def __init__(self, sigma2: Exact) -> None:
        """Take sigma squared, which may be a ratio where sigma is not.

        Raises:
            InputInvalidError: it is a float, or not above zero.

        """
        object.__setattr__(self, "sigma2", positive(sigma2, "sigma squared"))

    def sample(self, rng: Rng) -> int:
        """Return one draw. Algorithm 3: from Laplace noise, kept with the right probability."""
        coins, sigma2 = Coins(rng), self.sigma2
        scale = isqrt(int(sigma2)) + 1  # floor(sigma) + 1
        while True:
            found = _laplace(coins, scale, 1)
            if coins.bernoulli_exp((abs(found) - sigma2 / scale) ** 2 / (2 * sigma2)):
                return found

    def rho(self, sensitivity: Sensitivity) -> Fraction:
        """Return L2^2 / (2 sigma^2): theorem 14, the same as of the continuous Gaussian."""
        return sensitivity.l2_squared / (2 * self.sigma2)

    def ratios(self, bits: int) -> Iterator[Bounds]:
        """Yield bounds of exp(-(2 k - 1) / (2 sigma^2)), each from the one before."""
        low, high = exp_neg(1 / (2 * self.sigma2), bits)
        step_low, step_high = exp_neg(1 / self.sigma2, bits)
        while True:
            yield low, high
            low = low * step_low >> bits
            high = -(-high * step_high >> bits)

    def reach(self, bits: int) -> int:
        """Return a k with exp(-k^2 / (2 sigma^2)) < 2^-bits."""
        return isqrt(int(2 * self.sigma2 * bits)) + 1


def _laplace(coins: Coins, numerator: int, denominator: int) -> int:
    """Return a draw of scale numerator / denominator: t and s of algorithm 2."""
    while True:
        low = coins.below(numerator)
        if not coins.bernoulli_exp(Fraction(low, numerator)):
            continue
        high = 0
        while coins.bernoulli_exp(Fraction(1)):
            high += 1
        size = (low + numerator * high) // denominator
        negative = coins.bernoulli(1, 2)
        if not (negative and size == 0):  # or zero would come twice as often
            return -size if negative else size
