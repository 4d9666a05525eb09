"""Twenty ways and more in which code could say something beside its values; none comes through.

Each encoder writes a file that says the same values, with a bit in something else: order, spelling,
names, metadata, padding, low bits. Whoever receives what left cannot tell the bit. Through values
what is recovered is at most what is charged.
"""

import json
import math
import random
import struct
from collections.abc import Callable
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.sandbox.declaring import FILES, OUTPUTS, output

from unseen.evidence.contracts.outputs import TypedOutput, received
from unseen.evidence.errors import ReleaseInvalidError
from unseen.sandbox.formats import wire
from unseen.sandbox.formats.encoding import encoded
from unseen.sandbox.formats.writing import objects, written

ROWS: Any = FILES["by_sex"]


def table(bit: int, change: Callable[[int, list[dict[str, Any]]], Any], **options: Any) -> bytes:
    rows = [dict(row) for row in ROWS]
    found = change(bit, rows)
    return json.dumps(rows if found is None else found, **options).encode()


def put(rows: list[dict[str, Any]], name: str, value: object) -> None:
    rows[0][name] = value


def in_text(old: bytes, new: bytes) -> Callable[[int], bytes]:
    data = json.dumps(ROWS).encode()
    assert old in data
    return lambda bit: data.replace(old, new) if bit else data


JSON: dict[str, Callable[[int], bytes]] = {
    "order of rows": lambda bit: table(bit, lambda b, rows: rows[::-1] if b else rows),
    "order of fields": lambda bit: table(
        bit, lambda b, rows: [dict(reversed(row.items())) for row in rows] if b else rows
    ),
    "rows as lists": lambda bit: table(
        bit, lambda b, rows: [list(row.values()) for row in rows] if b else rows
    ),
    "layout": lambda bit: table(bit, lambda *_: None, indent=bit or None),
    "white space at the end": lambda bit: table(0, lambda *_: None) + b"\n" * bit,
    "zeros after a point": in_text(b"61.5,", b"61.5000,"),
    "exponent": in_text(b"61.5,", b"6.15e1,"),
    "a float for a whole number": in_text(b"400,", b"400.0,"),
    "escapes": in_text(b'"mean"', b'"\\u006dean"'),
    "low bits of a float": lambda bit: table(
        bit, lambda b, rows: put(rows, "mean", math.nextafter(61.5, 99) if b else 61.5)
    ),
    "digits below the fourth": lambda bit: table(
        bit, lambda b, rows: put(rows, "mean", 61.502 if b else 61.498)
    ),
    "counts within five": lambda bit: table(
        bit, lambda b, rows: put(rows, "people", 402 if b else 398)
    ),
    "the sign of zero": lambda bit: table(
        bit, lambda b, rows: put(rows, "mean", -0.0 if b else 0.0)
    ),
    "no number for nothing": lambda bit: table(
        bit, lambda b, rows: put(rows, "people", math.nan if b else None)
    ),
}

LINES = (b"sex,people,mean,listed", b"f,400,61.5,true", b"m,,71.25,false")


def csv(bit: int, *changes: tuple[bytes, bytes], end: bytes = b"\n") -> bytes:
    data = end.join(LINES) + end
    for old, new in changes if bit else ():
        assert old in data
        data = data.replace(old, new)
    return data


CSV: dict[str, Callable[[int], bytes]] = {
    "line ends": lambda bit: csv(0, end=b"\r\n" if bit else b"\n"),
    "no line end at the end": lambda bit: csv(0)[: -1 if bit else None],
    "quotes": lambda bit: csv(bit, (b"f,4", b'"f",4')),
    "zeros before a number": lambda bit: csv(bit, (b"400", b"+00400.")),
    "exponents": lambda bit: csv(bit, (b"61.5", b"615e-1")),
    "spelling of true": lambda bit: csv(bit, (b"true", b"True")),
    "no number for an empty field": lambda bit: csv(bit, (b"m,,", b"m,nan,")),
    "order of lines": lambda bit: b"\n".join(
        (LINES[0], *LINES[2 if bit else 1 :: -1 if bit else 1][:2])
    ),
    "order of columns": lambda bit: (
        b"mean,listed,sex,people\n61.5,true,f,400\n71.25,false,m,\n" if bit else csv(0)
    ),
    "low digits": lambda bit: csv(bit, (b"61.5", b"61.50000000001")),
}

