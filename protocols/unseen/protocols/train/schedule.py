"""Kairouz, Liu and Steinke, ICML 2021, theorem 1: the steps of a training, their noise and cost.

Neighbours differ by all rows of one person, which are at most `rows_per_person` over all parties.
What a row adds is a vector of whole numbers; its length is bounded where it is made, after all
rounding, so that no rounding lengthens it any more:

    curvature    the upper triangle of w x x', |x| <= A = 2^bits: its squares add up to at most
                 w^2 |x|^4, so L2 <= w A^2; w is 1, or for counts the count, at most `label.high`
    gradient     r x with whole r and |r| |x| <= S = ceil(clip A^2 / norm), checked as whole numbers
    histogram    (g, h) in one cell of each column: L2^2 <= columns (U^2 + H^2), with U = 2^bits
                 and h <= H: U / 4 for the logistic loss, whose h is p (1 - p), U for the squared
    evaluation   one count, or four numbers up to U

A person moves the sum by rows_per_person times that. Every party adds discrete Gaussian noise of
`sigma2`; that of `honest` of them counts and costs `rho` at most. Steps compose adaptively: whoever
chooses the next weights sees only sums with noise. What is not covered: parties that add less
noise than they say, more rows of a person than the bound.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, isqrt
from typing import Final

from unseen.protocols import dp
from unseen.protocols.dp.zcdp import UNIT, sigma2_for
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng
from unseen.protocols.secagg.noise import REACH_BITS
from unseen.protocols.secagg.parameters import HEADROOM_BITS
from unseen.protocols.train.noise import StepNoise
from unseen.protocols.train.spec import Spec

CELLS: Final = 64  # of a histogram of scores
_EXACT_BITS: Final = 52  # sums of whole numbers below this are exact as floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One secure sum: `number` from 0, `part` the tree and `level` its level.

    `most` bounds a coordinate of one row, `bound` one of a party's vector with its noise, which
    has parameter `sigma2`. `cost` is the zCDP of the step in units of 10^-12.
    """

    kind: str
    number: int
    part: int = 0
    level: int = 0
    dimension: int
    most: int
    bound: int
    sigma2: int
    cost: int

    def noise(self, rng: Rng) -> StepNoise:
        """Return what a party adds: draws of the discrete Gaussian law of this step."""
        return StepNoise(self.sigma2, rng)


@lru_cache(maxsize=64)
def schedule(spec: Spec) -> tuple[Step, ...]:
    """Return the steps of a training, in their order.

    Raises:
        InputInvalidError: sums might wrap round the ring, or not be exact.

    """
    rho, share = Fraction(spec.privacy.rho), Fraction(0)
    found: list[Step] = []
    if spec.family == "boosting":
        steps = spec.boosting
        part = _floor(rho / (steps.trees * steps.depth))
        for tree in range(steps.trees):
            found += [
                _histogram(spec, len(found) + level, tree, level, part)
                for level in range(steps.depth)
            ]
    else:
        share = _floor(rho * Fraction(spec.descent.curvature))
        part = _floor((rho - share) / spec.descent.rounds)
        found.append(_curvature(spec, share))
        found += [_gradient(spec, 1 + i, part) for i in range(spec.descent.rounds)]
    last = Fraction(spec.privacy.evaluation)
    if last:
        found.append(_evaluation(spec, len(found), last))
    return tuple(found)


def cost_of(spec: Spec) -> int:
    """Return the zCDP of the whole training in units of 10^-12."""
    return sum(step.cost for step in schedule(spec))


def bound_of(spec: Spec) -> int:
    """Return the largest bound of any step: one that holds for all rounds of a training."""
    return max(step.bound for step in schedule(spec))


def residual_length(spec: Spec) -> int:
    """Return S, the longest gradient of a row in whole numbers."""
    unit = Fraction(1 << (2 * spec.privacy.bits)) / Fraction(spec.descent.norm)
    return ceil(Fraction(spec.descent.clip) * unit)


def hessian_most(spec: Spec) -> int:
    """Return H, the largest second derivative of a row in whole numbers."""
    whole = 1 << spec.privacy.bits
    return whole // 4 if spec.binary else whole


def _curvature(spec: Spec, rho: Fraction) -> Step:
    weight = spec.label.high if spec.family == "poisson" else 1
    most = weight << (2 * spec.privacy.bits)
    width = spec.width + 1
    return _step(spec, "curvature", 0, width * (width + 1) // 2, most, most * most, rho)


def _gradient(spec: Spec, number: int, rho: Fraction) -> Step:
    most = residual_length(spec)
    return _step(spec, "gradient", number, spec.width + 1, most, most * most, rho)


def _histogram(spec: Spec, number: int, tree: int, level: int, rho: Fraction) -> Step:
    steps = spec.boosting
    most, second = 1 << spec.privacy.bits, hessian_most(spec)
    size = 2 * steps.columns * steps.bins << level
    length = steps.columns * (most * most + second * second)
    return _step(spec, "histogram", number, size, most, length, rho, (tree, level))


def _evaluation(spec: Spec, number: int, rho: Fraction) -> Step:
    if spec.binary:
        return _step(spec, "evaluation", number, 2 * CELLS, 1, 1, rho)
    most = 1 << spec.privacy.bits
    return _step(spec, "evaluation", number, 4, most, 4 * most * most, rho)


def _step(  # noqa: PLR0913, PLR0917 - what differs from step to step
    spec: Spec,
    kind: str,
    number: int,
    dimension: int,
    most: int,
    length_squared: int,
    rho: Fraction,
    place: tuple[int, int] = (0, 0),
) -> Step:
    privacy = spec.privacy
    squared = privacy.rows_per_person**2 * length_squared
    plain = min(isqrt(squared * dimension - 1) + 1, squared)  # L1 <= sqrt(d) L2, and <= L2^2
    sensitivity = dp.Sensitivity(plain, squared)
    noise = _noise(sensitivity, rho, privacy.honest, dimension)
    sigma2 = int(noise.sigma2)
    most_sum = privacy.most_rows * most
    bound = most_sum + noise.law.reach(REACH_BITS)
    left = privacy.ring - 1 - (privacy.parties * bound).bit_length()
    if left < HEADROOM_BITS or most_sum.bit_length() > _EXACT_BITS:
        raise InputInvalidError(
            f"{kind}: sums of {privacy.parties} parties do not fit",
            clause="spec.ring",
            remedy="fewer rows a party, fewer bits, or a ring of 64",
        )
    return Step(
        kind=kind,
        number=number,
        part=place[0],
        level=place[1],
        dimension=dimension,
        most=most,
        bound=bound,
        sigma2=sigma2,
        cost=ceil(noise.rho(sensitivity) / UNIT),
    )


def _noise(
    sensitivity: dp.Sensitivity, rho: Fraction, honest: int, dimension: int
) -> dp.Distributed:
    """Return a whole sigma squared that costs `rho` at most: the least, or the next after it.

    What a sum of discrete Gaussians is not one itself costs far below a unit where sigma is 5 or
    more; where it is not, sigma squared grows by 1, 2, 4, ...
    """
    if not rho:
        raise InputInvalidError("a step is left without rho", clause="spec.rho")
    sigma2, more = max(1, ceil(sigma2_for(sensitivity.l2_squared, rho) / honest)), 1
    while True:
        found = dp.Distributed(sigma2, honest, dimension)
        if found.rho(sensitivity) <= rho:
            return found
        sigma2, more = sigma2 + more, 2 * more


def _floor(rho: Fraction) -> Fraction:
    return int(rho / UNIT) * UNIT
