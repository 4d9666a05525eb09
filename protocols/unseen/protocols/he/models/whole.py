"""Moore, Kearfott and Cloud 2009, chapter 2: a line in whole numbers, and the worst it can do.

Encrypted rows are multiples of 2^-grid from -1 to 1, weights whole numbers of 2^-bits: a score is
a whole number of 2^-(bits + grid), and everything about it is exact. `error` is how far it can be
from the model's own predictor at any row within bounds, `low` and `high` are the least and the
largest score. Rounding hides nothing of a weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he.models.columns import bounds_of, grid_of, shifts_of, steps_of
from unseen.protocols.he.models.model import Model

MAX_BITS: Final = 64
Span = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeLine:
    """A line over encrypted columns: weights are whole numbers of 2^-bits, in a column's 2^shift.

    A column's whole number k is encrypted as k 2^-shift, that is k 2^(grid - shift) of 2^-grid.
    `bias`, `low` and `high` are whole numbers of 2^-(bits + grid).
    """

    weights: tuple[int, ...]
    bias: int
    bits: int
    grid: int
    shifts: tuple[int, ...]
    low: int
    high: int
    error: Fraction

    @property
    def absolute(self) -> int:
        """Return the sum of the weights' sizes: how much they make of an encryption's noise."""
        return sum(map(abs, self.weights))

    @property
    def largest(self) -> int:
        """Return the largest size of a score within bounds, or of the bias, as `score` has it."""
        return max(abs(self.low), abs(self.high), abs(self.bias))

    @property
    def sum_bits(self) -> int:
        """Return the least b with `absolute` at most 2^b: public, so no more of it is said."""
        return max(self.absolute - 1, 0).bit_length()

    @property
    def reach_bits(self) -> int:
        """Return the least b with `largest` at most 2^b: public, as `sum_bits`."""
        return max(self.largest - 1, 0).bit_length()

    def score(self, row: Sequence[int]) -> int:
        """Return the score of a row of `columns.whole_rows`, of 2^-(bits + grid), exactly.

        Raises:
            InputInvalidError: another number of columns.

        """
        if len(row) != len(self.weights):
            raise InputInvalidError("a row has the columns of the model")
        return self.bias + sum(
            weight * (int(number) << (self.grid - shift))
            for weight, number, shift in zip(self.weights, row, self.shifts, strict=True)
        )

    def value(self, score: int) -> Fraction:
        """Return the predictor that a score stands for."""
        return Fraction(score, 1 << (self.bits + self.grid))


def whole(model: Model, precision: Fraction) -> WholeLine:
    """Return a line with the fewest bits a weight whose error is at most `precision`.

    Raises:
        InputInvalidError: no error is allowed.
        ModelInvalidError: it is no line, or 64 bits a weight are not enough.

    """
    if not model.is_line:
        raise ModelInvalidError("a network is no weighted sum", clause="model.depth")
    if precision <= 0:
        raise InputInvalidError("a precision is above zero", clause="model.precision")
    for bits in range(MAX_BITS + 1):
        found = whole_of(model, bits)
        if found.error <= precision:
            return found
    raise ModelInvalidError(
        "weights need over 64 bits", clause="model.precision", remedy="allow for a larger error"
    )


def whole_of(model: Model, bits: int) -> WholeLine:
    """Return a line with weights rounded to whole numbers of 2^-bits, half to even."""
    layer = model.layers[0]
    shifts, grid = shifts_of(model.features), grid_of(model.features)
    units = [
        Fraction(row[0]) * step * (1 << shift)
        for row, step, shift in zip(layer.weights, steps_of(model.features), shifts, strict=True)
    ]
    weights = [round(unit * (1 << bits)) for unit in units]
    bias = round(Fraction(layer.bias[0]) * (1 << (bits + grid)))
    error = abs(Fraction(bias, 1 << (bits + grid)) - Fraction(layer.bias[0]))
    low = high = bias
    for weight, unit, shift, (least, most) in zip(
        weights, units, shifts, bounds_of(model.features), strict=True
    ):
        farthest = Fraction(max(abs(least), abs(most)), 1 << shift)
        error += abs(Fraction(weight, 1 << bits) - unit) * farthest
        ends = sorted(weight * (edge << (grid - shift)) for edge in (least, most))
        low, high = low + ends[0], high + ends[1]
    return WholeLine(
        weights=tuple(weights),
        bias=bias,
        bits=bits,
        grid=grid,
        shifts=tuple(shifts),
        low=low,
        high=high,
        error=error,
    )


def spans(model: Model) -> tuple[tuple[Span, ...], ...]:
    """Return for each layer what its sums can be at rows within bounds: an interval a unit.

    Intervals of a layer's sums are exact for the first, and wider than what occurs after it: a
    polynomial that was fitted on an interval may be called beyond it by no row at all.
    """
    inputs: list[Span] = [
        (low * step, high * step)
        for (low, high), step in zip(
            bounds_of(model.features), steps_of(model.features), strict=True
        )
    ]
    found: list[tuple[Span, ...]] = []
    for layer in model.layers:
        sums = [
            _sum([_times(Fraction(w), x) for w, x in zip(column, inputs, strict=True)], bias)
            for column, bias in zip(zip(*layer.weights, strict=True), layer.bias, strict=True)
        ]
        found.append(tuple(sums))
        inputs = [
            _sum([_times(Fraction(c), _power(z, i)) for i, c in enumerate(powers)], 0.0)
            for z, powers in zip(sums, layer.powers or ((0.0, 1.0),) * len(sums), strict=True)
        ]
    return tuple(found)


def _sum(parts: list[Span], bias: float) -> Span:
    start = Fraction(bias)
    return sum((low for low, _ in parts), start), sum((high for _, high in parts), start)


def _times(factor: Fraction, span: Span) -> Span:
    ends = factor * span[0], factor * span[1]
    return min(ends), max(ends)


def _power(span: Span, exponent: int) -> Span:
    ends = span[0] ** exponent, span[1] ** exponent
    within = exponent > 0 and exponent % 2 == 0 and span[0] < 0 < span[1]
    return Fraction(0) if within else min(ends), max(ends)