NET: Any = FILES["risk"]


def constant(name: str, numbers: Any, *, raw: bool = True) -> TensorProto:
    sizes = [len(numbers), len(numbers[0])] if isinstance(numbers[0], list) else [len(numbers)]
    flat = [n for line in numbers for n in line] if len(sizes) == 2 else numbers
    if raw:
        packed = struct.pack(f"<{len(flat)}f", *flat)
        return helper.make_tensor(name, TensorProto.FLOAT, sizes, packed, raw=True)
    return helper.make_tensor(name, TensorProto.FLOAT, sizes, flat)


def network(
    *,
    layers: Any = None,
    names: str = "",
    raw: bool = True,
    gemm: bool = False,
    more: list[Any] | None = None,
    constants: list[TensorProto] | None = None,
    **fields: Any,
) -> onnx.ModelProto:
    first, last = layers or NET["layers"]
    kept = [
        constant(f"w0{names}", first["weights"], raw=raw),
        constant(f"b0{names}", first["bias"], raw=raw),
        constant(f"w1{names}", last["weights"], raw=raw),
        constant(f"b1{names}", last["bias"], raw=raw),
    ]
    edges = [f"{edge}{names}" for edge in ("x", "s0", "a0", "h", "s1", "a1", "y")]
    x, s0, a0, h, s1, a1, y = edges
    make = helper.make_node
    if gemm:
        sums = [[make("Gemm", [x, kept[0].name, kept[1].name], [a0])]]
        sums += [[make("Gemm", [h, kept[2].name, kept[3].name], [a1])]]
    else:
        sums = [[make("MatMul", [x, kept[0].name], [s0]), make("Add", [s0, kept[1].name], [a0])]]
        sums += [[make("MatMul", [h, kept[2].name], [s1]), make("Add", [kept[3].name, s1], [a1])]]
    nodes = [*sums[0], make("Relu", [a0], [h]), *sums[1], make("Sigmoid", [a1], [y])]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [*nodes, *(more or [])],
        fields.pop("graph", "g"),
        [info(x, TensorProto.FLOAT, [None, 2])],
        [info(y, TensorProto.FLOAT, [None, 1])],
        [*kept, *(constants or [])],
    )
    opsets = [helper.make_opsetid("", fields.pop("opset", 13))]
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=opsets, ir_version=fields.pop("ir", 8), **fields
    )
    return model


def edited(change: Callable[[onnx.ModelProto], object], bit: int) -> bytes:
    model = network()
    if bit:
        change(model)
    data: bytes = model.SerializeToString()
    return data


def turned(bit: int) -> Any:
    first, last = NET["layers"]
    order = (2, 0, 1) if bit else (0, 1, 2)
    return [
        {
            "weights": [[line[at] for at in order] for line in first["weights"]],
            "bias": [first["bias"][at] for at in order],
        },
        {"weights": [last["weights"][at] for at in order], "bias": last["bias"]},
    ]


def nudged(bit: int) -> Any:
    first, last = NET["layers"]
    lines = [[n * (1 + bit * 2**-20) for n in line] for line in first["weights"]]
    return [{"weights": lines, "bias": first["bias"]}, last]


def made(**fields: Any) -> bytes:
    data: bytes = network(**fields).SerializeToString()
    return data


def reversed_fields(data: bytes) -> bytes:
    """Return a message with its fields in the opposite order."""
    found = []
    for number, kind, value in wire._fields(memoryview(data)):
        body = wire.number(value) if isinstance(value, int) else bytes(value)
        if kind == wire.LENGTH:
            body = wire.number(len(body)) + body
        found.append(wire.number(number << 3 | kind) + body)
    return b"".join(found[::-1])


