"""Böhning and Lindsay, "Monotonicity of quadratic-approximation algorithms", 1988, section 4.

Linear, logistic and Poisson regression by Newton steps under one fixed curvature, which is noisy
and paid for once: X'X for the squared loss, X'X / 4 for the logistic one (its bound for any
weights), X'diag(y)X for counts, which has the mean of the curvature at the best weights. Each
further step costs a gradient of width + 1 numbers. Full batches, gradients clipped row by row
(Abadi et al., CCS 2016, without sampling); eigenvalues are lifted by the norm that the noise of a
symmetric matrix has, 2 sigma sqrt(p), so that noise is never inverted.

Noise protects people, not accuracy: directions in which little varies stay near zero.
"""

from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.train import coding
from unseen.protocols.train.coding import Json
from unseen.protocols.train.rows import (
    Reals,
    Rows,
    products,
    row_unit,
    score,
    total,
    whole_rows,
)
from unseen.protocols.train.schedule import Step, residual_length
from unseen.protocols.train.spec import Spec

SCALE: Final = 10**9  # weights are whole numbers of this part
_LARGEST: Final = 1 << 52
_FARTHEST: Final = 30.0  # a linear predictor beyond this is taken for it
_STRIDE: Final = 2.0  # how far the predictor of counts may move in a step


def curvature(spec: Spec, rows: Rows) -> NDArray[np.int64]:
    """Return the upper triangle of a party's curvature, p (p + 1) / 2 whole numbers, exactly."""
    whole = whole_rows(spec, rows)
    weighted = whole * rows.labels[:, None] if spec.family == "poisson" else whole
    found = products(weighted, whole)  # whole numbers below 2^52: exact in any order
    return found[np.triu_indices(len(found))].astype(np.int64)


def gradient(spec: Spec, rows: Rows, weights: Reals) -> NDArray[np.int64]:
    """Return the sum of a party's gradients, each at most S long, exactly."""
    whole = whole_rows(spec, rows)
    predictor = score(whole, weights) / row_unit(spec)
    residual = np.rint((rows.labels - mean_of(spec, predictor)) * (1 << spec.privacy.bits))
    squares = np.einsum("ij,ij->i", whole, whole)
    longest = residual_length(spec)
    most = np.floor(longest / np.sqrt(np.maximum(squares, 1.0)))
    most -= most * most * squares > float(longest) ** 2
    return total(whole, np.clip(residual, -most, most)).astype(np.int64)


def mean_of(spec: Spec, predictor: Reals) -> Reals:
    """Return the mean that a linear predictor stands for, in the unit of `Rows.labels`."""
    found: Reals
    if spec.family == "linear":
        found = predictor
    elif spec.family == "poisson":
        found = np.exp(np.clip(predictor, -_FARTHEST, _FARTHEST))
    else:
        found = 1.0 / (1.0 + np.exp(-np.clip(predictor, -_FARTHEST, _FARTHEST)))
    return found


class Regression:
    """What the coordinator knows: weights, and after the first step the curvature."""

    def __init__(self, spec: Spec) -> None:
        """Start at zero."""
        self._spec = spec
        self._weights: Reals = np.zeros(spec.width + 1)
        self._inverse: Reals = np.zeros((0, 0))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the intercept and the weights in parts of 10^9."""
        scaled = np.rint(self._weights * SCALE)
        return tuple(int(number) for number in scaled)

    def state(self) -> Json:
        """Return what the parties have to know for the next step."""
        return {"weights": list(self.numbers)}

    def absorb(self, step: Step, sums: NDArray[np.int64], survivors: int) -> None:
        """Take the noisy sum of a step."""
        if step.kind == "curvature":
            self._invert(sums, sqrt(survivors * step.sigma2))
            return
        unit = row_unit(self._spec) * (1 << self._spec.privacy.bits)
        ridge = float(self._spec.descent.ridge)
        move = self._inverse @ (sums / unit - ridge * self._weights)
        if self._spec.family == "poisson":
            far = float(np.sqrt(move @ move)) * float(self._spec.descent.norm)
            move *= min(1.0, _STRIDE / max(far, 1e-300))
        wide = np.clip(np.rint((self._weights + move) * SCALE), -_LARGEST, _LARGEST)
        self._weights = wide / SCALE

    def _invert(self, sums: NDArray[np.int64], sigma: float) -> None:
        width = self._spec.width + 1
        upper = np.zeros((width, width))
        upper[np.triu_indices(width)] = sums
        factor = (0.25 if self._spec.family == "logistic" else 1.0) / row_unit(self._spec) ** 2
        values, vectors = np.linalg.eigh((upper + np.triu(upper, 1).T) * factor)
        lifted = np.maximum(values, 0.0) + 2 * sigma * sqrt(width) * factor
        self._inverse = (vectors / (lifted + float(self._spec.descent.ridge) + 1e-9)) @ vectors.T


def weights_of(spec: Spec, state: Json) -> Reals:
    """Return the weights in a state.

    Raises:
        MalformedMessageError: it has others than the task.

    """
    found = coding.whole_numbers(coding.record(state, "weights")["weights"], spec.width + 1)
    return np.array(found, np.float64) / SCALE
