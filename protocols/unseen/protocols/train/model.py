"""McCullagh and Nelder 1989, section 2.2: a trained model, as whole numbers and nothing else.

No code is in it and no row; what its numbers say about rows is bounded by the noise they were
made with, and by nothing where that was none.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.train import boosting, coding
from unseen.protocols.train.regression import SCALE, mean_of
from unseen.protocols.train.rows import Reals, columns_of, score
from unseen.protocols.train.spec import Spec

FORMAT = "unseen/train/model/1"


@dataclass(frozen=True)
class Model:
    """What a training ends with.

    `numbers` are, for a regression, intercept and weights in parts of 10^9, in the order of what a
    model sees; for trees, columns, bins and leaves of one after the other.
    """

    spec: Spec
    numbers: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse numbers that are no model of this task.

        Raises:
            MalformedMessageError: they are not.

        """
        if self.spec.family == "boosting":
            boosting.trees_from(self.spec, self.numbers)
        elif len(self.numbers) != self.spec.width + 1:
            raise MalformedMessageError("another number of parameters")

    @cached_property
    def trees(self) -> tuple[boosting.Tree, ...]:
        """Return the trees of a boosted model."""
        return boosting.trees_from(self.spec, self.numbers)

    @property
    def weights(self) -> Reals:
        """Return intercept and weights of a regression."""
        return np.array(self.numbers, np.float64) / SCALE

    def score(self, features: NDArray[np.floating]) -> Reals:
        """Return the predictor of each row: n x features, in the units of the task.

        Raises:
            InputInvalidError: not such a matrix, or a number that is not finite.

        """
        values = np.asarray(features, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.spec.features):
            raise InputInvalidError("a matrix with the features of the model is scored")
        if not np.isfinite(values).all():
            raise InputInvalidError("a feature is not finite")
        return self.score_columns(columns_of(self.spec, values))

    def score_columns(self, columns: Reals) -> Reals:
        """Return the predictor of rows as a model sees them: n x width."""
        if self.spec.family == "boosting":
            return boosting.score_of(self.trees, boosting.binned_of(self.spec, columns))
        found: Reals = score(columns, self.weights[1:]) + self.weights[0]
        return found

    def predict(self, features: NDArray[np.floating]) -> Reals:
        """Return probability, mean count or mean label of each row; errors as `score`."""
        found = self.score(features)
        if self.spec.binary or self.spec.family == "poisson":
            return mean_of(self.spec, found)
        label = self.spec.label
        half, middle = (label.high - label.low) / 2, (label.high + label.low) / 2
        wide: Reals = (found * half + middle) / 10.0**label.decimals
        return wide

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        fields = {
            "format": FORMAT,
            "spec": self.spec.to_json(),
            "numbers": list(self.numbers),
        }
        return coding.encode(fields)

    @classmethod
    def decode(cls, data: bytes) -> "Model":
        """Return the model whose canonical bytes are `data`.

        Raises:
            MalformedMessageError: it is none.
            InputInvalidError: its task is out of range.

        """
        fields = coding.record(coding.decode(data), "format", "spec", "numbers")
        if fields["format"] != FORMAT:
            raise MalformedMessageError("another format of model")
        numbers = tuple(coding.whole_numbers(fields["numbers"]))
        return cls(Spec.from_json(fields["spec"]), numbers)
