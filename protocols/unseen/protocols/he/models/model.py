"""McCullagh and Nelder 1989, section 2.2, and Dowlin et al., ICML 2016: what rows are scored with.

A generalised linear model, or a small network whose units are polynomials. What is released is the
predictor, one number a row; its link (a probability, a mean count) is applied by whoever receives
it. Weights are secret, everything that `shape` has is public. Nothing here hides anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he.models.columns import Reals, seen_rows, steps_of, width_of
from unseen.protocols.train.model import Model as Trained
from unseen.protocols.train.spec import Feature

FAMILIES: Final = ("linear", "logistic", "poisson")
MAX_COLUMNS: Final = 1000
MAX_UNITS: Final = 256
MAX_LAYERS: Final = 4
_LARGEST: Final = float(1 << 64)  # a weight beyond this is a mistake
FARTHEST: Final = 30.0  # as in training: a predictor beyond this is taken for it


@dataclass(frozen=True)
class Layer:
    """A unit is a polynomial of bias plus weighted inputs.

    `weights` are inputs x units; `powers` one polynomial a unit, constant first, all of one degree,
    or nothing where units are the sums themselves.
    """

    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]
    powers: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no layer.

        Raises:
            ModelInvalidError: it is none; the clause says why.

        """
        units = len(self.bias)
        if not 1 <= units <= MAX_UNITS:
            raise ModelInvalidError(f"a layer has 1 to {MAX_UNITS} units", clause="model.shape")
        if not self.weights or any(len(row) != units for row in self.weights):
            raise ModelInvalidError("weights are inputs x units", clause="model.shape")
        if self.powers and (len(self.powers) != units or len(set(map(len, self.powers))) != 1):
            raise ModelInvalidError("one polynomial a unit, of one degree", clause="model.shape")
        if self.powers and self.degree not in {2, 3}:
            raise ModelInvalidError("units are of degree two or three", clause="model.degree")
        if not all(type(number) is float for number in self.numbers()):
            raise ModelInvalidError("weights are floats", clause="model.type")
        # Not `abs(NaN) <= ...`, which is false as well, but says less.
        if not all(isfinite(one) and abs(one) <= _LARGEST for one in self.numbers()):
            raise ModelInvalidError("a weight is not finite, or over 2^64", clause="model.finite")

    @property
    def degree(self) -> int:
        """Return the degree of the units' polynomials."""
        return len(self.powers[0]) - 1 if self.powers else 1

    def numbers(self) -> Iterator[float]:
        """Yield weights row by row, biases and polynomials."""
        for row in (*self.weights, self.bias, *self.powers):
            yield from row


