"""One file of a buyer's code in, the bytes of its value out: what runs in the second sandbox.

`encoded` raises `ReleaseInvalidError` with a clause and nothing of the file, or returns as many
bytes as the output's shape has. Whoever receives them reads them with
`unseen.evidence.contracts.outputs.received`, which takes values of the shape and nothing else: so
a file that broke this parser could say no more than the shape's bits either.

Not protected: the values. See `unseen.evidence.contracts.outputs`.
"""

from collections.abc import Callable
from typing import Final

from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.outputs import TypedOutput, sent
from unseen.evidence.contracts.shape import Shape
from unseen.evidence.contracts.typed import Table, Value
from unseen.sandbox.formats.fitting import (
    from_layers,
    from_objects,
    from_rows,
    from_trees,
    layers_from,
    trees_from,
)
from unseen.sandbox.formats.forests import trees_of_graph
from unseen.sandbox.formats.graphs import graph_of
from unseen.sandbox.formats.networks import layers_of_graph
from unseen.sandbox.formats.numbers import refuse
from unseen.sandbox.formats.objects import objects_of
from unseen.sandbox.formats.tables import rows_of_csv
from unseen.sandbox.formats.tensors import layers_of_tensors

_MOST: Final = 16 << 20
_LEAST: Final = 64 << 10
_CELL: Final = 64  # a number at its longest, twice, and what stands around it


def most_bytes(output: TypedOutput) -> int:
    """Return how many bytes the file of an output may have: enough for any value, and no more."""
    shape = output.shape
    cells = sum(len(shape.cells_at(row)) for row in range(shape.most))
    names = max((len(name.encode()) for name in _names(shape)), default=0)
    return min(_LEAST + cells * (_CELL + names), _MOST)


def encoded(output: TypedOutput, data: bytes) -> bytes:
    """Return what the file of an output says, as it leaves: `output.sent_bytes` bytes.

    Raises:
        ReleaseInvalidError: it is larger than it may be, no such file, or no value of the shape.

    """
    if len(data) > most_bytes(output):
        refuse("size", "is larger than it may be")
    return sent(_FORMATS[output.format](output.shape, data))


def _names(shape: Shape) -> tuple[str, ...]:
    if isinstance(shape, Table):
        return tuple(name for name, _ in shape.columns)
    return shape.features if isinstance(shape, Network | Trees) else ()


def _json(shape: Shape, data: bytes) -> Value:
    found = objects_of(data)
    if isinstance(shape, Network):
        return from_layers(shape, layers_from(shape, found))
    if isinstance(shape, Trees):
        return from_trees(shape, *trees_from(shape, found))
    return from_objects(shape, found)


def _csv(shape: Shape, data: bytes) -> Value:
    if not isinstance(shape, Table):
        refuse("shape", "a shape that has no such file")
    return from_rows(shape, rows_of_csv(shape, data))


def _onnx(shape: Shape, data: bytes) -> Value:
    graph = graph_of(data)
    if isinstance(shape, Network):
        return from_layers(shape, layers_of_graph(shape, graph))
    if not isinstance(shape, Trees):
        refuse("shape", "a shape that has no such file")
    return from_trees(shape, *trees_of_graph(shape, graph))


def _safetensors(shape: Shape, data: bytes) -> Value:
    if not isinstance(shape, Network):
        refuse("shape", "a shape that has no such file")
    return from_layers(shape, layers_of_tensors(shape, data))


_FORMATS: Final[dict[str, Callable[[Shape, bytes], Value]]] = {
    "json": _json,
    "csv": _csv,
    "onnx": _onnx,
    "safetensors": _safetensors,
}
