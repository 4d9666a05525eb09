"""Maddock, Cormode, Wang, Maple and Jha, CCS 2022: boosted trees from histograms of all parties.

A step is a level of one tree: sums of first and second derivatives (Chen and Guestrin, KDD 2016)
by node, column and bin. Bins have equal width within public clamps, and the columns of a level
are drawn in public (their "cyclical" training), so that a row is in few cells and needs little
noise. A node is split by its noisy gain, and only if both sides hold `leaf` rows by the noisy
second derivatives: a row's is at most 1/4 for the logistic loss and 1 for the squared one, so their
sum bounds the rows from below. By noisy sums: a leaf may hold fewer, and noise is what protects it.

A tree is kept whole: 2^depth - 1 splits in the order of a heap, a node without one sends every
row to the left.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.train import coding
from unseen.protocols.train.coding import Json
from unseen.protocols.train.regression import SCALE
from unseen.protocols.train.rows import Reals, Rows
from unseen.protocols.train.schedule import Step
from unseen.protocols.train.spec import Spec

NONE: Final = -1  # in place of a column: the node has no split
_LARGEST: Final = 1 << 40

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """`columns` and `bins` of 2^depth - 1 splits; `leaves` are 2^depth values in parts of 10^9.

    A row goes left where its bin is at most the split's. A tree under way has fewer splits, those
    of its upper levels, and no leaves.
    """

    columns: tuple[int, ...]
    bins: tuple[int, ...]
    leaves: tuple[int, ...] = ()

    def place(self, binned: Whole) -> Whole:
        """Return where each row of `binned`, n x width, arrives, from the left."""
        found = np.zeros(len(binned), np.int64)
        columns, bins = np.array(self.columns), np.array(self.bins)
        rows = np.arange(len(binned))
        for level in range((len(self.columns) + 1).bit_length() - 1):
            node = found + (1 << level) - 1
            column = columns[node]
            right = (column != NONE) & (binned[rows, column] > bins[node])
            found = 2 * found + right
        return found


def edges(spec: Spec, column: int) -> tuple[float, ...]:
    """Return the upper edges of all bins of a column but the last, as a model sees it."""
    bins = spec.boosting.bins
    if _indicators(spec)[column]:
        return (0.5,)
    return tuple(2.0 * k / bins - 1.0 for k in range(1, bins))


def binned_of(spec: Spec, columns: Reals) -> Whole:
    """Return the bin of every number: n x width."""
    found = np.empty(columns.shape, np.int64)
    for column in range(spec.width):
        found[:, column] = np.searchsorted(edges(spec, column), columns[:, column], side="left")
    return found


@lru_cache(maxsize=1024)
def drawn(spec: Spec, tree: int, level: int) -> tuple[int, ...]:
    """Return the columns that a level looks at: the same for everybody, whatever the data."""
    seed = f"{spec.digest} {tree} {level}".encode()
    order = sorted(
        range(spec.width),
        key=lambda column: hashlib.sha256(seed + column.to_bytes(2)).digest(),
    )
    return tuple(order[: spec.boosting.columns])


def score_of(trees: tuple[Tree, ...], binned: Whole) -> Reals:
    """Return the sum of the leaves that each row arrives at."""
    found = np.zeros(len(binned))
    for tree in trees:
        if tree.leaves:
            found += np.array(tree.leaves, np.float64)[tree.place(binned)] / SCALE
    return found


def histogram(spec: Spec, rows: Rows, trees: tuple[Tree, ...], step: Step) -> Whole:
    """Return a party's sums: node x column x bin x (g, h), flat, whole numbers."""
    binned = binned_of(spec, rows.columns)
    first, second = _derivatives(spec, rows.labels, score_of(trees, binned))
    node = trees[step.part].place(binned) if step.level else np.zeros(len(binned), np.int64)
    bins = spec.boosting.bins
    chosen = drawn(spec, step.part, step.level)
    found = np.empty((1 << step.level, len(chosen), bins, 2), np.int64)
    for i, column in enumerate(chosen):
        cell = node * bins + binned[:, column]
        for j, values in enumerate((first, second)):
            sums = np.bincount(cell, values, minlength=bins << step.level)
            found[:, i, :, j] = sums.reshape(-1, bins)  # whole numbers below 2^52: exact
    return found.ravel()