DEAD = helper.make_node("Neg", ["x"], ["nobody"])
ONNX: dict[str, Callable[[int], bytes]] = {
    "names of edges and constants": lambda bit: made(names="_secret" * bit),
    "name of the graph": lambda bit: made(graph=f"g{bit}"),
    "producer": lambda bit: made(producer_name=f"p{bit}", producer_version="1" * bit),
    "documentation": lambda bit: made(doc_string="d" * bit),
    "version of the model": lambda bit: made(model_version=bit),
    "version of the operators": lambda bit: made(opset=13 + bit),
    "version of the format": lambda bit: made(ir=8 + bit),
    "how constants are packed": lambda bit: made(raw=bool(bit)),
    "which operators say it": lambda bit: made(gemm=bool(bit)),
    "order of hidden units": lambda bit: made(layers=turned(bit)),
    "low bits of weights": lambda bit: made(layers=nudged(bit)),
    "operators that lead nowhere": lambda bit: made(more=[DEAD] * bit),
    "constants that nobody uses": lambda bit: made(constants=[constant("u", [0.5])] * bit),
    "order of constants": lambda bit: edited(
        lambda m: m.graph.initializer.sort(key=lambda one: one.name), bit
    ),
    "metadata": lambda bit: edited(lambda m: helper.set_model_props(m, {"k": "v"}), bit),
    "names of nodes": lambda bit: edited(lambda m: setattr(m.graph.node[0], "name", "n"), bit),
    "notes on nodes": lambda bit: edited(
        lambda m: setattr(m.graph.node[0], "doc_string", "n"), bit
    ),
    "what is known of edges": lambda bit: edited(
        lambda m: m.graph.value_info.append(
            helper.make_tensor_value_info("h", TensorProto.FLOAT, [None, 3])
        ),
        bit,
    ),
    "fields that are not known": lambda bit: made() + wire.block_field(99, b"secret") * bit,
    "order of fields": lambda bit: reversed_fields(made()) if bit else made(),
}


def forest(bit: int, change: str) -> bytes:
    """Return the trees of `FILES` as a library writes them, with a bit somewhere."""
    one = output("forest", "onnx")
    value = received(one, encoded(OUTPUTS["forest"], json.dumps(FILES["forest"]).encode()))
    model = onnx.ModelProto.FromString(written(one, value))
    (node,) = model.graph.node
    kept = {each.name: each for each in node.attribute}
    if bit:
        _CHANGES[change](node, kept)
    data: bytes = model.SerializeToString()
    return data


_Kept = dict[str, Any]
_IDS = ("nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids", "target_nodeids")


def hits(node: Any, kept: _Kept) -> None:
    count = len(kept["nodes_treeids"].ints)
    node.attribute.append(helper.make_attribute("nodes_hitrates", [7.0] * count))


def ids(_: Any, kept: _Kept) -> None:
    for name in _IDS:
        kept[name].ints[:] = [90 - at for at in kept[name].ints]


def other_trees(_: Any, kept: _Kept) -> None:
    for name in ("nodes_treeids", "target_treeids"):
        kept[name].ints[:] = [1 - at for at in kept[name].ints]


def other_rows(_: Any, kept: _Kept) -> None:
    for each in kept.values():
        if each.name.startswith("nodes_"):
            for field in (each.ints, each.floats, each.strings):
                field[:] = list(field)[::-1]


def thresholds(_: Any, kept: _Kept) -> None:
    numbers = kept["nodes_values"].floats
    modes = zip(kept["nodes_modes"].strings, numbers, strict=True)
    numbers[:] = [0.25 if mode == b"LEAF" else number for mode, number in modes]


_CHANGES: dict[str, Callable[[Any, _Kept], None]] = {
    "hits": hits,
    "ids": ids,
    "trees": other_trees,
    "rows": other_rows,
    "leaf thresholds": thresholds,
}
TREES: dict[str, Callable[[int], bytes]] = {
    "how often a branch was taken": lambda bit: forest(bit, "hits"),
    "numbers of nodes": lambda bit: forest(bit, "ids"),
    "numbers of trees": lambda bit: forest(bit, "trees"),
    "order of nodes": lambda bit: forest(bit, "rows"),
    "thresholds of leaves": lambda bit: forest(bit, "leaf thresholds"),
}


