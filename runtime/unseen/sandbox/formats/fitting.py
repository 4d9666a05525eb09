"""What a file says, as a value of its declared shape: rounded, and in the one order there is.

Where order says nothing of the value it is taken away: rows of a table are sorted, hidden units of
a network stand by their weights, trees by theirs. What is left are the values themselves.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from unseen.evidence.contracts.cells import CellValue
from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.shape import Listed, Row, Shape
from unseen.evidence.contracts.typed import Histogram, Regression, Scalar, Table, Value, unpack
from unseen.sandbox.formats.models import Layer, Split, Tree
from unseen.sandbox.formats.numbers import cell_of, refuse
from unseen.sandbox.formats.objects import fields_of, list_of


def value_of(shape: Shape, rows: Sequence[Row]) -> Value:
    """Return rows of cells as the value that everybody else reads from its bits.

    Raises:
        ReleaseInvalidError: they are none.

    """
    return unpack(shape, Value(shape, tuple(rows)).pack())


def from_objects(shape: Shape, found: Any) -> Value:
    """Return what a file of JSON says, as a value of a shape that is no network and no trees.

    Raises:
        ReleaseInvalidError: it is none.

    """
    if isinstance(shape, Scalar):
        return value_of(shape, [(cell_of(shape.cell, found),)])
    if isinstance(shape, Table):
        return from_rows(shape, [_named(shape, row) for row in list_of(found, 0, shape.most)])
    if isinstance(shape, Regression):
        return _regression(shape, found)
    if isinstance(shape, Histogram) and type(found) is dict:
        found = fields_of(found, *shape.bins)
    if not isinstance(shape, Listed):
        refuse("shape", "a shape that has no such file")
    listed = list_of(found, shape.fewest, shape.most)
    return value_of(shape, [(cell_of(shape.cells[0], one),) for one in listed])


def from_rows(shape: Table, found: Sequence[Sequence[Any]]) -> Value:
    """Return rows of a table, in the order of their keys, or of all they say where it has none.

    Raises:
        ReleaseInvalidError: a cell does not fit, or two rows have the same keys.

    """
    rows = [tuple(map(cell_of, shape.cells, row)) for row in found]
    places = shape.keys or range(len(shape.cells))
    rows.sort(key=lambda row: [shape.cells[at].pack(row[at]) for at in places])
    return value_of(shape, rows)


def _named(shape: Table, row: Any) -> list[Any]:
    names = [name for name, _ in shape.columns]
    if type(row) is dict:
        return fields_of(row, *names)
    return list_of(row, len(names), len(names))


def _regression(shape: Regression, found: Any) -> Value:
    terms, rows, fit = fields_of(found, "terms", "rows", "fit")
    lines = [list_of(one, 2, 2) for one in fields_of(terms, *shape.terms)]
    cells: list[Row] = [
        (cell_of(shape.estimate, estimate), cell_of(shape.error, error))
        for estimate, error in lines
    ]
    return value_of(shape, [*cells, (cell_of(shape.rows, rows), cell_of(shape.fit, fit))])


_Cells = list[CellValue]


def from_layers(shape: Network, found: Sequence[Layer]) -> Value:
    """Return a network, its hidden units in the order of their weights.

    Raises:
        ReleaseInvalidError: it has other layers, or a weight is out of range.

    """
    sizes = [(len(layer.weights), len(layer.bias)) for layer in found]
    if sizes != list(pairwise(shape.sizes)):
        refuse("layers", "a network of other layers than declared")
    acts = [layer.activation for layer in found]
    if acts[:-1] != [shape.activation] * (len(found) - 1) or acts[-1] != shape.link:
        refuse("activation", "a network of other functions than declared")
    weights: list[list[_Cells]] = []
    for layer in found:
        lines = [*layer.weights, layer.bias]
        weights.append([[cell_of(shape.cell, one) for one in line] for line in lines])
    for at in range(len(weights) - 1):
        _ordered(weights[at], weights[at + 1])
    return value_of(shape, [(one,) for layer in weights for line in layer for one in line])


def _ordered(layer: list[_Cells], after: list[_Cells]) -> None:
    """Put the units of a layer into the order of what comes in, and then of what goes out."""
    came = list(zip(*layer, strict=True))
    units = range(len(came))
    order = sorted(units, key=lambda unit: ([_key(n) for n in (*came[unit], *after[unit])], unit))
    layer[:] = [[line[unit] for unit in order] for line in layer]
    after[:] = [*(after[unit] for unit in order), after[-1]]


def _key(one: CellValue) -> tuple[bool, int]:
    return one is None, int(one or 0)


_NO_SPLIT: Final[Row] = (None, None)


def from_trees(shape: Trees, base: Sequence[float], found: Sequence[Tree]) -> Value:
    """Return trees, in the order of what they say; those that are not there say nothing.

    Raises:
        ReleaseInvalidError: there are more, they are deeper, or a number is out of range.

    """
    if len(found) > shape.trees:
        refuse("trees", "more trees than declared")
    trees = [_heap(shape, tree) for tree in found]
    trees += [_heap(shape, (0.0,) * shape.outputs)] * (shape.trees - len(trees))
    cells = [shape.cells_at(at) for at in range(1, 1 + shape.rows_each)]
    trees.sort(
        key=lambda rows: [
            cell.pack(value)
            for row, of in zip(rows, cells, strict=True)
            for value, cell in zip(row, of, strict=True)
        ]
    )
    return value_of(shape, [_leaf(shape, base), *(row for rows in trees for row in rows)])


def _leaf(shape: Trees, numbers: Sequence[float]) -> Row:
    if len(numbers) != shape.outputs:
        refuse("outputs", "another number of outputs than declared")
    return tuple(cell_of(shape.leaf, one) for one in numbers)


def _heap(shape: Trees, tree: Tree) -> list[Row]:
    rows: list[Row] = [_NO_SPLIT] * shape.rows_each
    _place(shape, rows, 0, tree)
    return rows


def _place(shape: Trees, rows: list[Row], at: int, tree: Tree) -> None:
    """Write a tree into its places of a heap; no deeper than the heap is."""
    if isinstance(tree, tuple):
        leaf = _leaf(shape, tree)
        low = high = at
        while 2 * low + 1 < len(rows):
            low, high = 2 * low + 1, 2 * high + 2
        rows[low : high + 1] = [leaf] * (high + 1 - low)
        return
    if 2 * at + 1 >= len(rows):
        refuse("depth", "a tree is deeper than declared")
    if not 0 <= tree.feature < len(shape.features):
        refuse("feature", "a split on a feature that is not declared")
    threshold = cell_of(shape.threshold, tree.threshold)
    rows[at] = (shape.features[tree.feature], threshold)
    _place(shape, rows, 2 * at + 1, tree.left)
    _place(shape, rows, 2 * at + 2, tree.right)


def layers_from(shape: Network, found: Any) -> list[Layer]:
    """Return the layers that a file of JSON says.

    Raises:
        ReleaseInvalidError: it is of other fields or sizes.

    """
    (listed,) = fields_of(found, "layers")
    layers: list[Layer] = []
    sizes = list(pairwise(shape.sizes))
    for (before, units), one in zip(sizes, list_of(listed, len(sizes), len(sizes)), strict=True):
        weights, bias = fields_of(one, "weights", "bias")
        lines = [list_of(line, units, units) for line in list_of(weights, before, before)]
        last = len(layers) == len(sizes) - 1
        function = shape.link if last else shape.activation
        layers.append(Layer(lines, list_of(bias, units, units), function))
    return layers


def trees_from(shape: Trees, found: Any) -> tuple[list[Any], list[Tree]]:
    """Return what is added to all, and the trees that a file of JSON says.

    Raises:
        ReleaseInvalidError: it is of other fields, or deeper than declared.

    """
    base, listed = fields_of(found, "base", "trees")
    places = {name: at for at, name in enumerate(shape.features)}
    trees = [_tree(shape, places, one, 0) for one in list_of(listed, 0, shape.trees)]
    return list_of(base, shape.outputs, shape.outputs), trees


def _tree(shape: Trees, places: Mapping[str, int], found: Any, depth: int) -> Tree:
    if type(found) is dict and "leaf" in found:
        (leaf,) = fields_of(found, "leaf")
        return tuple(list_of(leaf, shape.outputs, shape.outputs))
    if depth == shape.depth:
        refuse("depth", "a tree is deeper than declared")
    feature, at, left, right = fields_of(found, "feature", "at", "left", "right")
    if type(feature) is not str or feature not in places:
        refuse("feature", "a split on a feature that is not declared")
    below = (_tree(shape, places, one, depth + 1) for one in (left, right))
    return Split(places[feature], at, *below)
