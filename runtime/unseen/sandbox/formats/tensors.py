"""safetensors 0.3 (its own format page): a header of JSON and tensors that fill the rest.

Read strictly: only float32 and float64, offsets that follow each other without a gap, no byte
over. Names and sizes are those that a declared network has (`layers.N.weight`, units x inputs as
in torch, and `layers.N.bias`); metadata, which may hold any text, is not looked at.
"""

import struct
from itertools import pairwise
from typing import Any, Final

from unseen.evidence.contracts.modelled import Network
from unseen.sandbox.formats.models import Layer
from unseen.sandbox.formats.numbers import refuse
from unseen.sandbox.formats.objects import fields_of, objects_of

_MAX_HEADER: Final = 1 << 16
_KINDS: Final = {"F32": ("f", 4), "F64": ("d", 8)}
_META: Final = "__metadata__"


def layers_of_tensors(shape: Network, data: bytes) -> list[Layer]:
    """Return the layers of a declared network that a file holds.

    Raises:
        ReleaseInvalidError: it is no such file, or of other tensors.

    """
    tensors = _tensors(data)
    wanted: dict[str, list[int]] = {}
    for at, (before, units) in enumerate(pairwise(shape.sizes)):
        wanted |= {f"layers.{at}.weight": [units, before], f"layers.{at}.bias": [units]}
    if tensors.keys() != wanted.keys():
        refuse("tensors", "has other tensors than declared")
    if any(tensors[name][0] != size for name, size in wanted.items()):
        refuse("tensors", "a tensor of another size than declared")
    layers: list[Layer] = []
    for at, (before, units) in enumerate(pairwise(shape.sizes)):
        flat = tensors[f"layers.{at}.weight"][1]
        turned = [[flat[unit * before + line] for unit in range(units)] for line in range(before)]
        last = at == len(shape.layers) - 1
        function = shape.link if last else shape.activation
        layers.append(Layer(turned, tensors[f"layers.{at}.bias"][1], function))
    return layers


def _tensors(data: bytes) -> dict[str, tuple[list[int], tuple[float, ...]]]:
    """Return every tensor of a file: its size and its numbers."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(_MAX_HEADER, len(data) - 8):
        refuse("header", "has no header")
    header = objects_of(data[8 : 8 + length])
    if type(header) is not dict:
        refuse("header", "has a header that is no object")
    body = memoryview(data)[8 + length :]
    header.pop(_META, None)
    found = {}
    spans = []
    for name, one in header.items():
        kind, size, offsets = fields_of(one, "dtype", "shape", "data_offsets")
        first, last = _whole(offsets, 2)
        if type(kind) is not str or kind not in _KINDS:
            refuse("type", "a tensor of other numbers than floats")
        code, width = _KINDS[kind]
        count = _count(size)
        if not 0 <= first <= last <= len(body) or last - first != count * width:
            refuse("offsets", "a tensor that is not where it should be")
        spans.append((first, last))
        found[name] = (size, struct.unpack(f"<{count}{code}", body[first:last]))
    ends = [0, *(place for span in sorted(spans) for place in span), len(body)]
    if any(ends[at] != ends[at + 1] for at in range(0, len(ends), 2)):
        refuse("offsets", "tensors with a gap between them, or over each other")
    return found


def _whole(value: object, count: int | None = None) -> list[int]:
    if type(value) is not list or not all(type(one) is int and 0 <= one < 2**40 for one in value):
        refuse("header", "a header with other numbers")
    if count is not None and len(value) != count:
        refuse("header", "a header with other numbers")
    return value


def _count(size: Any) -> int:
    found = 1
    for one in _whole(size):
        found *= one
        if found > 2**24:
            refuse("size", "a tensor that is too large")
    return found
