"""Kim, Song, Wang, Xia, Jiang 2018: the same training in the clear, to compare with.

Nothing here is hidden from anybody.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.he.training.buyer import products
from unseen.protocols.he.training.descent import Descent
from unseen.protocols.he.training.task import LINEAR, SHRINK, Task

Reals = NDArray[np.float64]


def cubic(scores: Reals) -> Reals:
    """Return the chances that an encrypted training reckons with."""
    shrunk = float(SHRINK) * scores
    found: Reals = 0.5 + shrunk * (float(LINEAR) - shrunk * shrunk)
    return found


def sigmoid(scores: Reals) -> Reals:
    """Return the chances that they stand for."""
    found: Reals = 1 / (1 + np.exp(-scores))
    return found


def gradient(
    values: Reals,
    labels: Reals,
    weights: Reals,
    task: Task,
    chance: Callable[[Reals], Reals] = cubic,
) -> Reals:
    """Return the sum over rows of residual times row: n x width values, the provider's first."""
    scores = products(values, weights)
    residuals = (chance(scores) if task.logistic else scores) - labels
    found: Reals = (values * residuals[:, np.newaxis]).sum(axis=0)
    return found


def trained(
    values: Reals,
    labels: Reals,
    descent: Descent,
    chance: Callable[[Reals], Reals] = cubic,
    noise: Callable[[int], Reals] = np.zeros,
) -> Reals:
    """Return the weights of a training: `noise(width)` is added to each gradient."""
    task = descent.task
    for _ in range(task.iterations):
        found = gradient(values, labels, descent.asked, task, chance)
        descent.step(found + noise(task.width))
    return descent.weights
