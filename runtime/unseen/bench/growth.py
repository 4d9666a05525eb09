"""How a cost grows with the size of the input: the power law that is nearest to what was measured.

Ordinary least squares of log t on log n (the slope of a straight line in a picture with logarithmic
axes): with x = ln n and y = ln t over k sizes,

    b = sum (x - mean x)(y - mean y) / sum (x - mean x)^2        t = e^(mean y - b mean x) n^b

and the standard error of b is sqrt(sum of squared residuals / (k - 2) / sum (x - mean x)^2). Fewer
than three sizes show no law.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class Law:
    """t = factor n^exponent; `error` is the exponent's standard error."""

    factor: float
    exponent: float
    error: float

    def __str__(self) -> str:
        """Write it as a formula."""
        return f"{self.factor:.2g} n^{self.exponent:.3f}"


def fit(points: Sequence[tuple[float, float]]) -> Law | None:
    """Return the law of some (n, t); None for fewer than three sizes, or a time of 0."""
    if len({n for n, _ in points}) < LEAST or min(min(point) for point in points) <= 0:
        return None
    xs, ys = [log(n) for n, _ in points], [log(t) for _, t in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    start = mean_y - slope * mean_x
    left = sum((y - start - slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    return Law(exp(start), slope, sqrt(left / (len(xs) - 2) / spread))
