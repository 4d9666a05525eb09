"""ONNX IR 6 to 14, ai.onnx 11 to 28 and ai.onnx.ml 1 to 5: a provider's own file, as a model.

A file may come from anybody. It is read, never run: no code is in it that we would call, nothing
beside it is opened, and a graph is followed only from one output back to the one input, over
operators whose meaning is exact here. Rows that a file would prepare in another way, or a function
that encryption has not, are refused with the clause that says which.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models.columns import width_of
from unseen.protocols.he.models.model import MAX_COLUMNS, Model
from unseen.protocols.he.models.operators import LINKS, OPERATORS, PASSING, Call, Value
from unseen.protocols.he.models.polynomial import Fit
from unseen.protocols.he.models.tensors import array_of
from unseen.protocols.he.models.units import Units, inputs
from unseen.protocols.train.files import library
from unseen.protocols.train.spec import Feature

MAX_BYTES: Final = 1 << 24
MAX_NODES: Final = 128
MAX_PRODUCTS: Final = 16  # each may take a tenth of a second
PRODUCTS: Final = ("MatMul", "Gemm")
OPSETS: Final[Mapping[str, range]] = {"": range(11, 29), "ai.onnx.ml": range(1, 6)}
IR_VERSIONS: Final = range(6, 15)
_ORDER: Final = "model.order"
_NAME: Final = "model.name"


def from_onnx(
    data: bytes, features: Sequence[Feature], *, fit: Fit | None = None, output: str = ""
) -> Model:
    """Return the model of a file: rows n x width, columns as they are seen, to one score a row.

    A last `Sigmoid` or `Exp`, or a classifier's probabilities, name the link and are left to the
    receiver. Functions inside a network are refused, or replaced as `fit` says. `output` names one
    of several.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.
        ModelInvalidError: the file is none of a model that is scored here; the clause says why.

    """
    onnx = library("onnx")
    width = width_of(features)
    if not 1 <= width <= MAX_COLUMNS:
        raise ModelInvalidError(f"1 to {MAX_COLUMNS} columns", clause="model.features")
    file = parsed(onnx, data)
    _check_file(file)
    with np.errstate(all="ignore"):  # what overflows is refused as a weight that is not finite
        end = _Walk(onnx, file, width, fit).follow(output)
        layers = end.layers()
    if len(layers[-1].bias) != 1:
        raise ModelInvalidError("a row has one score", clause="model.output")
    return Model(end.link or "linear", tuple(features), layers)


def parsed(onnx: ModuleType, data: bytes) -> Any:
    """Return a file as its library sees it, nothing of it checked.

    Raises:
        ModelInvalidError: it is none, or too large.

    """
    if len(data) > MAX_BYTES:
        raise ModelInvalidError(f"over {MAX_BYTES} bytes", clause="model.size")
    try:
        return onnx.ModelProto.FromString(data)
    except Exception:  # noqa: BLE001 - of protobuf, which this package may not import
        raise ModelInvalidError("not an ONNX file", clause="model.bytes") from None


def _check_file(file: Any) -> None:
    if file.ir_version not in IR_VERSIONS:
        raise ModelInvalidError("another version of ONNX", clause="model.opset")
    if file.functions or file.training_info:
        raise ModelInvalidError("functions or training in a file", clause="model.operator")
    seen: set[str] = set()
    for opset in file.opset_import:
        domain = _domain(opset)
        if domain in seen or opset.version not in OPSETS.get(domain, ()):
            raise ModelInvalidError(
                "an opset that is not known here, or one twice",
                clause="model.opset",
                remedy="export for ai.onnx 11 to 28 and ai.onnx.ml 1 to 5",
            )
        seen.add(domain)
    if "" not in seen:
        raise ModelInvalidError("no opset of ai.onnx", clause="model.opset")
    graph = file.graph
    if graph.sparse_initializer or graph.quantization_annotation:
        raise ModelInvalidError("sparse or quantised constants", clause="model.type")
    if len(graph.node) > MAX_NODES:
        raise ModelInvalidError(f"over {MAX_NODES} nodes", clause="model.size")
    if sum(node.op_type in PRODUCTS for node in graph.node) > MAX_PRODUCTS:
        raise ModelInvalidError(f"over {MAX_PRODUCTS} products of matrices", clause="model.size")


class _Walk:
    """Follows a graph from its output back to its input, and says what stands on each edge."""

    def __init__(self, onnx: ModuleType, file: Any, width: int, fit: Fit | None) -> None:
        self._onnx, self._graph, self._fit = onnx, file.graph, fit
        self._domains = {_domain(one) for one in file.opset_import}
        graph = self._graph
        self._values: dict[str, Value] = {}
        self._nodes = list(graph.node)
        self._check_names()
        (start,) = graph.input if len(graph.input) == 1 else (None,)
        if start is None:
            raise ModelInvalidError("one input, a matrix of rows", clause="model.input")
        self._check_input(start, width)
        self._values[start.name] = inputs(width)

    def follow(self, output: str) -> Units:
        """Return what the output that is asked for, or the only one, stands for."""
        names = [one.name for one in self._graph.output]
        if not output and len(names) != 1:
            raise ModelInvalidError(
                "several outputs, or none", clause="model.output", remedy="name one of them"
            )
        if (wanted := output or names[0]) not in names:
            raise ModelInvalidError("no such output", clause="model.output")
        needed = self._needed(wanted)
        last = self._back({wanted}, PASSING)
        linked = self._back(self._given(last, LINKS), PASSING)
        constants = {one.name: one for one in self._graph.initializer}
        for name in needed & set(constants):
            self._values[name] = array_of(self._onnx, constants[name])
        for node in self._nodes:
            if needed.isdisjoint(node.output):
                continue
            self._values[_output(node, needed)] = self._meaning(node, last, linked)
        found = self._values[wanted]
        if not isinstance(found, Units):
            raise ModelInvalidError("the score is a constant", clause="model.output")
        return found

    def _check_names(self) -> None:
        """Every name is given once, before it is used: no cycle, and nothing that is nowhere."""
        given = [one.name for one in (*self._graph.input, *self._graph.initializer)]
        known = set(given)
        if len(known) != len(given) or "" in known:
            raise ModelInvalidError("a name twice, or none", clause=_NAME)
        # The library gives what is no UTF-8 as bytes.
        texts = (name for node in self._nodes for name in (*node.input, *node.output))
        if not all(type(name) is str for name in (*given, *texts)):
            raise ModelInvalidError("a name that is no text", clause=_NAME)
        for node in self._nodes:
            if any(name and name not in known for name in node.input):
                raise ModelInvalidError(
                    "a node of what comes later, of itself or of nothing", clause=_ORDER
                )
            for name in node.output:
                if name in known:
                    raise ModelInvalidError("a name twice", clause=_NAME)
                if name:
                    known.add(name)
        if any(one.name not in known for one in self._graph.output):
            raise ModelInvalidError("an output that nothing gives", clause=_ORDER)

    def _check_input(self, start: Any, width: int) -> None:
        kind = start.type
        types = self._onnx.TensorProto
        if kind.WhichOneof("value") != "tensor_type" or kind.tensor_type.elem_type not in {
            types.FLOAT,
            types.DOUBLE,
        }:
            raise ModelInvalidError("the input is of floats", clause="model.type")
        sizes = kind.tensor_type.shape.dim
        if len(sizes) != 2 or sizes[1].dim_value != width:
            raise ModelInvalidError(
                f"the input is rows of the {width} columns that are seen", clause="model.input"
            )
        if sizes[0].dim_value > 1:
            raise ModelInvalidError("any number of rows is scored", clause="model.input")

    def _needed(self, wanted: str) -> set[str]:
        found = {wanted}
        for node in reversed(self._nodes):
            if not found.isdisjoint(node.output):
                found.update(name for name in node.input if name)
        return found

    def _back(self, names: set[str], operators: Sequence[str]) -> set[str]:
        """Return the names from which those of these operators lead to `names`, and `names`."""
        found = set(names)
        for node in reversed(self._nodes):
            if not found.isdisjoint(node.output):
                found |= self._given(set(node.output), operators)
        return found

    def _given(self, names: set[str], operators: Sequence[str]) -> set[str]:
        """Return what goes into those of these operators that give one of `names`."""
        return {
            node.input[0]
            for node in self._nodes
            if node.op_type in operators and node.input and not names.isdisjoint(node.output)
        }

    def _meaning(self, node: Any, last: set[str], linked: set[str]) -> Value:
        domain = _domain(node)
        operator = OPERATORS.get((domain, node.op_type))
        if operator is None or domain not in self._domains:
            raise ModelInvalidError(
                f"no operator {_short(node.op_type)} is evaluated here",
                clause="model.operator",
                remedy="weighted sums, constants, squares and cubes",
            )
        names = list(node.input)
        while names and not names[-1]:
            names.pop()
        if not operator.least <= len(names) <= operator.most or "" in names:
            raise ModelInvalidError("an operator of other inputs", clause="model.shape")
        return operator.meaning(
            Call(
                name=node.op_type,
                given=tuple(self._values[name] for name in names),
                attributes=dict(self._attributes(node, operator.attributes)),
                fit=self._fit,
                last=not last.isdisjoint(node.output),
                linked=not linked.isdisjoint(node.output),
            )
        )

    def _attributes(self, node: Any, known: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        types = self._onnx.AttributeProto
        for one in node.attribute:
            kind = known.get(one.name)
            if kind is None or one.name in seen or one.ref_attr_name:
                raise ModelInvalidError(
                    f"{_short(node.op_type)} with an attribute that is not known here",
                    clause="model.attribute",
                )
            if one.type != getattr(types, kind):
                raise ModelInvalidError("an attribute of another type", clause="model.attribute")
            seen.add(one.name)
            value = self._onnx.helper.get_attribute_value(one)
            yield one.name, array_of(self._onnx, value) if kind == "TENSOR" else value


def _domain(one: Any) -> str:
    """Return the domain of an opset or a node; the usual one has two names."""
    return "" if one.domain == "ai.onnx" else str(one.domain)


def _output(node: Any, needed: set[str]) -> str:
    """Return the one output that is needed: a classifier's are a label and probabilities."""
    at = 1 if node.op_type == "LinearClassifier" else 0
    if [i for i, name in enumerate(node.output) if name in needed] != [at]:
        raise ModelInvalidError(
            "a label, or another output that is no score", clause="model.output"
        )
    return str(node.output[at])


def _short(name: str) -> str:
    """Return a name of the file's, as it may stand in an error."""
    return "".join(mark for mark in str(name)[:40] if mark.isascii() and mark.isprintable())