@dataclass(frozen=True)
class Model:
    """What a row is scored with. `layers` end in one unit that is a sum: the predictor.

    Inputs are the columns as a model sees them, in their units, an indicator for each of their
    values where they have some.
    """

    family: str
    features: tuple[Feature, ...]
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            ModelInvalidError: it does not; the clause says why.

        """
        if self.family not in FAMILIES:
            raise ModelInvalidError("no such family", clause="model.family")
        names = [feature.name for feature in self.features]
        if not names or len(set(names)) != len(names):
            raise ModelInvalidError("no columns, or a name twice", clause="model.features")
        if self.width > MAX_COLUMNS:
            raise ModelInvalidError(f"over {MAX_COLUMNS} columns", clause="model.features")
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise ModelInvalidError(f"1 to {MAX_LAYERS} layers", clause="model.depth")
        inputs = self.width
        for layer in self.layers:
            if len(layer.weights) != inputs:
                text = f"a layer of {len(layer.weights)} inputs after {inputs} numbers"
                raise ModelInvalidError(text, clause="model.shape")
            inputs = len(layer.bias)
        if inputs != 1 or self.layers[-1].powers:
            raise ModelInvalidError("a row has one score, a sum", clause="model.output")
        if not all(layer.powers for layer in self.layers[:-1]):
            raise ModelInvalidError("a layer without polynomials", clause="model.depth")

    @cached_property
    def width(self) -> int:
        """Return how many numbers it sees of a row."""
        return width_of(self.features)

    @property
    def is_line(self) -> bool:
        """Return whether the predictor is a weighted sum of columns."""
        return len(self.layers) == 1

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Return (units, degree) of each layer: public."""
        return tuple((len(layer.bias), layer.degree) for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Return how many numbers are secret."""
        return sum(1 for layer in self.layers for _ in layer.numbers())

    def predictor(self, values: NDArray[np.floating]) -> Reals:
        """Return what is released of each row, rounded to its columns' decimals: n numbers.

        Raises:
            InputInvalidError: not a matrix with the model's columns, or a number out of bounds.

        """
        found = seen_rows(self.features, values)
        for layer in self.layers:
            # Not through BLAS, which starts threads for it.
            found = np.einsum("ij,jk->ik", found, np.array(layer.weights)) + np.array(layer.bias)
            if layer.powers:
                found = _polynomials(np.array(layer.powers), found)
        return found[:, 0]

    def predict(self, values: NDArray[np.floating]) -> Reals:
        """Return probability, mean count or number of each row; errors as `predictor`."""
        return linked(self.family, self.predictor(values))

    def exact(self, row: Sequence[int]) -> Fraction:
        """Return the predictor of one row of `columns.whole_rows`, without rounding.

        Raises:
            InputInvalidError: another number of columns.

        """
        if len(row) != self.width:
            raise InputInvalidError("a row has the columns of the model")
        found = [n * step for n, step in zip(map(int, row), steps_of(self.features), strict=True)]
        for layer in self.layers:
            sums = [
                sum((Fraction(w) * x for w, x in zip(column, found, strict=True)), Fraction(bias))
                for column, bias in zip(zip(*layer.weights, strict=True), layer.bias, strict=True)
            ]
            found = [
                sum((Fraction(c) * z**i for i, c in enumerate(powers)), Fraction(0))
                for z, powers in zip(sums, layer.powers or ((0.0, 1.0),) * len(sums), strict=True)
            ]
        return found[0]


def line(family: str, features: Sequence[Feature], weights: Sequence[float], bias: float) -> Model:
    """Return a generalised linear model: a weight for each column as it is seen.

    Raises:
        ModelInvalidError: these make none.

    """
    layer = Layer(tuple((float(weight),) for weight in weights), (float(bias),))
    return Model(family, tuple(features), (layer,))


def standardised(model: Model, means: Sequence[float], scales: Sequence[float]) -> Model:
    """Return the model of columns x, given that of (x - mean) / scale: weights take it in.

    Raises:
        ModelInvalidError: not a mean and a scale for each column, a scale of zero, or not finite.

    """
    centre, scale = np.array(means, np.float64), np.array(scales, np.float64)
    if centre.shape != (model.width,) or scale.shape != (model.width,):
        raise ModelInvalidError("a mean and a scale for each column", clause="model.shape")
    if not (np.isfinite(centre).all() and np.isfinite(scale).all() and scale.all()):
        raise ModelInvalidError("means and scales are finite, no scale 0", clause="model.finite")
    first = model.layers[0]
    weights = np.array(first.weights) / scale[:, None]
    bias = np.array(first.bias) - np.einsum("i,ij->j", centre, weights)
    layer = Layer(rows_of(weights), tuple(map(float, bias)), first.powers)
    return Model(model.family, model.features, (layer, *model.layers[1:]))


def from_trained(trained: Trained) -> Model:
    """Return a regression that was trained jointly; the same within bounds to rounding.

    Training sees a number from -1 to 1 between its bounds, and for a linear regression its label
    as well: both are folded into the weights.

    Raises:
        ModelInvalidError: it is boosted trees, which encryption does not compare with.

    """
    spec = trained.spec
    if spec.family not in FAMILIES:
        raise ModelInvalidError("trees are not scored under encryption", clause="model.family")
    return from_seen(spec.family, spec.features, spec.label, trained.weights)


def from_seen(family: str, features: Sequence[Feature], label: Feature, weights: Reals) -> Model:
    """Return a regression of columns in their units, given that of what a training sees of them.

    `weights` have the intercept first. Raises `ModelInvalidError` where these make no model.
    """
    middle: list[float] = []
    half: list[float] = []
    for feature in features:
        unit = 10.0**feature.decimals
        known = feature.values
        middle += [0.0 if known else (feature.low + feature.high) / (2 * unit)] * feature.width
        half += [1.0 if known else (feature.high - feature.low) / (2 * unit)] * feature.width
    times, plus = 1.0, 0.0
    if family == "linear":
        unit = 10.0**label.decimals
        times = (label.high - label.low) / (2 * unit)
        plus = (label.high + label.low) / (2 * unit)
    seen = line(
        family,
        features,
        [float(weight) * times for weight in weights[1:]],
        float(weights[0]) * times + plus,
    )
    return standardised(seen, middle, half)


def linked(family: str, predictor: Reals) -> Reals:
    """Return what predictors of a family stand for: the receiver's last step.

    Raises:
        InputInvalidError: there is no such family.

    """
    near = np.clip(predictor, -FARTHEST, FARTHEST)
    found: Reals
    if family == "linear":
        found = predictor
    elif family == "logistic":
        found = 1.0 / (1.0 + np.exp(-near))
    elif family == "poisson":
        found = np.exp(near)
    else:
        raise InputInvalidError("no such family", clause="model.family")
    return found


def rows_of(matrix: Reals) -> tuple[tuple[float, ...], ...]:
    """Return a matrix as tuples."""
    return tuple(tuple(map(float, row)) for row in matrix)


def _polynomials(powers: Reals, values: Reals) -> Reals:
    """Return each unit's polynomial, units x (degree + 1), of n x units."""
    found = np.zeros_like(values)
    for coefficients in powers.T[::-1]:
        found = found * values + coefficients
    return found
