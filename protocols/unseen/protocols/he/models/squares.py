"""Dowlin et al., "CryptoNets", ICML 2016, section 5: a layer of squares in whole numbers.

A polynomial of degree two is a square after its middle is moved, and a weight on a square goes
into it as a root. So a network of one hidden layer is a constant plus or minus squares of weighted
sums, y_u: scores need one multiplication of ciphertexts each, and no weight after it.

`error` is how far a score can be from the model's own at any row within bounds, exactly. Rounding
hides nothing of a weight.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Final

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he.models.columns import bounds_of, shifts_of, steps_of
from unseen.protocols.he.models.model import Layer, Model
from unseen.protocols.he.slots import GRID

MAX_BITS: Final = 48
_ROOT_BITS: Final = 160  # of a root's fraction: far below any rounding of weights


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSquares:
    """Sums y_u over encrypted columns, and signs: a score is `constant` + sum of sign_u y_u^2.

    `weights` are units x columns, of 2^-bits; `biases` of 2^-(bits + GRID); the constant and a
    score of their squares. No y_u is larger than `farthest` within bounds, no score than `largest`.
    """

    weights: tuple[tuple[int, ...], ...]
    biases: tuple[int, ...]
    signs: tuple[int, ...]
    constant: int
    bits: int
    shifts: tuple[int, ...]
    farthest: int
    largest: int
    error: Fraction

    @property
    def absolute(self) -> int:
        """Return the largest sum of a unit's weights' sizes."""
        return max(sum(map(abs, row)) for row in self.weights)

    @property
    def cancels(self) -> bool:
        """Return whether its squares leave nothing but a constant, though they have weights."""
        units = list(zip(self.weights, self.biases, self.signs, strict=True))
        columns = range(len(self.shifts))
        if not any(map(any, self.weights)):
            return False
        linear = (sum(sign * w[j] * bias for w, bias, sign in units) for j in columns)
        pairs = (
            sum(sign * w[j] * w[k] for w, _, sign in units) for j in columns for k in columns[j:]
        )
        return not any(linear) and not any(pairs)

    def value(self, row: Sequence[int]) -> Fraction:
        """Return the score of a row of `columns.whole_rows`, exactly.

        Raises:
            InputInvalidError: another number of columns.

        """
        if len(row) != len(self.shifts):
            raise InputInvalidError("a row has the columns of the model")
        units = [Fraction(int(k), 1 << b) for k, b in zip(row, self.shifts, strict=True)]
        one = 1 << (self.bits + GRID)
        found = Fraction(self.constant, one**2)
        for weights, bias, sign in zip(self.weights, self.biases, self.signs, strict=True):
            total = sum((w * x for w, x in zip(weights, units, strict=True)), Fraction(0))
            found += sign * (total / (1 << self.bits) + Fraction(bias, one)) ** 2
        return found


def squares(model: Model, precision: Fraction) -> WholeSquares:
    """Return a network with the fewest bits a weight whose error is at most `precision`.

    Raises:
        InputInvalidError: no error is allowed.
        ModelInvalidError: it is not one layer of squares, these cancel out, or 48 bits a weight
            are not enough.

    """
    if precision <= 0:
        raise InputInvalidError("a precision is above zero", clause="model.precision")
    for bits in range(MAX_BITS + 1):
        found = squares_of(model, bits)
        if found.error <= precision:
            check_varies(found)
            return found
    raise ModelInvalidError(
        f"weights need over {MAX_BITS} bits",
        clause="model.precision",
        remedy="allow for a larger error",
    )


def check_varies(network: WholeSquares) -> None:
    """Return if there is something to compute under encryption, or nothing at all.

    Raises:
        ModelInvalidError: the squares of its units cancel out.

    """
    if network.cancels:
        raise ModelInvalidError(
            "units whose squares cancel out, so that every row has the same score",
            clause="model.constant",
            remedy="leave those units out",
        )


def squares_of(model: Model, bits: int) -> WholeSquares:
    """Return a network with weights rounded to whole numbers of 2^-bits; errors as `squares`."""
    columns = _Columns(model)
    one = 1 << (bits + GRID)
    weights: list[tuple[int, ...]] = []
    biases: list[int] = []
    signs: list[int] = []
    error, farthest, total = Fraction(0), 0, Fraction(0)
    constant = Fraction(model.layers[-1].bias[0])
    for unit in _units(model, columns.steps):
        constant += unit.rest
        row = tuple(round(weight * (1 << bits)) for weight in unit.weights)
        bias = round(unit.bias * one)
        moved = abs(Fraction(bias, one) - unit.bias) + sum(
            abs(Fraction(w, 1 << bits) - exact) * most
            for w, exact, most in zip(row, unit.weights, columns.most, strict=True)
        )
        ends = columns.ends([Fraction(w, 1 << bits) for w in row], Fraction(bias, one))
        largest = max(map(abs, ends))
        # (y + m)^2 - y^2 for a y that was moved by m, and what the root itself leaves out.
        error += moved * (2 * largest + moved) + unit.left * (largest + moved) ** 2
        farthest = max(farthest, -(-largest * one // 1))
        total += largest**2
        weights.append(row)
        biases.append(bias)
        signs.append(unit.sign)
    whole = round(constant * one**2)
    return WholeSquares(
        weights=tuple(weights),
        biases=tuple(biases),
        signs=tuple(signs),
        constant=whole,
        bits=bits,
        shifts=tuple(columns.shifts),
        farthest=int(farthest),
        largest=abs(whole) + int(-(-total * one**2 // 1)),
        error=error + abs(Fraction(whole, one**2) - constant),
    )


@dataclass(frozen=True, slots=True)
class _Unit:
    """A square: of weights over columns as they are encrypted. `left` is (root^2 - g) / root^2."""

    weights: list[Fraction]
    bias: Fraction
    sign: int
    rest: Fraction
    left: Fraction


class _Columns:
    """What is encrypted of a model's columns."""

    def __init__(self, model: Model) -> None:
        self.shifts = shifts_of(model.features)
        self.steps = [
            step * (1 << shift)
            for step, shift in zip(steps_of(model.features), self.shifts, strict=True)
        ]
        self._bounds = [
            (Fraction(low, 1 << shift), Fraction(high, 1 << shift))
            for (low, high), shift in zip(bounds_of(model.features), self.shifts, strict=True)
        ]
        self.most = [max(abs(low), abs(high)) for low, high in self._bounds]

    def ends(self, weights: Sequence[Fraction], bias: Fraction) -> tuple[Fraction, Fraction]:
        """Return the least and the largest weighted sum within bounds."""
        parts = [
            sorted((weight * low, weight * high))
            for weight, (low, high) in zip(weights, self._bounds, strict=True)
        ]
        return (
            sum((part[0] for part in parts), bias),
            sum((part[1] for part in parts), bias),
        )