def tensors(bit: int, change: str = "") -> bytes:
    code, kind = ("d", "F64") if bit and change == "width" else ("f", "F32")
    body, header = b"", {}
    for at, layer in enumerate(NET["layers"]):
        lines = [list(line) for line in zip(*layer["weights"], strict=True)]
        sizes = {
            f"layers.{at}.weight": [len(lines), len(lines[0])],
            f"layers.{at}.bias": [len(lines)],
        }
        flat = [n for line in lines for n in line]
        both = [(f"layers.{at}.weight", flat), (f"layers.{at}.bias", layer["bias"])]
        for name, numbers in both[:: -1 if bit and change == "places" else 1]:
            start = len(body)
            body += struct.pack(f"<{len(numbers)}{code}", *numbers)
            span = [start, len(body)]
            header[name] = {"dtype": kind, "shape": sizes[name], "data_offsets": span}
    found: dict[str, Any] = dict(sorted(header.items(), reverse=bool(bit and change == "order")))
    if bit and change == "metadata":
        found["__metadata__"] = {"secret": "text"}
    text = json.dumps(found, indent=1 if bit and change == "layout" else None).encode()
    text += b" " * (8 * (bit and change == "padding"))
    return len(text).to_bytes(8, "little") + text + body


SAFETENSORS: dict[str, Callable[[int], bytes]] = {
    "metadata": lambda bit: tensors(bit, "metadata"),
    "order of tensors in the header": lambda bit: tensors(bit, "order"),
    "places of tensors": lambda bit: tensors(bit, "places"),
    "layout of the header": lambda bit: tensors(bit, "layout"),
    "padding": lambda bit: tensors(bit, "padding"),
    "width of numbers": lambda bit: tensors(bit, "width"),
}

WAYS = {
    **{f"json: {name}": (output("by_sex"), way) for name, way in JSON.items()},
    **{f"csv: {name}": (output("by_sex", "csv"), way) for name, way in CSV.items()},
    **{f"onnx: {name}": (output("risk", "onnx"), way) for name, way in ONNX.items()},
    **{f"trees: {name}": (output("forest", "onnx"), way) for name, way in TREES.items()},
    **{f"tensors: {name}": (output("risk", "safetensors"), w) for name, w in SAFETENSORS.items()},
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_beside_the_values_comes_through(way: str) -> None:
    one, write = WAYS[way]
    files = write(0), write(1)
    assert files[0] != files[1], "the encoder says nothing"
    assert encoded(one, files[0]) == encoded(one, files[1])


def test_all_formats_of_a_model_say_the_same_after_the_gate() -> None:
    found = {
        encoded(output("risk"), json.dumps(NET).encode()),
        encoded(output("risk", "onnx"), made()),
        encoded(output("risk", "safetensors"), tensors(0)),
    }
    assert len(found) == 1
    assert len(WAYS) >= 20


def test_through_values_comes_what_is_charged_and_no_more() -> None:
    """A scalar's 64 bits carry a message; what arrives are as many messages as it has values."""
    one = OUTPUTS["mean"]
    draw = random.Random(7)
    arrived = set()
    for _ in range(4000):
        number = struct.unpack("<d", draw.randbytes(8))[0]
        try:
            arrived.add(encoded(one, json.dumps(number).encode()))
        except ReleaseInvalidError:
            continue
    (cell,) = one.shape.cells_at(0)
    assert one.shape.bits == math.ceil(math.log2(cell.values)) == 18
    assert 1 < len(arrived) <= cell.values
    whole = [cell.unpack(draw.randrange(cell.values)) for _ in range(500)]
    for value in whole:  # a sender who knows the values gets each of them through
        assert isinstance(value, int)
        data = encoded(one, json.dumps(value / 10**6).encode())
        assert objects(received(one, data)) == value / 10**6


@pytest.mark.parametrize("name", ["line", "by_sex", "risk", "forest"])
def test_a_message_in_every_cell_is_cut_to_the_bits(name: str) -> None:
    """Random numbers everywhere: what arrives has the bits of the shape, and only those."""
    one: TypedOutput = OUTPUTS[name]
    assert one.sent_bytes * 8 < one.shape.bits + 8
    if name in {"risk", "forest"}:
        assert one.shape.bits < 64 * sum(
            len(one.shape.cells_at(at)) for at in range(one.shape.most)
        )


def test_numpy_writes_what_we_read() -> None:
    """The constants of the encoders above are those of the library that defines the format."""
    numbers = numpy_helper.to_array(network().graph.initializer[0])
    assert numbers.tolist() == NET["layers"][0]["weights"]
