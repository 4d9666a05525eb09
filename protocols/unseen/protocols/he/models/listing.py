"""ONNX IR 10: all numbers of a file as rows, whatever its graph makes of them.

A model is registered like a table, by its numbers: name of a constant, place in it, value.
Constants are the graph's own and those that its nodes hold as attributes. Names are the file's; an
attribute's is that of the node's first output, a slash, and its own. Whether a model that can be
scored is in the file, `reading.py` says.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models.reading import parsed
from unseen.protocols.he.models.tensors import MAX_NUMBERS, Array, array_of, reals_of
from unseen.protocols.train.files import library

Row = tuple[str, int, float]


def rows_of(data: bytes) -> list[Row]:
    """Return every number of a file: (constant, place, value), sorted by constant and place.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.
        ModelInvalidError: it is no ONNX file, has a constant that lies outside of it, two of one
            name, none at all or too many numbers, or one that is not finite.

    """
    onnx = library("onnx")
    found: dict[str, Array] = {}
    for name, numbers in _constants(onnx, parsed(onnx, data).graph):
        if name in found:
            raise ModelInvalidError("a name twice", clause="model.name")
        found[name] = numbers
    total = sum(numbers.size for numbers in found.values())
    if not 1 <= total <= MAX_NUMBERS:
        raise ModelInvalidError(f"1 to {MAX_NUMBERS} numbers", clause="model.size")
    return [
        (name, place, float(value))
        for name in sorted(found)
        for place, value in enumerate(found[name].ravel())
    ]


def _constants(onnx: ModuleType, graph: Any) -> Iterator[tuple[str, Array]]:
    for one in graph.initializer:
        yield _text(one.name), array_of(onnx, one)
    for node in graph.node:
        for attribute in node.attribute:
            numbers = _attribute(onnx, attribute)
            if numbers is not None:
                if not node.output:
                    raise ModelInvalidError("a node without an output", clause="model.shape")
                yield f"{_text(node.output[0])}/{_text(attribute.name)}", numbers


def _attribute(onnx: ModuleType, attribute: Any) -> Array | None:
    """Return the real numbers of an attribute; whole ones say how, not what, is computed."""
    types = onnx.AttributeProto
    if attribute.type == types.TENSOR:
        return array_of(onnx, attribute.t)
    if attribute.type == types.FLOATS and attribute.floats:
        return reals_of(attribute.floats)
    if attribute.type == types.FLOAT:
        return reals_of([attribute.f])
    return None


def _text(name: Any) -> str:
    if type(name) is not str:  # the library gives what is no UTF-8 as bytes
        raise ModelInvalidError("a name that is no text", clause="model.name")
    return name
