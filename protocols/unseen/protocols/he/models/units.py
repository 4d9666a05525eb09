"""Dowlin et al., "CryptoNets", ICML 2016, section 3.1: what an edge of a graph carries, as symbols.

A row goes through finished layers, then an affine map z, then a polynomial of each z. Adding,
multiplying and another affine map keep that form, or close a layer; all else has none.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models.columns import Reals
from unseen.protocols.he.models.model import MAX_LAYERS, MAX_UNITS, Layer, rows_of

_MAX_DEGREE = 3


@dataclass(frozen=True, eq=False)
class Units:
    """n x m numbers of rows: `done` layers, `weights` and `bias` of z, `powers` of each z.

    `powers` are m x (degree + 1), constant first. Two values with one `base` are polynomials of
    the same z. `link` names the last function of a model; `pair` says that the m numbers are the
    probabilities of two classes, of which the second is meant.
    """

    done: tuple[Layer, ...]
    weights: Reals
    bias: Reals
    powers: Reals
    base: object = field(default_factory=object)
    link: str = ""
    pair: bool = False

    @property
    def width(self) -> int:
        """Return m."""
        return len(self.bias)

    @property
    def degree(self) -> int:
        """Return the degree of the polynomials."""
        used = np.flatnonzero(self.powers.any(axis=0))
        return int(used[-1]) if len(used) else 0

    def plus(self, numbers: Reals) -> "Units":
        """Return it with a number added to each of the m, or one to all."""
        powers = self.powers.copy()
        powers[:, 0] += self._each(numbers)
        return replace(self, powers=powers)

    def times(self, numbers: Reals) -> "Units":
        """Return it with each of the m times a number, or all times one."""
        return replace(self, powers=self.powers * self._each(numbers)[:, None])

    def joined(self, other: "Units") -> "Units":
        """Return the sum of two values.

        Raises:
            ModelInvalidError: they are not polynomials of the same sums.

        """
        self._same(other)
        size = max(self.powers.shape[1], other.powers.shape[1])
        return replace(self, powers=_padded(self.powers, size) + _padded(other.powers, size))

    def product(self, other: "Units") -> "Units":
        """Return the product of two values; errors as `joined`, and for a degree over three."""
        self._same(other)
        if self.degree + other.degree > _MAX_DEGREE:
            raise ModelInvalidError("a polynomial of degree over three", clause="model.degree")
        powers = np.zeros((self.width, self.degree + other.degree + 1))
        for i in range(self.degree + 1):
            for j in range(other.degree + 1):
                powers[:, i + j] += self.powers[:, i] * other.powers[:, j]
        return replace(self, powers=powers)

    def through(self, weights: Reals) -> "Units":
        """Return n x k numbers: these times a matrix m x k.

        Raises:
            ModelInvalidError: the matrix is of another size.

        """
        if weights.ndim != 2 or weights.shape[0] != self.width:
            raise ModelInvalidError("a matrix of another size", clause="model.shape")
        if not 1 <= weights.shape[1] <= MAX_UNITS:
            raise ModelInvalidError(f"a layer has 1 to {MAX_UNITS} units", clause="model.shape")
        linear = np.stack([np.zeros(weights.shape[1]), np.ones(weights.shape[1])], axis=1)
        if self.degree <= 1:
            flat = self.flat()
            inner = np.einsum("ij,jk->ik", flat.weights, weights)
            outer = np.einsum("j,jk->k", flat.bias, weights)
            return Units(self.done, inner, outer, linear)
        if len(self.done) > MAX_LAYERS - 2:
            raise ModelInvalidError(f"1 to {MAX_LAYERS} layers", clause="model.depth")
        powers = self.powers[:, : self.degree + 1]
        layer = Layer(rows_of(self.weights), tuple(map(float, self.bias)), rows_of(powers))
        return Units((*self.done, layer), weights, np.zeros(weights.shape[1]), linear)

    def flat(self) -> "Units":
        """Return the same with z itself: a polynomial of degree one is another affine map.

        Raises:
            ModelInvalidError: the degree is higher.

        """
        if self.degree > 1:
            raise ModelInvalidError("a function of a polynomial", clause="model.degree")
        slope = self.powers[:, 1] if self.powers.shape[1] > 1 else np.zeros(self.width)
        powers = np.stack([np.zeros(self.width), np.ones(self.width)], axis=1)
        bias = self.bias * slope + self.powers[:, 0]
        return Units(self.done, self.weights * slope, bias, powers)

    def fitted(self, coefficients: tuple[float, ...]) -> "Units":
        """Return one polynomial of each of the m; errors as `flat`."""
        flat = self.flat()
        return replace(flat, powers=np.tile(np.array(coefficients), (self.width, 1)))

    def layers(self) -> tuple[Layer, ...]:
        """Return all layers, with a sum at the end."""
        end = self.through(np.eye(self.width)) if self.degree > 1 else self.flat()
        return (*end.done, Layer(rows_of(end.weights), tuple(map(float, end.bias))))

    def _each(self, numbers: Reals) -> Reals:
        """Return m numbers, of m or of one, in a row or alone.

        Raises:
            ModelInvalidError: there are others.

        """
        if numbers.ndim > 2 or (numbers.ndim == 2 and numbers.shape[0] != 1):
            raise ModelInvalidError("numbers that differ by row", clause="model.shape")
        flat = numbers.reshape(-1).astype(np.float64)
        if len(flat) not in {1, self.width}:
            raise ModelInvalidError("a constant of another size", clause="model.shape")
        return np.broadcast_to(flat, (self.width,))

    def _same(self, other: "Units") -> None:
        if self.base is not other.base:
            raise ModelInvalidError("branches of a graph that meet again", clause="model.branch")


def inputs(width: int) -> Units:
    """Return the columns themselves."""
    powers = np.tile(np.array([0.0, 1.0]), (width, 1))
    return Units((), np.eye(width), np.zeros(width), powers)


def _padded(powers: Reals, size: int) -> Reals:
    return np.pad(powers, ((0, 0), (0, size - powers.shape[1])))
