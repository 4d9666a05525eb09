"""ONNX IR 10, opsets ai.onnx 17 and ai.onnx.ml 3; safetensors 0.4: a model for other programs.

A graph takes raw rows, in the units of the task, and holds rounding, clamps and indicators as well,
so that whoever runs it cannot prepare rows in another way than the model was fitted with. Neither
format can hold code or rows. A file is worth what a signature over its digest says of it.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.train import coding
from unseen.protocols.train.boosting import NONE, Tree, edges
from unseen.protocols.train.model import Model
from unseen.protocols.train.regression import SCALE
from unseen.protocols.train.spec import Spec

IR_VERSION: Final = 10
OPSETS: Final = (("", 17), ("ai.onnx.ml", 3))
INPUT: Final = "rows"
OUTPUT: Final = "prediction"
NOTES: Final = "unseen"

Array = NDArray[Any]


def ensure_libraries() -> None:
    """Find out that models can be written, before anything is paid for one.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    library("onnx")
    library("safetensors")


def to_onnx(model: Model, notes: Mapping[str, str]) -> bytes:
    """Return a model as ONNX: `rows`, double n x features, to `prediction`, double n x 1.

    `notes` go into the file's metadata, beside the task's digest. The same model and notes give
    the same bytes under one version of the library.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    onnx = library("onnx")
    graph = Graph(onnx)
    seen = _columns(graph, model.spec)
    score = (
        _trees(graph, model, seen) if model.spec.family == "boosting" else _line(graph, model, seen)
    )
    _link(graph, model.spec, score)
    return graph.written(model.spec.family, len(model.spec.features), _notes(model, notes))


def to_safetensors(model: Model, notes: Mapping[str, str]) -> bytes:
    """Return a model's numbers as safetensors.

    A regression has `weights`, double, the intercept first; trees have `columns`, `bins` and
    `leaves`, whole numbers, a row a tree, leaves in parts of 10^9. The metadata has one entry,
    `unseen`: notes, task and family as canonical JSON.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    library("safetensors")
    from safetensors.numpy import save  # noqa: PLC0415 - of the extra `train`

    tensors: dict[str, Array]
    if model.spec.family == "boosting":
        names = ("columns", "bins", "leaves")
        tensors = {
            name: np.array([getattr(tree, name) for tree in model.trees], np.int64)
            for name in names
        }
    else:
        tensors = {"weights": model.weights}
    # One entry: the library writes several in an order of its own, another each time.
    about = coding.encode(_notes(model, notes)).decode()
    return bytes(save(tensors, {NOTES: about}))


def _notes(model: Model, notes: Mapping[str, str]) -> dict[str, str]:
    return {**notes, "task": model.spec.digest, "family": model.spec.family}


