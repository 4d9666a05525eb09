"""Yeom, Giacomelli, Fredrikson and Jha, CSF 2018: membership inference by the loss of a row.

For models that came out of a buyer's code, of which the node has the numbers and nothing else. It
scores them itself, over the rows that the code was given and over rows that it held back: where a
model knows the former better, the loss tells them apart. Bounds and errors are those of
`unseen.protocols.train.attack`.

Not protected: the attack has no reference models, so it finds overfitting as a whole, and not
single rows that stand out. What it does not find may be there.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unseen.evidence.contracts.modelled import Modelled, Network, Trees
from unseen.evidence.contracts.typed import Value
from unseen.node.errors import InternalError
from unseen.node.release.facts import Attacked
from unseen.node.release.leaves import reached
from unseen.node.release.rules import Limits
from unseen.protocols.train.attack import LEAST, WHOLE, advantage, area, error_of, least_of

Reals = NDArray[np.float64]
_FARTHEST = 30.0  # of a predictor, as in a training
_Z = 1.96  # of a 95 % interval
_ACTIVATIONS: dict[str, Callable[[Reals], Reals]] = {
    "relu": lambda line: np.maximum(line, 0.0),
    "tanh": np.tanh,
    "logistic": lambda line: 1.0 / (1.0 + np.exp(-np.clip(line, -700.0, 700.0))),
}


def attacked(
    value: Value, members: tuple[Reals, Reals], others: tuple[Reals, Reals], alike: int = 1
) -> Attacked:
    """Return what the attack finds in a model; not measured with fewer than 40 rows of a side.

    Each side is rows (n x features, in their units) and labels (n): numbers, or the places of
    classes. `alike` rows may be one person's.

    Raises:
        InternalError: it is no such model, or the rows have other columns.

    """
    bar = Limits().attack
    sizes = len(members[1]), len(others[1])
    if min(sizes) < LEAST:
        return Attacked(measured=False, bar=bar, members=sizes[0], others=sizes[1])
    inside, outside = (-losses(value, *side) for side in (members, others))
    auc = area(inside, outside)
    error = error_of(auc, *sizes, alike)
    return Attacked(
        measured=True,
        auc=round(WHOLE * auc),
        low=max(int(WHOLE * (auc - _Z * error)), 0),
        high=min(int(WHOLE * (auc + _Z * error)) + 1, WHOLE),
        least=least_of(auc, *sizes, alike),
        advantage=round(WHOLE * advantage(inside, outside)),
        bar=bar,
        members=sizes[0],
        others=sizes[1],
    )


def losses(value: Value, rows: Reals, labels: Reals) -> Reals:
    """Return the loss of each row, n, under the model's link."""
    shape = value.shape
    line = predictors(value, rows)
    places = labels.astype(np.int64)
    link = shape.link if isinstance(shape, Network | Trees) else "identity"
    if line.shape[1] > 1:  # of classes
        if ((places < 0) | (places >= line.shape[1])).any():
            raise InternalError("a label that is none of the model's classes")
        own = line[np.arange(len(line)), places]
        if link != "softmax":
            return np.asarray(-own, dtype=np.float64)
        top = line.max(axis=1)
        return np.asarray(top + np.log(np.exp(line - top[:, None]).sum(axis=1)) - own)
    (score,) = line.T
    if link == "logistic":
        return np.asarray(np.logaddexp(0.0, np.where(labels > 0, -score, score)))
    if link == "exp":
        near = np.clip(score, -_FARTHEST, _FARTHEST)
        return np.asarray(np.exp(near) - labels * near)
    return np.asarray((labels - score) ** 2)


def predictors(value: Value, rows: Reals) -> Reals:
    """Return what a model says of rows before its link, n x outputs.

    Raises:
        InternalError: it is no network and no trees, or the rows have other columns.

    """
    shape = value.shape
    if isinstance(shape, Network) and rows.ndim == 2 and rows.shape[1] == len(shape.features):
        return _network(shape, value, rows)
    if isinstance(shape, Trees) and rows.ndim == 2 and rows.shape[1] == len(shape.features):
        return _trees(shape, value, rows)
    what = "rows have other columns" if isinstance(shape, Modelled) else "it is no model"
    raise InternalError(f"a model cannot be scored: {what}")


def _network(shape: Network, value: Value, rows: Reals) -> Reals:
    flat = np.array([row[0] or 0 for row in value.rows]) / 10**shape.cell.decimals
    units, at = rows, 0
    for place, (before, after) in enumerate(pairwise(shape.sizes)):
        lines = flat[at : at + (before + 1) * after].reshape(before + 1, after)
        units = units @ lines[:-1] + lines[-1]
        at += (before + 1) * after
        if place < len(shape.layers) - 1:
            units = _ACTIVATIONS[shape.activation](units)
    return units


def _trees(shape: Trees, value: Value, rows: Reals) -> Reals:
    unit = 10**shape.leaf.decimals
    found = np.tile(np.array([int(one or 0) for one in value.rows[0]]) / unit, (len(rows), 1))
    splits = (1 << shape.depth) - 1
    for at in range(1, shape.most, shape.rows_each):
        tree = value.rows[at : at + shape.rows_each]
        leaves = np.array([[int(one or 0) for one in row] for row in tree[splits:]]) / unit
        found += leaves[reached(shape, tree, rows) - splits]
    return found
