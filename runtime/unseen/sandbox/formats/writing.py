"""The value of an output as a file again, written by us from numbers alone, one file a value.

JSON and CSV as `objects` and `tables` read them; ONNX IR 8 with ai.onnx 13 and ai.onnx.ml 3;
safetensors 0.3. Names in the files are ours and the contract's. For whoever received the value, and
the same at every node and client: reading such a file gives the value back.
"""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from unseen.evidence.contracts.cells import Cell, CellValue, Number
from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.outputs import TypedOutput
from unseen.evidence.contracts.shape import Row, Shape
from unseen.evidence.contracts.typed import Histogram, Regression, Scalar, Table, Value
from unseen.sandbox.formats.graphs import ML
from unseen.sandbox.formats.wire import block_field, float_field, integer_field, number

_IR: Final = 8
_OPSETS: Final = (("", 13), (ML, 3))
_FLOAT: Final = 1
_FUNCTIONS: Final = {
    "relu": "Relu",
    "tanh": "Tanh",
    "logistic": "Sigmoid",
    "softmax": "Softmax",
    "exp": "Exp",
}
_ROWS, _SCORES = "rows", "scores"


def written(output: TypedOutput, value: Value) -> bytes:
    """Return the value of an output as a file of the output's format."""
    shape = value.shape
    if output.format == "csv" and isinstance(shape, Table):
        return _csv(shape, value.rows)
    if output.format == "onnx" and isinstance(shape, Network):
        return _network(shape, layers_of(shape, value.rows))
    if output.format == "onnx" and isinstance(shape, Trees):
        return _trees(shape, value.rows)
    if output.format == "safetensors" and isinstance(shape, Network):
        return _safetensors(layers_of(shape, value.rows))
    return json.dumps(objects(value), ensure_ascii=False, separators=(",", ":")).encode()


def shown(cell: Cell, value: CellValue) -> Any:
    """Return the value of a cell in its own unit: a number with decimals as a float."""
    if isinstance(cell, Number) and type(value) is int and cell.decimals:
        return float(Fraction(value, 10**cell.decimals))
    return value


def objects(value: Value) -> Any:
    """Return a value as the objects of its file of JSON."""
    shape = value.shape
    rows = [
        [shown(cell, one) for cell, one in zip(shape.cells_at(at), row, strict=True)]
        for at, row in enumerate(value.rows)
    ]
    read = _OBJECTS.get(type(shape))
    return [row[0] for row in rows] if read is None else read(shape, rows)


def _of_histogram(shape: Histogram, rows: list[list[Any]]) -> Any:
    return dict(zip(shape.bins, (row[0] for row in rows), strict=True))