def library(name: str) -> ModuleType:
    """Return a module of the extra `train`.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    from importlib import import_module  # noqa: PLC0415 - here alone

    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise InputInvalidError(
            f"{name} is not installed", clause="train.files", remedy="pip install 'unseen[train]'"
        ) from None


class Graph:
    """Nodes and constants under way."""

    def __init__(self, onnx: ModuleType) -> None:
        """Start with none."""
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Array) -> str:
        """Add a constant; returns its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(self.tensor(values, name))
        return name

    def tensor(self, values: Array, name: str) -> Any:
        """Return an array as the library has it."""
        return self._onnx.numpy_helper.from_array(values, name)

    def add(self, operator: str, *inputs: str | Array, output: str = "", **attributes: Any) -> str:
        """Add a node; an array among the inputs becomes a constant."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        found = output or f"v{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(operator, names, [found], **attributes))
        return found

    def written(self, name: str, columns: int, notes: Mapping[str, str]) -> bytes:
        """Return the file: `rows`, double n x columns, to `prediction`, double n x 1."""
        helper, double = self._onnx.helper, self._onnx.TensorProto.DOUBLE
        made = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(INPUT, double, ["n", columns])],
            [helper.make_tensor_value_info(OUTPUT, double, ["n", 1])],
            self.constants,
        )
        found = helper.make_model(
            made,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS],
            ir_version=IR_VERSION,
            producer_name="unseen",
        )
        helper.set_model_props(found, dict(notes))
        self._onnx.checker.check_model(found)
        return bytes(found.SerializeToString(deterministic=True))


def _columns(graph: Graph, spec: Spec) -> str:
    """Add what makes n x width of raw rows, by the steps of `rows.columns_of`."""
    flat = [
        (number, feature, code)
        for number, feature in enumerate(spec.features)
        for code in (range(len(feature.values)) if feature.values else (NONE,))
    ]
    low, high, scale = (
        np.array(values, np.float64)
        for values in (
            [feature.low for _, feature, _ in flat],
            [feature.high for _, feature, _ in flat],
            [10.0**feature.decimals for _, feature, _ in flat],
        )
    )
    codes = np.array([float(code) for _, _, code in flat])
    raw = graph.add("Gather", INPUT, np.array([number for number, _, _ in flat]), axis=1)
    whole = graph.add("Round", graph.add("Mul", raw, scale))
    clamped = graph.add("Min", graph.add("Max", whole, low), high)
    doubled = graph.add("Mul", clamped, np.array(2.0))
    spread = graph.add("Div", graph.add("Sub", doubled, low + high), high - low)
    if not any(feature.values for feature in spec.features):
        return spread
    equal = graph.add("Cast", graph.add("Equal", raw, codes), to=11)  # double
    return graph.add("Where", codes != NONE, equal, spread)


def _line(graph: Graph, model: Model, seen: str) -> str:
    weights = model.weights
    return graph.add("Add", graph.add("MatMul", seen, weights[1:, None]), weights[:1])


def _trees(graph: Graph, model: Model, seen: str) -> str:
    fields: dict[str, Any] = {name: [] for name in _TREE_FIELDS}
    for number, tree in enumerate(model.trees):
        _Writer(model.spec, number, tree, fields).write()
    for name in _REAL_FIELDS:
        fields[f"{name}_as_tensor"] = graph.tensor(np.array(fields.pop(name), np.float64), name)
    fields |= {"n_targets": 1, "aggregate_function": "SUM", "post_transform": "NONE"}
    found = graph.add("TreeEnsembleRegressor", seen, domain="ai.onnx.ml", **fields)
    return graph.add("Cast", found, to=11)


_REAL_FIELDS: Final = ("nodes_values", "target_weights")
_TREE_FIELDS: Final = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "target_treeids",
    "target_nodeids",
    "target_ids",
    *_REAL_FIELDS,
)


class _Writer:
    """Writes one tree; nodes without a split are left out."""

    def __init__(self, spec: Spec, number: int, tree: Tree, fields: dict[str, list[Any]]) -> None:
        self._spec, self._number, self._tree, self._fields = spec, number, tree, fields
        self._next = 0

    def write(self, node: int = 0) -> int:
        """Write what hangs below a node of the heap; returns the number of what stands there."""
        inner = len(self._tree.columns)
        while node < inner and self._tree.columns[node] == NONE:
            node = 2 * node + 1
        here = self._next
        self._next += 1
        if node >= inner:
            self._put(here, "LEAF", 0, 0.0)
            value = self._tree.leaves[node - inner] / SCALE
            for name, item in (("treeids", self._number), ("nodeids", here), ("ids", 0)):
                self._fields[f"target_{name}"].append(item)
            self._fields["target_weights"].append(value)
            return here
        column = self._tree.columns[node]
        place = self._put(
            here, "BRANCH_LEQ", column, edges(self._spec, column)[self._tree.bins[node]]
        )
        self._fields["nodes_truenodeids"][place] = self.write(2 * node + 1)
        self._fields["nodes_falsenodeids"][place] = self.write(2 * node + 2)
        return here

    def _put(self, here: int, mode: str, column: int, edge: float) -> int:
        fields = self._fields
        fields["nodes_treeids"].append(self._number)
        fields["nodes_nodeids"].append(here)
        fields["nodes_featureids"].append(column)
        fields["nodes_modes"].append(mode)
        fields["nodes_values"].append(edge)
        fields["nodes_truenodeids"].append(0)
        fields["nodes_falsenodeids"].append(0)
        return len(fields["nodes_treeids"]) - 1


def _link(graph: Graph, spec: Spec, score: str) -> None:
    if spec.binary or spec.family == "poisson":
        near = graph.add("Clip", score, np.array(-30.0), np.array(30.0))
        graph.add("Exp" if spec.family == "poisson" else "Sigmoid", near, output=OUTPUT)
        return
    label = spec.label
    half, middle = (label.high - label.low) / 2, (label.high + label.low) / 2
    wide = graph.add("Add", graph.add("Mul", score, np.array(half)), np.array(middle))
    graph.add("Div", wide, np.array(10.0**label.decimals), output=OUTPUT)
