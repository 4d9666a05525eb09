"""Models as declared forms: numbers in declared places, never code, never names of a stranger's.

A network's or a tree's structure is declared with the contract: how many layers and units, how
many trees, how deep. What a training may choose, weights, splits and leaves, are cells; so a model
of a declared form says at most its bits, and every value of the form is a model that ends.

Source of the two forms: ONNX 1.16, ai.onnx.ml TreeEnsemble (rows go left where a feature is at
most its threshold), and layers of Gemm with one activation. A form of fixed size holds no training
rows: nearest neighbours, kernel machines and Gaussian processes have none here.

Not protected: weights may say of the rows whatever their bits hold. Rules and a person judge that.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import Cell, Choice, Number, number_from_json, texts
from unseen.evidence.contracts.shape import (
    CHECK,
    MAX_CELLS,
    MAX_COLUMNS,
    Listed,
    Row,
    Shape,
    check_names,
    check_use,
)

FORMATS = ("json",)  # of a list of parameters: integers in canonical JSON
ACTIVATIONS = ("none", "relu", "tanh", "logistic")
FAMILY_OF = {
    "identity": "linear",
    "logistic": "logistic",
    "softmax": "logistic",
    "exp": "poisson",
}  # of one layer, by its link
MAX_LAYERS = 8
MAX_DEPTH = 12


class Modelled(Shape):
    """A form of a model; `parameters` are the numbers that a training chooses."""

    __slots__ = ()

    @property
    @abstractmethod
    def family(self) -> str:
        """Return what the gate's rules call it."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Return how many numbers a training chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Listed, Modelled):
    """The parameters of a model of `family`; `format` says how they are written."""

    family: str
    format: str
    cell: Number
    parameters: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        CHECK.token("shape.family", self.family)
        CHECK.choice("shape.format", self.format, FORMATS)
        check_use("shape.cell", self.cell, "parameter")
        CHECK.integer("shape.parameters", self.parameters, 1, MAX_CELLS)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell of a row."""
        return (self.cell,)

    @property
    def most(self) -> int:
        """Return how many parameters there are."""
        return self.parameters

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {
            "type": "model",
            "family": self.family,
            "format": self.format,
            "cell": self.cell.to_json(),
            "parameters": self.parameters,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(Listed, Modelled):
    """Layers of weighted sums: `layers` are units a layer, the last the outputs, under `link`.

    Between layers stands `activation`, "none" where there is one layer. A value are the weights,
    layer by layer: of each input those to every unit, then the units' biases.
    """

    features: tuple[str, ...]
    layers: tuple[int, ...]
    activation: str
    link: str
    cell: Number

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_names("shape.features", self.features, MAX_COLUMNS)
        CHECK.members("shape.layers", self.layers, int, MAX_LAYERS, 1)
        for units in self.layers:
            CHECK.integer("shape.layers", units, 1, 1024)
        CHECK.choice("shape.activation", self.activation, ACTIVATIONS)
        CHECK.choice("shape.link", self.link, FAMILY_OF)
        if (self.activation == "none") != (len(self.layers) == 1):
            CHECK.fail("shape.activation", "stands between layers, and nowhere else")
        if self.link == "softmax" and self.layers[-1] < 2:
            CHECK.fail("shape.link", "is of two outputs or more")
        check_use("shape.cell", self.cell, "parameter")
        CHECK.integer("shape.layers", self.parameters, 1, MAX_CELLS)

    @property
    def family(self) -> str:
        """Return what the gate's rules call it."""
        return FAMILY_OF[self.link] if len(self.layers) == 1 else "mlp"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the width of what goes into each layer, and of what leaves the last."""
        return (len(self.features), *self.layers)

    @property
    def parameters(self) -> int:
        """Return how many weights and biases there are."""
        return sum((before + 1) * units for before, units in pairwise(self.sizes))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell of a row."""
        return (self.cell,)

    @property
    def most(self) -> int:
        """Return how many weights and biases there are."""
        return self.parameters

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {
            "type": "network",
            "features": list(self.features),
            "layers": list(self.layers),
            "activation": self.activation,
            "link": self.link,
            "cell": self.cell.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees(Modelled):
    """`trees` trees of depth `depth` whose leaves, of `outputs` numbers each, are added up.

    Rows: first what is added to all (outputs cells); then of each tree its 2^depth - 1 splits in
    the order of a heap, [feature, threshold], and its 2^depth leaves. Where there is no split both
    are null, nothing below splits, and all leaves below are the same.
    """

    features: tuple[str, ...]
    trees: int
    depth: int
    outputs: int
    link: str
    threshold: Number
    leaf: Number
    _split: tuple[Cell, ...] = field(init=False, repr=False, compare=False)
    _leaf: tuple[Cell, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_names("shape.features", self.features, MAX_COLUMNS)
        CHECK.integer("shape.trees", self.trees, 1, 1024)
        CHECK.integer("shape.depth", self.depth, 1, MAX_DEPTH)
        CHECK.integer("shape.outputs", self.outputs, 1, 64)
        CHECK.choice("shape.link", self.link, FAMILY_OF)
        if self.link == "softmax" and self.outputs < 2:
            CHECK.fail("shape.link", "is of two outputs or more")
        for name in ("threshold", "leaf"):
            check_use(f"shape.{name}", getattr(self, name), "parameter")
            if getattr(self, name).optional:
                CHECK.fail(f"shape.{name}", "is never missing")
        leaves = 1 << self.depth
        cells = self.outputs + self.trees * (2 * (leaves - 1) + leaves * self.outputs)
        CHECK.integer("shape.trees", cells, 1, MAX_CELLS)
        split = (Choice(of=self.features, optional=True), replace(self.threshold, optional=True))
        object.__setattr__(self, "_split", split)
        object.__setattr__(self, "_leaf", (self.leaf,) * self.outputs)

    @property
    def family(self) -> str:
        """Return what the gate's rules call it."""
        return "tree" if self.trees == 1 else "forest"

    @property
    def parameters(self) -> int:
        """Return how many splits and numbers in leaves there are, and what is added to all."""
        leaves = 1 << self.depth
        return self.outputs + self.trees * (leaves - 1 + leaves * self.outputs)

    @property
    def rows_each(self) -> int:
        """Return how many rows a tree has."""
        return (2 << self.depth) - 1

    @property
    def most(self) -> int:
        """Return how many rows there are."""
        return 1 + self.trees * self.rows_each

    def cells_at(self, row: int) -> tuple[Cell, ...]:
        """Return the cells of a split, or of a leaf."""
        leaf = row == 0 or (row - 1) % self.rows_each >= (1 << self.depth) - 1
        return self._leaf if leaf else self._split

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse a tree that could be written in another way."""
        splits = (1 << self.depth) - 1
        for first in range(1, self.most, self.rows_each):
            tree = rows[first : first + self.rows_each]
            ended = [row[0] is None for row in tree[:splits]]
            for at, row in enumerate(tree[:splits]):
                if ended[at] != (row[1] is None):
                    CHECK.fail("tree", "has half a split")
                below = (2 * at + 1, 2 * at + 2)
                if ended[at] and not _same(tree, ended, below):
                    CHECK.fail("tree", "goes on below its end")

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {
            "type": "trees",
            "features": list(self.features),
            "trees": self.trees,
            "depth": self.depth,
            "outputs": self.outputs,
            "link": self.link,
            "threshold": self.threshold.to_json(),
            "leaf": self.leaf.to_json(),
        }


def _same(tree: Sequence[Row], ended: Sequence[bool], below: tuple[int, int]) -> bool:
    """Return whether two neighbours below an end are ends with the same leaves, or such leaves."""
    left, right = below
    if left < len(ended):
        # A left neighbour's own leaves are the same already; its first one stands for all.
        return ended[left] and ended[right] and _first(tree, left) == _first(tree, right)
    return tree[left] == tree[right]


def _first(tree: Sequence[Row], at: int) -> Row:
    """Return the leaf that is farthest to the left below a place in the heap."""
    while 2 * at + 1 < len(tree):
        at = 2 * at + 1
    return tree[at]


def _model(family: Any, format: Any, cell: Any, parameters: Any) -> Model:  # noqa: A002 - the field
    return Model(family=family, format=format, cell=number_from_json(cell), parameters=parameters)


def _network(features: Any, layers: Any, activation: Any, link: Any, cell: Any) -> Network:
    return Network(
        features=texts(features),
        layers=tuple(CHECK.unlist("shape.layers", layers)),
        activation=activation,
        link=link,
        cell=number_from_json(cell),
    )


def _trees(
    features: Any, trees: Any, depth: Any, outputs: Any, link: Any, threshold: Any, leaf: Any
) -> Trees:
    return Trees(
        features=texts(features),
        trees=trees,
        depth=depth,
        outputs=outputs,
        link=link,
        threshold=number_from_json(threshold),
        leaf=number_from_json(leaf),
    )


MODELS: dict[str, tuple[tuple[str, ...], Callable[..., Shape]]] = {
    "model": (("family", "format", "cell", "parameters"), _model),
    "network": (("features", "layers", "activation", "link", "cell"), _network),
    "trees": (
        ("features", "trees", "depth", "outputs", "link", "threshold", "leaf"),
        _trees,
    ),
}
