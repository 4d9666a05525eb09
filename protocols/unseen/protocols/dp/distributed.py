"""Kairouz, Liu and Steinke, "The distributed discrete Gaussian mechanism", ICML 2021, theorem 1.

Each of n parties adds discrete Gaussian noise to its own vector before secure aggregation. A sum of
discrete Gaussians is not one, but close; tau says how close, and the cost grows by it. Bounds are
those of proposition 14, rounded up.

Only noise of parties that took part to the end and keep theirs to themselves counts: a party that
colludes with the receiver subtracts its own. `honest` is therefore the least number of honest
survivors that is vouched for, never the number invited. A party that adds less noise than it
says is not noticed. Sensitivity is that of the vector after rounding and clipping to whole
numbers; wrapping round of the ring has to be ruled out by the caller.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from unseen.protocols.dp.contributions import Sensitivity
from unseen.protocols.dp.exact import Exact, positive, whole
from unseen.protocols.dp.laws import Gaussian
from unseen.protocols.dp.rounding import PI_BELOW, exp_neg, sqrt_above
from unseen.protocols.errors import InputInvalidError

MAX_PARTIES: Final = 1 << 10
MAX_DIMENSION: Final = 1 << 40
_LEAST: Final = Fraction(1, 4)  # sigma >= 1/2 is asked by proposition 14
_BITS: Final = 192
_PLACES: Final = 128


@dataclass(frozen=True, slots=True, init=False)
class Distributed:
    """Noise of parameter `sigma2` from each of `honest` parties, on `dimension` coordinates."""

    sigma2: Fraction
    honest: int
    dimension: int

    def __init__(self, sigma2: Exact, honest: int, dimension: int) -> None:
        """Take one party's sigma squared, the parties whose noise counts, the coordinates.

        Raises:
            InputInvalidError: a float; sigma below 1/2; numbers not in [1, 2^10] and [1, 2^40].

        """
        local = positive(sigma2, "sigma squared of one party")
        if local < _LEAST:
            raise InputInvalidError(
                "sigma of one party is below 1/2",
                clause="dp.range",
                remedy="scale the values up, so that more noise fits",
            )
        object.__setattr__(self, "sigma2", local)
        parties = whole(honest, "the honest survivors", low=1, high=MAX_PARTIES)
        object.__setattr__(self, "honest", parties)
        size = whole(dimension, "the dimension", low=1, high=MAX_DIMENSION)
        object.__setattr__(self, "dimension", size)

    @property
    def law(self) -> Gaussian:
        """Return what each party draws from, for each coordinate."""
        return Gaussian(self.sigma2)

    @property
    def tau(self) -> Fraction:
        """Return 10 times the sum over k in [1, n) of exp(-2 pi^2 sigma^2 k / (k + 1))."""
        least = 2 * PI_BELOW**2 * self.sigma2
        parts = (exp_neg(least * Fraction(k, k + 1), _BITS)[1] for k in range(1, self.honest))
        return Fraction(10 * sum(parts), 1 << _BITS)

    def rho(self, sensitivity: Sensitivity) -> Fraction:
        """Return the zCDP of the sum: the least of the three bounds of proposition 14.

        Rounded up to parts of 2^128, so that it can be added up and turned into epsilon.
        """
        variance = self.honest * self.sigma2
        plain = sensitivity.l2_squared / variance
        excess = self.tau * self.tau * self.dimension
        by_l1 = 2 * self.tau * sensitivity.l1 / _sqrt_below(variance)
        by_l2 = 2 * sqrt_above(plain * excess, _BITS)
        # The first is alpha (plain / 2 + ...) only as alpha >= 1: tau d <= alpha tau d.
        found = min(
            plain / 2 + self.tau * self.dimension,
            (plain + by_l1 + excess) / 2,
            (plain + by_l2 + excess) / 2,
        )
        return Fraction(-(-(found.numerator << _PLACES) // found.denominator), 1 << _PLACES)


def _sqrt_below(x: Fraction) -> Fraction:
    return 1 / sqrt_above(1 / x, _BITS)