def _derivatives(spec: Spec, labels: Reals, score: Reals) -> tuple[Reals, Reals]:
    unit = float(1 << spec.privacy.bits)
    if not spec.binary:
        residual = np.clip(labels - score, -1.0, 1.0)
        return np.rint(residual * unit), np.full(len(labels), unit)
    chance = 1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0)))
    second = np.minimum(np.rint(chance * (1.0 - chance) * unit), unit // 4)
    return np.rint((labels - chance) * unit), second


class Boosted:
    """What the coordinator knows: trees, the last of which may be under way."""

    def __init__(self, spec: Spec) -> None:
        """Start without a tree."""
        self._spec = spec
        self._trees: list[Tree] = []
        self.smallest = 0
        """The smallest leaf so far, by its noisy sums: rows at least, 0 before the first."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return columns, bins and leaves of tree after tree."""
        found: list[int] = []
        for tree in self._trees:
            found += (*tree.columns, *tree.bins, *tree.leaves)
        return tuple(found)

    def state(self) -> Json:
        """Return what the parties have to know for the next step."""
        return {
            "trees": [
                {"columns": list(t.columns), "bins": list(t.bins), "leaves": list(t.leaves)}
                for t in self._trees
            ]
        }

    def absorb(self, step: Step, total: Whole, survivors: int) -> None:  # noqa: ARG002 - as others
        """Take the noisy sums of a level."""
        steps, unit = self._spec.boosting, float(1 << self._spec.privacy.bits)
        sums = total.reshape(1 << step.level, steps.columns, steps.bins, 2) / unit
        open_tree = self._trees.pop() if step.level else Tree((), ())
        splits, sides = [], []
        for node in sums:
            split, left, right = self._split(step, node)
            splits.append(split)
            sides += [left, right]
        columns = open_tree.columns + tuple(column for column, _ in splits)
        bins = open_tree.bins + tuple(cut for _, cut in splits)
        leaves: tuple[int, ...] = ()
        if step.level == steps.depth - 1:
            leaves = tuple(self._leaf(side) for side in sides)
        self._trees.append(Tree(columns, bins, leaves))

    def _split(self, step: Step, node: Reals) -> tuple[tuple[int, int], Reals, Reals]:
        """Return the split of a node, and (g, h) of its sides: all of it is left without one."""
        chosen = drawn(self._spec, step.part, step.level)
        whole: Reals = node.sum(axis=1).mean(axis=0)
        best, least = None, self._gain(whole)
        for i, column in enumerate(chosen):
            left = node[i].cumsum(axis=0)[: len(edges(self._spec, column))]
            right = node[i].sum(axis=0) - left
            gains = self._gain(left) + self._gain(right)
            gains[(self._rows(left) < self._least) | (self._rows(right) < self._least)] = -np.inf
            cut = int(np.argmax(gains))
            if gains[cut] > least:
                best, least = (column, cut, left[cut], right[cut]), gains[cut]
        if best is None:
            return (NONE, 0), whole, np.zeros(2)
        return best[:2], best[2], best[3]

    @property
    def _least(self) -> int:
        return self._spec.boosting.leaf

    def _rows(self, sums: Reals) -> Reals:
        found: Reals = sums[..., 1] * (4.0 if self._spec.binary else 1.0)
        return found

    def _gain(self, sums: Reals) -> Reals:
        ridge = float(self._spec.boosting.ridge) + 1e-9
        found: Reals = sums[..., 0] ** 2 / (np.maximum(sums[..., 1], 0.0) + ridge)
        return found

    def _leaf(self, side: Reals) -> int:
        rows = float(self._rows(side))
        if rows < self._least:  # nobody, or too few for a value of their own
            return 0
        self.smallest = min(self.smallest or int(rows), int(rows))
        ridge = float(self._spec.boosting.ridge) + 1e-9
        value = float(self._spec.boosting.rate) * side[0] / (side[1] + ridge)
        return int(np.clip(np.rint(value * SCALE), -_LARGEST, _LARGEST))


def trees_of(spec: Spec, state: Json) -> tuple[Tree, ...]:
    """Return the trees in a state.

    Raises:
        MalformedMessageError: they are none of this task.

    """
    items = coding.record(state, "trees")["trees"]
    if not isinstance(items, list) or len(items) > spec.boosting.trees:
        raise MalformedMessageError("more trees than the task has")
    found = tuple(_tree(spec, item) for item in items)
    if any(not tree.leaves for tree in found[:-1]):
        raise MalformedMessageError("an unfinished tree before the last")
    return found


def trees_from(spec: Spec, numbers: tuple[int, ...]) -> tuple[Tree, ...]:
    """Return the trees of a model, from its numbers.

    Raises:
        MalformedMessageError: they are none of this task.

    """
    inner = (1 << spec.boosting.depth) - 1
    size = 3 * inner + 1
    if len(numbers) != size * spec.boosting.trees:
        raise MalformedMessageError("another number of parameters")
    parts = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    return tuple(
        _checked(spec, Tree(part[:inner], part[inner : 2 * inner], part[2 * inner :]))
        for part in parts
    )


def _tree(spec: Spec, item: Json) -> Tree:
    fields = coding.record(item, "columns", "bins", "leaves")
    columns, bins, leaves = (
        tuple(coding.whole_numbers(fields[name])) for name in ("columns", "bins", "leaves")
    )
    return _checked(spec, Tree(columns, bins, leaves))


def _checked(spec: Spec, tree: Tree) -> Tree:
    count = len(tree.columns) + 1
    whole = 1 << spec.boosting.depth
    shaped = (
        count & (count - 1) == 0
        and 2 <= count <= whole
        and len(tree.bins) == count - 1
        and (len(tree.leaves) == whole if count == whole else not tree.leaves)
    )
    if not shaped:
        raise MalformedMessageError("a tree of another shape")
    for column, cut in zip(tree.columns, tree.bins, strict=True):
        if column == NONE and cut == 0:
            continue
        if not (0 <= column < spec.width and 0 <= cut < len(edges(spec, column))):
            raise MalformedMessageError("a split outside the columns of the task")
    if any(abs(value) > _LARGEST for value in tree.leaves):
        raise MalformedMessageError("a leaf out of range")
    return tree


@lru_cache(maxsize=64)
def _indicators(spec: Spec) -> tuple[bool, ...]:
    return tuple(bool(feature.values) for feature in spec.features for _ in range(feature.width))
