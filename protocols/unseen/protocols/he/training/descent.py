"""Nesterov 1983, with rests (O'Donoghue and Candes 2015): from noisy gradients to weights.

Weights keep scores within reach: their norm times that of rows, of both parties together. That is
what the buyer declares, and what noise at the provider is reckoned for.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.training.task import CLAUSE, LINEAR, Task

Reals = NDArray[np.float64]
_INSIDE = 1 - 2.0**-45


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where a descent is: its weights, those it asks about next, and steps since it last rested."""

    weights: Reals = field(repr=False)
    ahead: Reals = field(repr=False)
    age: int


@dataclass(slots=True)
class Descent:
    """Steps of `rate` times what is safe for any rows; `ridge` draws weights to zero."""

    task: Task
    rate: float = 1.0
    ridge: float = 0.0
    momentum: bool = True
    weights: Reals = field(init=False)
    _ahead: Reals = field(init=False, repr=False)
    _age: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin at zero."""
        self.weights = np.zeros(self.task.width)
        self._ahead = self.weights

    @classmethod
    def resumed(
        cls, task: Task, state: State, *, rate: float, ridge: float, momentum: bool = True
    ) -> Self:
        """Return a descent that goes on where another one of these steps was.

        Raises:
            InputInvalidError: the state is of another task: other weights, or beyond its reach.

        """
        found = cls(task, rate, ridge, momentum)
        for weights in (state.weights, state.ahead):
            fits = weights.shape == (task.width,) and bool(np.isfinite(weights).all())
            if not fits or largest_score(weights, task) > float(task.reach):
                raise InputInvalidError("weights of another training", clause=CLAUSE)
        found.weights, found._ahead, found._age = state.weights, state.ahead, state.age
        return found

    @property
    def state(self) -> State:
        """Return what another process goes on from."""
        return State(self.weights, self._ahead, self._age)

    @property
    def asked(self) -> Reals:
        """Return the weights at which a gradient is asked for: within reach."""
        return self._ahead

    def step(self, gradient: Reals) -> None:
        """Take a gradient, summed over rows, at `asked`."""
        slope = gradient / self.task.most_rows + self.ridge * self._ahead
        found = within_reach(self._ahead - self._length() * slope, self.task)
        self._age += 1
        moved = found - self.weights
        if self.momentum and float(np.dot(slope, moved)) < 0:
            share = (self._age - 1) / (self._age + 2)
        else:
            share, self._age = 0.0, 0
        self.weights, self._ahead = found, within_reach(found + share * moved, self.task)

    def _length(self) -> float:
        task = self.task
        bend = LINEAR * task.shrink if task.logistic else Fraction(1)
        return self.rate / float(bend * (task.norm**2 + task.own_norm**2))


def largest_score(weights: Reals, task: Task) -> float:
    """Return the largest score that rows of these norms can have."""
    theirs, own = np.split(weights, [task.columns])
    sizes = [float(np.sqrt(np.dot(part, part))) for part in (theirs, own)]
    return sizes[0] * float(task.norm) + sizes[1] * float(task.own_norm)


def within_reach(weights: Reals, task: Task) -> Reals:
    """Return weights drawn in till no score passes the reach."""
    limit, most = float(task.reach) * _INSIDE, largest_score(weights, task)
    return weights if most <= limit else weights * (limit / most)