def _of_table(shape: Table, rows: list[list[Any]]) -> Any:
    names = [name for name, _ in shape.columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _of_regression(shape: Regression, rows: list[list[Any]]) -> Any:
    count, fit = rows[-1]
    return {"terms": dict(zip(shape.terms, rows[:-1], strict=True)), "rows": count, "fit": fit}


def _of_network(shape: Network, rows: list[list[Any]]) -> Any:
    layers = _layers(shape, [row[0] for row in rows])
    return {"layers": [{"weights": weights, "bias": bias} for weights, bias in layers]}


def _of_trees(shape: Trees, rows: list[list[Any]]) -> Any:
    starts = range(1, shape.most, shape.rows_each)
    return {"base": rows[0], "trees": [_node(rows[at : at + shape.rows_each], 0) for at in starts]}


_OBJECTS: Final[dict[type[Shape], Callable[[Any, list[list[Any]]], Any]]] = {
    Scalar: lambda _, rows: rows[0][0],
    Histogram: _of_histogram,
    Table: _of_table,
    Regression: _of_regression,
    Network: _of_network,
    Trees: _of_trees,
}
_Layers = list[tuple[list[list[float]], list[float]]]


def layers_of(shape: Network, rows: Sequence[Row]) -> _Layers:
    """Return weights, inputs x units, and biases of each layer."""
    return _layers(shape, [shown(shape.cell, one) for (one,) in rows])


def _layers(shape: Network, flat: list[float]) -> _Layers:
    numbers = iter(flat)
    found: _Layers = []
    for before, units in pairwise(shape.sizes):
        lines = [[next(numbers) for _ in range(units)] for _ in range(before + 1)]
        found.append((lines[:-1], lines[-1]))
    return found


def _node(rows: Sequence[Any], at: int) -> Any:
    below = 2 * at + 1
    if below >= len(rows):
        return {"leaf": rows[at]}
    feature, threshold = rows[at]
    if feature is None:  # all leaves below are the same
        return _node(rows, below)
    left, right = _node(rows, below), _node(rows, below + 1)
    return {"feature": feature, "at": threshold, "left": left, "right": right}


def _csv(shape: Table, rows: Sequence[Row]) -> bytes:
    lines = [",".join(_quoted(name) for name, _ in shape.columns)]
    lines += [
        ",".join(_field(cell, one) for cell, one in zip(shape.cells, row, strict=True))
        for row in rows
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _field(cell: Cell, value: CellValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else repr(shown(cell, value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & {",", '"'} or not text else text


def _network(shape: Network, layers: _Layers) -> bytes:
    nodes, constants, at = [], [], _ROWS
    functions = [shape.activation] * (len(layers) - 1) + [shape.link]
    for place, ((weights, bias), function) in enumerate(zip(layers, functions, strict=True)):
        names = (f"weight{place}", f"bias{place}")
        flat = [one for line in weights for one in line]
        constants.append(_tensor(names[0], (len(weights), len(bias)), flat))
        constants.append(_tensor(names[1], (len(bias),), bias))
        last = place == len(layers) - 1
        summed = _SCORES if last and function not in _FUNCTIONS else f"sum{place}"
        nodes.append(_operator("", "Gemm", (at, *names), summed))
        at = summed
        if function in _FUNCTIONS:
            at = _SCORES if last else f"unit{place}"
            nodes.append(_operator("", _FUNCTIONS[function], (summed,), at))
    return _file(nodes, constants, len(shape.features), shape.layers[-1])


def _trees(shape: Trees, rows: Sequence[Row]) -> bytes:
    nodes: list[tuple[Any, ...]] = []
    leaves: list[tuple[Any, ...]] = []
    for tree in range(shape.trees):
        first = 1 + tree * shape.rows_each
        heap = rows[first : first + shape.rows_each]
        found = list(_shape_of(heap))
        numbered = {place: at for at, (place, _) in enumerate(found)}
        for place, below in found:
            at = numbered[place]
            if below:
                feature, threshold = heap[place]
                column = shape.features.index(str(feature))
                value, ends = shown(shape.threshold, threshold), (below, below + 1)
                nodes.append((tree, at, column, "BRANCH_LEQ", value, *map(numbered.get, ends)))
                continue
            nodes.append((tree, at, 0, "LEAF", 0.0, 0, 0))
            numbers = (shown(shape.leaf, one) for one in heap[_first(heap, place)])
            leaves += [(tree, at, output, one) for output, one in enumerate(numbers)]
    columns, weights = list(zip(*nodes, strict=True)), list(zip(*leaves, strict=True))
    function = _FUNCTIONS.get(shape.link)  # of its own: programs differ in what an ensemble does
    ensemble = _operator(
        ML,
        "TreeEnsembleRegressor",
        (_ROWS,),
        "sum" if function else _SCORES,
        _integers("nodes_treeids", columns[0]),
        _integers("nodes_nodeids", columns[1]),
        _integers("nodes_featureids", columns[2]),
        _texts("nodes_modes", columns[3]),
        _floats("nodes_values", columns[4]),
        _integers("nodes_truenodeids", columns[5]),
        _integers("nodes_falsenodeids", columns[6]),
        _integers("target_treeids", weights[0]),
        _integers("target_nodeids", weights[1]),
        _integers("target_ids", weights[2]),
        _floats("target_weights", weights[3]),
        _floats("base_values", [shown(shape.leaf, one) for one in rows[0]]),
        _attribute("n_targets", 2, integer_field(3, shape.outputs)),
        _attribute("aggregate_function", 3, block_field(4, "SUM")),
        _attribute("post_transform", 3, block_field(4, "NONE")),
    )
    after = [_operator("", function, ("sum",), _SCORES)] if function else []
    return _file([ensemble, *after], [], len(shape.features), shape.outputs)


def _shape_of(heap: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Yield every node of a tree, from the root, with the place of its left one; 0 of a leaf."""
    waiting = [0]
    while waiting:
        at = waiting.pop()
        below = 2 * at + 1 if 2 * at + 1 < len(heap) and heap[at][0] is not None else 0
        yield at, below
        if below:
            waiting += [below + 1, below]


def _first(heap: Sequence[Row], at: int) -> int:
    """Return the place of the leaf that is farthest to the left below a place."""
    while 2 * at + 1 < len(heap):
        at = 2 * at + 1
    return at


def _file(nodes: Sequence[bytes], constants: Sequence[bytes], width: int, units: int) -> bytes:
    graph = b"".join(
        (
            *(block_field(1, node) for node in nodes),
            block_field(2, "model"),
            *(block_field(5, constant) for constant in constants),
            block_field(11, _value(_ROWS, width)),
            block_field(12, _value(_SCORES, units)),
        )
    )
    opsets = (
        block_field(8, (block_field(1, domain) if domain else b"") + integer_field(2, version))
        for domain, version in _OPSETS
    )
    return b"".join((integer_field(1, _IR), block_field(7, graph), *opsets))


def _value(name: str, width: int) -> bytes:
    sizes = (block_field(2, "rows_count"), integer_field(1, width))
    shape = b"".join(block_field(1, size) for size in sizes)
    tensor = integer_field(1, _FLOAT) + block_field(2, shape)
    return block_field(1, name) + block_field(2, block_field(1, tensor))


def _operator(
    domain: str, name: str, inputs: Sequence[str], output: str, *attributes: bytes
) -> bytes:
    return b"".join(
        (
            *(block_field(1, one) for one in inputs),
            block_field(2, output),
            block_field(4, name),
            *(block_field(5, one) for one in attributes),
            block_field(7, domain) if domain else b"",
        )
    )


def _tensor(name: str, sizes: Sequence[int], numbers: Sequence[float]) -> bytes:
    raw = struct.pack(f"<{len(numbers)}f", *numbers)
    dims = b"".join(integer_field(1, size) for size in sizes)
    return dims + integer_field(2, _FLOAT) + block_field(8, name) + block_field(9, raw)


def _attribute(name: str, kind: int, body: bytes) -> bytes:
    return block_field(1, name) + body + integer_field(20, kind)


def _integers(name: str, numbers: Sequence[Any]) -> bytes:
    return _attribute(name, 7, block_field(8, b"".join(map(number, numbers))))


def _floats(name: str, numbers: Sequence[Any]) -> bytes:
    return _attribute(name, 6, b"".join(float_field(7, one) for one in numbers))


def _texts(name: str, texts: Sequence[Any]) -> bytes:
    return _attribute(name, 8, b"".join(block_field(9, one) for one in texts))


def _safetensors(layers: _Layers) -> bytes:
    header: dict[str, Any] = {}
    body = b""
    for at, (weights, bias) in enumerate(layers):
        turned = [one for line in zip(*weights, strict=True) for one in line]
        for name, size, numbers in (
            (f"layers.{at}.weight", [len(bias), len(weights)], turned),
            (f"layers.{at}.bias", [len(bias)], bias),
        ):
            span = [len(body), len(body) + 8 * len(numbers)]
            header[name] = {"dtype": "F64", "shape": size, "data_offsets": span}
            body += struct.pack(f"<{len(numbers)}d", *numbers)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body