def _units(model: Model, steps: Sequence[Fraction]) -> Iterator[_Unit]:
    """Yield each hidden unit as a square: v (a + b z + c z^2) is v c (z + b / 2c)^2 and a rest."""
    hidden, last = _layers(model)
    for column, bias, powers, (outer,) in zip(
        zip(*hidden.weights, strict=True), hidden.bias, hidden.powers, last.weights, strict=True
    ):
        low, middle, high = (Fraction(one) for one in powers)
        factor = Fraction(outer) * high
        if not factor:
            if outer and middle:
                raise ModelInvalidError("a unit that is no square", clause="model.degree")
            nothing = [Fraction(0)] * len(steps)
            yield _Unit(nothing, Fraction(0), 1, Fraction(outer) * low, Fraction(0))
            continue
        move = middle / (2 * high)
        root = Fraction(isqrt(int(abs(factor) * (1 << 2 * _ROOT_BITS))), 1 << _ROOT_BITS)
        if not root:
            raise ModelInvalidError("a unit that all but vanishes", clause="model.finite")
        yield _Unit(
            weights=[Fraction(w) * step * root for w, step in zip(column, steps, strict=True)],
            bias=(Fraction(bias) + move) * root,
            sign=1 if factor > 0 else -1,
            rest=Fraction(outer) * (low - middle**2 / (4 * high)),
            left=abs(abs(factor) - root**2) / root**2,
        )


def _layers(model: Model) -> tuple[Layer, Layer]:
    if len(model.layers) != 2:
        raise ModelInvalidError("one hidden layer is scored with", clause="model.depth")
    if model.layers[0].degree != 2:
        raise ModelInvalidError(
            "squares are scored with, no cubes", clause="model.degree", remedy="fit degree 2"
        )
    return model.layers[0], model.layers[1]
