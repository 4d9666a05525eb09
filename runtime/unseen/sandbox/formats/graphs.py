"""ONNX 1.16 files (onnx.proto, IR 6 to 14): nodes and constants of a graph, and no more of it.

Read from bytes by field numbers, never loaded or run. Of names only what links nodes is kept; what
documents, produces or annotates is left behind, and what could stand for something else (functions,
training, subgraphs, sparse, quantised or external constants) is refused.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from unseen.sandbox.formats.numbers import refuse
from unseen.sandbox.formats.wire import Message

IR_VERSIONS: Final = range(3, 15)
OPSETS: Final[Mapping[str, range]] = {"": range(9, 29), "ai.onnx.ml": range(1, 6)}
MAX_NODES: Final = 256
ML: Final = "ai.onnx.ml"
# Types of tensors: the field of their own, the code of one number, and the width of raw ones.
_TENSORS: Final[Mapping[int, tuple[int, str, int]]] = {
    1: (4, "f", 4),
    6: (5, "i", 4),
    7: (7, "q", 8),
    11: (10, "d", 8),
}
_FLOATS: Final = (1, 11)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant: its sizes and its numbers, row by row."""

    sizes: tuple[int, ...]
    numbers: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: `name` with its domain, what goes in and comes out, and its attributes."""

    name: tuple[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order of their use, constants, the one input with its width, and outputs."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Tensor]
    start: str
    width: int
    outputs: tuple[str, ...]

    def score(self) -> str:
        """Return the output that has the scores: the only one, or what stands after a label."""
        if len(self.outputs) not in (1, 2):
            refuse("output", "one output, or a label and scores")
        return self.outputs[-1]

    def giving(self, name: str) -> Node | None:
        """Return the node that gives `name`."""
        return next((node for node in self.nodes if name in node.outputs), None)


def graph_of(data: bytes) -> Graph:
    """Return the graph of a file.

    Raises:
        ReleaseInvalidError: it is no ONNX file, or has what is not read here.

    """
    file = Message(data)
    if file.integer(1) not in IR_VERSIONS:
        refuse("version", "another version of ONNX")
    if 20 in file or 25 in file:
        refuse("functions", "functions or training in a file")
    _check_opsets(file)
    graph = Message(file.block(7))
    if 14 in graph or 15 in graph:
        refuse("constants", "sparse or quantised constants")
    found = graph.blocks(1)
    if not 1 <= len(found) <= MAX_NODES:
        refuse("nodes", f"1 to {MAX_NODES} nodes")
    constants = dict(map(_named, graph.blocks(5)))
    if len(constants) != len(graph.blocks(5)):
        refuse("names", "a name twice")
    start, width = _start(graph, constants)
    nodes = tuple(map(_node, found))
    _check_names(nodes, {start, *constants})
    outputs = tuple(Message(one).text(1) for one in graph.blocks(12))
    return Graph(nodes, constants, start, width, outputs)


def _check_opsets(file: Message) -> None:
    seen: dict[str, int] = {}
    for block in file.blocks(8):
        one = Message(block)
        domain, version = _domain(one.text(1)), one.integer(2)
        if version not in OPSETS.get(domain, ()) or seen.setdefault(domain, version) != version:
            refuse("version", "an opset that is not known here, or of two versions")


def _check_names(nodes: tuple[Node, ...], given: set[str]) -> None:
    """Refuse a name that is given twice, or used before it is given: no cycle is left."""
    known = set(given)
    for node in nodes:
        if not known.issuperset(name for name in node.inputs if name):
            refuse("names", "a node of what comes later, of itself or of nothing")
        for name in filter(None, node.outputs):
            if name in known:
                refuse("names", "a name twice")
            known.add(name)


def _start(graph: Message, constants: Mapping[str, Tensor]) -> tuple[str, int]:
    """Return the name and the width of the one input that is no constant: rows of floats."""
    found = [one for one in map(Message, graph.blocks(11)) if one.text(1) not in constants]
    if len(found) != 1:
        refuse("input", "one input, a matrix of rows")
    tensor = Message(Message(found[0].block(2)).block(1))
    sizes = [Message(one).integer(1) for one in Message(tensor.block(2)).blocks(1)]
    if tensor.integer(1) not in _FLOATS or len(sizes) != 2:
        refuse("input", "one input, a matrix of rows")
    return found[0].text(1), sizes[1]


def _node(data: memoryview) -> Node:
    one = Message(data)
    attributes: dict[str, Any] = {}
    for block in one.blocks(5):
        attribute = Message(block)
        name = attribute.text(1)
        if name in attributes or 21 in attribute:
            refuse("attribute", "an attribute twice, or of something else")
        attributes[name] = _attribute(attribute)
    if 8 in one:
        refuse("functions", "functions in a file")
    kind = (_domain(one.text(7)), one.text(4))
    return Node(kind, tuple(one.texts(1)), tuple(one.texts(2)), attributes)


def _attribute(one: Message) -> Any:
    read = _ATTRIBUTES.get(one.integer(20))
    if read is None:
        refuse("attribute", "an attribute of a type that is not read here")
    return read(one)


def _named(data: memoryview) -> tuple[str, Tensor]:
    """Return a constant with its name."""
    one = Message(data)
    kind = one.integer(2)
    if kind not in _TENSORS or any(number in one for number in (3, 13, 14)):
        refuse("constants", "a constant of other numbers, or that lies elsewhere")
    field, code, width = _TENSORS[kind]
    raw = one.block(9)
    if len(raw) % width or (raw and field in one):
        refuse("constants", "a constant of another size")
    if raw:
        numbers: list[Any] = list(struct.unpack(f"<{len(raw) // width}{code}", raw))
    else:
        numbers = list(one.floats(field, code) if kind in _FLOATS else one.integers(field))
    sizes = tuple(one.integers(1))
    count = 1
    for size in sizes:
        count *= size if 0 <= size < 2**31 else -1
        if not 0 <= count < 2**31:
            refuse("constants", "a constant of another size")
    if count != len(numbers):
        refuse("constants", "a constant of another size")
    return one.text(8), Tensor(sizes, tuple(numbers))


_ATTRIBUTES: Final[Mapping[int, Callable[[Message], Any]]] = {
    1: lambda one: (one.floats(2) or [0.0])[0],
    2: lambda one: one.integer(3),
    3: lambda one: bytes(one.block(4)),
    4: lambda one: _named(one.block(5))[1],
    6: lambda one: one.floats(7),
    7: lambda one: one.integers(8),
    8: lambda one: [bytes(block) for block in one.blocks(9)],
}


def _domain(name: str) -> str:
    """Return the domain of an opset or a node; the usual one has two names."""
    return "" if name == "ai.onnx" else name
