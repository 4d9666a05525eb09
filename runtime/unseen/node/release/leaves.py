"""How many rows reach the smallest leaf of a model of trees, counted over rows that the node has.

A tree whose leaf was fitted on few rows shows something of each of them. Nothing in a file says how
many they were (what it says is not believed), but the node has all rows that the code was given:
those that reach a leaf are at least those it was fitted on.

Not protected: a leaf that was fitted on few rows and is reached by many others.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unseen.evidence.contracts.modelled import Trees
from unseen.evidence.contracts.shape import Row
from unseen.evidence.contracts.typed import Value
from unseen.node.errors import InternalError


def smallest_leaf(value: Value, rows: NDArray[np.float64]) -> int:
    """Return the least number of `rows` (n x features, in their units) in a leaf of any tree.

    A feature that is missing is NaN, and goes to the right as in ONNX. Thresholds are compared as
    they leave, rounded.

    Raises:
        InternalError: it is no model of trees, or the rows have other columns.

    """
    shape = value.shape
    if not isinstance(shape, Trees) or rows.ndim != 2 or rows.shape[1] != len(shape.features):
        raise InternalError("leaves are counted of trees, over rows of their features")
    starts = range(1, shape.most, shape.rows_each)
    return min(_smallest(shape, value.rows[at : at + shape.rows_each], rows) for at in starts)


def reached(shape: Trees, tree: Sequence[Row], rows: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place in the heap, n, of the leaf of `tree` that each of `rows` reaches."""
    ended = _ended(shape, tree)
    splits = tree[: len(ended)]
    places = {name: at for at, name in enumerate(shape.features)}
    unit = 10**shape.threshold.decimals
    columns = np.array([places.get(str(feature), 0) for feature, _ in splits])
    limits = np.array([int(threshold or 0) / unit for _, threshold in splits])
    found = np.zeros(len(rows), dtype=np.int64)
    every = np.arange(len(rows))
    for _ in range(shape.depth):
        right = ~(rows[every, columns[found]] <= limits[found]) & ~ended[found]
        found = 2 * found + 1 + right
    return found


def _smallest(shape: Trees, tree: Sequence[Row], rows: NDArray[np.float64]) -> int:
    counts = np.bincount(reached(shape, tree, rows), minlength=len(tree))
    return min(int(counts[at]) for at in _leaves(_ended(shape, tree)))


def _ended(shape: Trees, tree: Sequence[Row]) -> NDArray[np.bool_]:
    """Return which places of a split have none."""
    return np.array([row[0] is None for row in tree[: (1 << shape.depth) - 1]])


def _leaves(ended: NDArray[np.bool_]) -> list[int]:
    """Return the places of the leaves that a row may reach; below an end that is the first."""
    level = [0]
    while level[0] < len(ended):
        level = [
            below
            for at in level
            for below in ((2 * at + 1,) if ended[at] else (2 * at + 1, 2 * at + 2))
        ]
    return level
