"""Thirty hostile files a format and more: one clear error each, quickly, in bounded memory."""

import itertools
import json
import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper
from tests.sandbox.declaring import FILES, OUTPUTS, output
from tests.sandbox.test_covert import LINES, constant, csv, edited, forest, made, network, tensors

from unseen.evidence.contracts.outputs import received
from unseen.evidence.errors import ReleaseInvalidError
from unseen.sandbox.formats import wire
from unseen.sandbox.formats.encoding import encoded, most_bytes

MEGABYTE = 1 << 20
ROW: dict[str, Any] = {"sex": "f", "people": 400, "mean": 61.5, "listed": True}


def rows(*found: object) -> bytes:
    return json.dumps(found).encode()


JSON: dict[str, bytes] = {
    "nothing": b"",
    "only space": b" \n",
    "half an object": b'[{"sex":"f"',
    "no UTF-8": b'["\xff\xfe"]',
    "UTF-16": json.dumps([ROW]).encode("utf-16"),
    "a mark at its start": b"\xef\xbb\xbf" + rows(ROW),
    "ten thousand levels": b"[" * 10_000 + b"]" * 10_000,
    "thousands of objects in each other": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a number of 5,000 digits": b"[[" + b"9" * 5_000 + b"]]",
    "an exponent of nine digits": b'[{"sex":"f","people":1e999999999,"mean":1,"listed":true}]',
    "infinity": b'[{"sex":"f","people":1,"mean":Infinity,"listed":true}]',
    "less than nothing": b'[{"sex":"f","people":1,"mean":-Infinity,"listed":true}]',
    "no number": b'[{"sex":"f","people":1,"mean":NaN,"listed":true}]',
    "a name twice": b'[{"sex":"f","sex":"m","people":1,"mean":1,"listed":true}]',
    "a field more": rows(ROW | {"note": "secret"}),
    "a field less": rows({"sex": "f"}),
    "another name": rows({"Sex": "f", "people": 1, "mean": 1, "listed": True}),
    "a text that is not declared": rows(ROW | {"sex": "anna"}),
    "a text with a mark in it": rows(ROW | {"sex": "f\u200b"}),
    "a text for a number": rows(ROW | {"mean": "61.5"}),
    "a list for a number": rows(ROW | {"mean": [61.5]}),
    "true for a number": rows(ROW | {"mean": True}),
    "a number for true": rows(ROW | {"listed": 1}),
    "too large a number": rows(ROW | {"mean": 1e12}),
    "less than no people": rows(ROW | {"people": -10}),
    "nothing where something is": rows(ROW | {"mean": None}),
    "two rows of one key": rows(ROW, ROW),
    "more rows than declared": rows(*[ROW | {"sex": one} for one in "fmxf"]),
    "no list": rows(ROW)[1:-1],
    "a list of lists of lists": b"[[[]]]",
    "a row of another length": b'[["f",400,61.5]]',
    "what follows the end": rows(ROW) + b"[]",
    "a megabyte of space": rows(ROW) + b" " * MEGABYTE,
    "a hundred thousand empty lists": b"[" + b"[]," * 20_000 + b"[]]",
    "a code": b"__import__('os').system('id')",
    "YAML": b"!!python/object/apply:os.system ['id']",
    "a pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94.",
}

CSV: dict[str, bytes] = {
    "nothing": b"",
    "an empty line": b"\n",
    "no UTF-8": csv(0).replace(b"true", b"\xff"),
    "UTF-16": csv(0).decode().encode("utf-16"),
    "a mark at its start": b"\xef\xbb\xbf" + csv(0),
    "a zero byte": csv(0).replace(b"61.5", b"6\x001.5"),
    "another header": csv(0).replace(b"people", b"persons"),
    "a column more": b"\n".join(line + b",1" for line in LINES),
    "a column of places": b"\n".join(b"0," + line for line in LINES),
    "a column less": b"\n".join(line.rpartition(b",")[0] for line in LINES),
    "a column twice": csv(0).replace(b"mean", b"people"),
    "a row with a field more": csv(0) + b"x,5,1.0,true,secret\n",
    "a row with a field less": csv(0) + b"x,5,1.0\n",
    "an empty line within": LINES[0] + b"\n\n" + LINES[1],
    "a quote that does not end": csv(0) + b'"x,5,1.0,true\n',
    "a quote within": csv(0) + b'x"y",5,1.0,true\n',
    "a text after a quote": csv(0) + b'"x"y,5,1.0,true\n',
    "semicolons": csv(0).replace(b",", b";"),
    "tabs": csv(0).replace(b",", b"\t"),
    "a text that is not declared": csv(0).replace(b"m,,", b"anna,,"),
    "a space before a text": csv(0).replace(b"m,,", b" m,,"),
    "a formula": csv(0).replace(b"61.5", b"=61.5"),
    "a number with a space": csv(0).replace(b"61.5", b" 61.5"),
    "a number with a mark": csv(0).replace(b"400", b"4_00"),
    "a number of another script": csv(0).replace(b"400", "４００".encode()),
    "a hexadecimal number": csv(0).replace(b"61.5", b"0x3d"),
    "infinity": csv(0).replace(b"61.5", b"inf"),
    "an exponent of nine digits": csv(0).replace(b"61.5", b"1e999999999"),
    "too large a number": csv(0).replace(b"61.5", b"1e300"),
    "a number of 500 digits": csv(0).replace(b"61.5", b"9" * 500),
    "a field of 200,000 bytes": csv(0).replace(b"61.5", b"9" * 60_000),
    "nothing where something is": csv(0).replace(b"61.5", b""),
    "yes for true": csv(0).replace(b"true", b"yes"),
    "two rows of one key": csv(0) + LINES[1] + b"\n",
    "more rows than declared": csv(0) + b"x,5,1.0,true\nf,5,1.0,true\n",
    "a megabyte": csv(0) + b"\n" * MEGABYTE,
}


def with_node(change: Callable[[Any], object], at: int = 0) -> bytes:
    return edited(lambda model: change(model.graph.node[at]), 1)


def with_constant(change: Callable[[TensorProto], object]) -> bytes:
    return edited(lambda model: change(model.graph.initializer[0]), 1)


def with_operator(name: str, domain: str = "", **attributes: Any) -> bytes:
    """Return a network whose last function is another operator."""

    def change(model: Any) -> None:
        model.graph.node[-1].op_type, model.graph.node[-1].domain = name, domain
        model.graph.node[-1].attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )

    return edited(change, 1)


def outside(tensor: TensorProto) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def sub_graph() -> bytes:
    inner = network().graph
    node = helper.make_node("If", ["x"], ["s0"], then_branch=inner, else_branch=inner)
    return with_node(lambda one: one.CopyFrom(node))


def a_function(model: Any) -> None:
    made_up = helper.make_function(
        "",
        "Relu",
        ["a"],
        ["b"],
        [helper.make_node("Neg", ["a"], ["b"])],
        [helper.make_opsetid("", 13)],
    )
    model.functions.append(made_up)


def opset(domain: str, version: int) -> bytes:
    return edited(lambda m: m.opset_import.append(helper.make_opsetid(domain, version)), 1)


def goes_on(model: Any) -> None:
    model.graph.node.append(helper.make_node("Add", ["y", "b1"], ["z"]))
    model.graph.output[0].name = "z"


NAN, HUGE = float("nan"), 3e38
ONNX: dict[str, bytes] = {
    "nothing": b"",
    "text": b"model",
    "half a file": made()[:-20],
    "a number without end": b"\xff" * 12,
    "a number of 65 bits": b"\x08" + b"\xff" * 9 + b"\x7f",
    "a group": b"\x0b\x0c",
    "a type that is none": b"\x0e",
    "field zero": b"\x02\x00",
    "a length beyond the end": b"\x3a\xff\xff\xff\xff\x0f",
    "a graph twice": made() + wire.block_field(7, b""),
    "a graph that is a number": b"\x08\x08\x38\x01",
    "thousands of messages in each other": b"\x3a" * 30_000,
    "thousands of fields": made() + wire.block_field(8, b"") * 5_000,
    "an old version": made(ir=2),
    "operators of tomorrow": opset("", 99),
    "two versions of operators": opset("ai.onnx", 14),
    "operators of somebody": opset("com.microsoft", 1),
    "a loop": with_node(lambda node: node.input.__setitem__(0, "y")),
    "of itself": with_node(lambda node: node.input.__setitem__(0, "s0")),
    "of nothing": with_node(lambda node: node.input.__setitem__(0, "nowhere")),
    "a name twice": with_node(lambda node: node.output.__setitem__(0, "x")),
    "a name that is no text": made().replace(b"w0", b"\xff\xfe"),
    "no output": edited(lambda m: m.graph.ClearField("output"), 1),
    "three outputs": edited(lambda m: m.graph.output.extend([m.graph.output[0]] * 2), 1),
    "an output that nothing gives": edited(lambda m: setattr(m.graph.output[0], "name", "z"), 1),
    "a constant as output": edited(lambda m: setattr(m.graph.output[0], "name", "w0"), 1),
    "its rows as output": edited(lambda m: setattr(m.graph.output[0], "name", "x"), 1),
    "two inputs": edited(lambda m: m.graph.input.append(m.graph.output[0]), 1),
    "rows of another width": edited(
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 3), 1
    ),
    "rows of texts": edited(
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 8), 1
    ),
    "no nodes": edited(lambda m: m.graph.ClearField("node"), 1),
    "a thousand nodes": made(more=[helper.make_node("Neg", ["x"], [f"n{n}"]) for n in range(999)]),
    "neighbours": with_operator("TopK"),
    "a kernel machine": with_operator("SVMRegressor", "ai.onnx.ml", coefficients=[1.0]),
    "a scan": with_operator("Scan"),
    "a text": with_operator("StringNormalizer"),
    "random numbers": with_operator("RandomNormalLike"),
    "an operator of a library": with_operator("Gelu", "com.microsoft"),
    "an attribute that is not known": with_operator("Sigmoid", secret=1.0),
    "an attribute twice": with_node(
        lambda node: node.attribute.extend([helper.make_attribute("axis", 1)] * 2), 2
    ),
    "an attribute of a graph": sub_graph(),
    "an attribute of something else": with_node(
        lambda node: node.attribute.append(
            AttributeProto(name="axis", type=AttributeProto.INT, ref_attr_name="x")
        ),
        2,
    ),
    "functions": edited(a_function, 1),
    "training": edited(lambda m: m.training_info.add(), 1),
    "a sparse constant": edited(lambda m: m.graph.sparse_initializer.add(), 1),
    "a constant that lies elsewhere": with_constant(outside),
    "a constant in pieces": with_constant(
        lambda one: one.segment.CopyFrom(TensorProto.Segment(begin=1))
    ),
    "a constant of another size": with_constant(lambda one: one.dims.__setitem__(0, 3)),
    "a constant of less than nothing": with_constant(lambda one: one.dims.__setitem__(0, -2)),
    "a constant as large as all": with_constant(lambda one: one.dims.extend([2**31, 2**31])),
    "a constant of texts": with_constant(lambda one: setattr(one, "data_type", 8)),
    "a constant said twice": with_constant(lambda one: one.float_data.append(1.0)),
    "half a number": with_constant(lambda one: setattr(one, "raw_data", one.raw_data[:-1])),
    "a constant twice": made(constants=[constant("w0", [1.0])]),
    "weights that are no number": with_constant(
        lambda one: setattr(one, "raw_data", struct.pack("<6f", *[NAN] * 6))
    ),
    "weights out of range": with_constant(
        lambda one: setattr(one, "raw_data", struct.pack("<6f", *[HUGE] * 6))
    ),
    "infinite weights": with_constant(
        lambda one: setattr(one, "raw_data", struct.pack("<6f", *[float("inf")] * 6))
    ),
    "another network": made(layers=[{"weights": [[1.0], [1.0]], "bias": [1.0]}] * 2),
    "another function": with_operator("Tanh"),
    "two products without a function": edited(
        lambda m: setattr(m.graph.node[2], "op_type", "Identity"), 1
    ),
    "numbers after the last function": edited(goes_on, 1),
    "half a megabyte": made() + wire.block_field(99, bytes(MEGABYTE // 2)),
}


def with_tree(name: str, change: Callable[[Any], object]) -> bytes:
    model = onnx.ModelProto.FromString(forest(0, ""))
    (node,) = model.graph.node
    (one,) = [each for each in node.attribute if each.name == name]
    change(one)
    data: bytes = model.SerializeToString()
    return data


def node_of_tree(**attributes: Any) -> bytes:
    model = onnx.ModelProto.FromString(forest(0, ""))
    (node,) = model.graph.node
    node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
    data: bytes = model.SerializeToString()
    return data


TREES: dict[str, bytes] = {
    "a loop": with_tree("nodes_truenodeids", lambda one: one.ints.__setitem__(0, 0)),
    "one node below two": with_tree(
        "nodes_falsenodeids", lambda one: one.ints.__setitem__(0, one.ints[2])
    ),
    "a node that is not there": with_tree("nodes_truenodeids", lambda o: o.ints.__setitem__(0, 77)),
    "a node twice": with_tree("nodes_nodeids", lambda one: one.ints.__setitem__(1, one.ints[0])),
    "two roots": with_tree("nodes_modes", lambda one: one.strings.__setitem__(0, b"LEAF")),
    "columns of different lengths": with_tree("nodes_values", lambda one: one.floats.append(1.0)),
    "no nodes": with_tree("nodes_treeids", lambda one: one.ClearField("ints")),
    "another split": with_tree("nodes_modes", lambda one: one.strings.__setitem__(0, b"BRANCH_EQ")),
    "a feature that is not there": with_tree(
        "nodes_featureids", lambda o: o.ints.__setitem__(0, 9)
    ),
    "a feature before the first": with_tree(
        "nodes_featureids", lambda o: o.ints.__setitem__(0, -1)
    ),
    "a leaf that is a split": with_tree("target_nodeids", lambda one: one.ints.__setitem__(0, 0)),
    "a leaf of no node": with_tree("target_nodeids", lambda one: one.ints.__setitem__(0, 55)),
    "a leaf twice": with_tree("target_nodeids", lambda o: o.ints.__setitem__(1, o.ints[0])),
    "a second output": with_tree("target_ids", lambda one: one.ints.__setitem__(0, 1)),
    "an output before the first": with_tree("target_ids", lambda one: one.ints.__setitem__(0, -1)),
    "a threshold that is no number": with_tree(
        "nodes_values", lambda one: one.floats.__setitem__(slice(None), [NAN] * len(one.floats))
    ),
    "a leaf out of range": with_tree("target_weights", lambda one: one.floats.__setitem__(0, HUGE)),
    "another base": with_tree("base_values", lambda one: one.floats.extend([1.0])),
    "the largest of all trees": with_tree(
        "aggregate_function", lambda one: setattr(one, "s", b"MAX")
    ),
    "a link twice read": with_tree("post_transform", lambda one: setattr(one, "s", b"LOGISTIC")),
    "missing values to the left": node_of_tree(nodes_missing_value_tracks_true=[1] * 6),
    "an attribute that is not known": node_of_tree(secret=[1.0]),
    "an attribute of another type": with_tree(
        "nodes_treeids", lambda one: one.CopyFrom(helper.make_attribute("nodes_treeids", 1.0))
    ),
}


def header(found: object, body: bytes = b"") -> bytes:
    text = found if isinstance(found, bytes) else json.dumps(found).encode()
    return len(text).to_bytes(8, "little") + text + body


def with_header(change: Callable[[dict[str, Any]], object], body: bytes | None = None) -> bytes:
    data = tensors(0)
    length = int.from_bytes(data[:8], "little")
    found = json.loads(data[8 : 8 + length])
    change(found)
    return header(found, data[8 + length :] if body is None else body)


def field(name: str, value: object, tensor: str = "layers.0.bias") -> bytes:
    return with_header(lambda found: found[tensor].__setitem__(name, value))


TENSORS: dict[str, bytes] = {
    "nothing": b"",
    "seven bytes": b"\0" * 7,
    "a header as long as all": b"\xff" * 8,
    "a header beyond the end": (100).to_bytes(8, "little") + b"{}",
    "a header of 100,000 bytes": header(b" " * 70_000 + b"{}"),
    "no header": (0).to_bytes(8, "little"),
    "a list for a header": header([]),
    "a header that is no JSON": header(b"{'a':1}"),
    "a header of levels": header(b'{"a":' * 2_000),
    "a name twice": header(b'{"a":{},"a":{}}'),
    "no tensors": header({}),
    "only metadata": header({"__metadata__": {"a": "b"}}),
    "a tensor more": with_header(
        lambda f: f.update(more={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
    ),
    "a tensor less": with_header(lambda found: found.pop("layers.0.bias")),
    "another name": with_header(lambda f: f.update({"layers.0.Bias": f.pop("layers.0.bias")})),
    "a field more": field("secret", 1),
    "half floats": field("dtype", "F16"),
    "whole numbers": field("dtype", "I32"),
    "a type that is a list": field("dtype", []),
    "another size": field("shape", [1, 3]),
    "a size below nothing": field("shape", [-3]),
    "a size that is no number": field("shape", [3.0]),
    "a size that is true": field("shape", [True]),
    "a size that is a text": field("shape", "3"),
    "a size as large as all": field("shape", [2**39, 2**39]),
    "an offset below nothing": field("data_offsets", [-12, 0]),
    "an offset beyond the end": field("data_offsets", [2**39, 2**39 + 12]),
    "offsets the wrong way": field("data_offsets", [36, 24]),
    "one offset": field("data_offsets", [24]),
    "tensors over each other": field("data_offsets", [0, 12]),
    "a byte more": tensors(0) + b"\0",
    "a byte less": tensors(0)[:-1],
    "a gap": with_header(lambda found: None, bytes(200)),
    "numbers that are none": with_header(lambda found: None, struct.pack("<f", NAN) * 13),
    "numbers out of range": with_header(lambda found: None, struct.pack("<f", HUGE) * 13),
    "a pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "an archive": b"PK\x03\x04" + bytes(60),
}

FORMATS = {
    "json": (output("by_sex"), JSON),
    "csv": (output("by_sex", "csv"), CSV),
    "onnx": (output("risk", "onnx"), ONNX),
    "trees": (output("forest", "onnx"), TREES),
    "safetensors": (output("risk", "safetensors"), TENSORS),
}
CASES = [(kind, name) for kind, (_, files) in FORMATS.items() for name in files]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_hostile_file_is_one_clear_error(kind: str, name: str) -> None:
    one, files = FORMATS[kind]
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(ReleaseInvalidError) as caught:
            encoded(one, files[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 2
    assert peak < 16 * MEGABYTE
    assert caught.value.clause.split(".")[0] in {"output", "rows"}
    assert len(str(caught.value)) < 120
    assert "secret" not in str(caught.value)
    assert "anna" not in str(caught.value)


def test_there_are_thirty_a_format() -> None:
    assert all(len(files) >= 30 for kind, (_, files) in FORMATS.items() if kind != "trees")


GOOD: dict[str, Callable[[], bytes]] = {
    "json": lambda: json.dumps(FILES["by_sex"]).encode(),
    "csv": lambda: csv(0),
    "onnx": made,
    "trees": lambda: forest(0, ""),
    "safetensors": lambda: tensors(0),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_mutated_file_is_a_value_or_one_clear_error(kind: str) -> None:
    one, good = FORMATS[kind][0], GOOD[kind]()
    draw = random.Random(kind)
    read = 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(data))
            match draw.randrange(4):
                case 0:
                    data[at] ^= 1 << draw.randrange(8)
                case 1:
                    del data[at : at + draw.randint(1, 8)]
                case 2:
                    data[at:at] = draw.randbytes(draw.randint(1, 8))
                case _:
                    data[at] = draw.choice(b'\x00\xff"[]{},-0')
            data = data or bytearray(b"x")
        try:
            found = encoded(one, bytes(data))
        except ReleaseInvalidError as error:
            assert error.clause  # noqa: PT017 - both ways are right
            continue
        read += 1
        assert received(one, found).shape == one.shape
    assert read < 400


def test_a_declared_file_may_have_its_bytes_and_no_more() -> None:
    for one in OUTPUTS.values():
        with pytest.raises(ReleaseInvalidError) as caught:
            encoded(one, b" " * (most_bytes(one) + 1))
        assert caught.value.clause == "output.size"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("yes", 1),
        ("yes", "true"),
        ("line", [1.0, 2.0]),
        ("line", {"0": 1}),
        ("ages", {"0-17": 1, "18-64": 2}),
        ("ages", [1, 2]),
        ("ages", {"0-17": 1, "18-64": 2, "65+": 3, "x": 4}),
        ("effects", {"terms": {"intercept": [1, 2]}, "rows": 1, "fit": 1}),
        ("effects", {"terms": {"intercept": [1, 2], "吸烟": [1]}, "rows": 1, "fit": 1}),
        ("effects", [[1, 2], [1, 2], [3, 4]]),
        ("risk", {"layers": []}),
        ("risk", {"layers": [{"weights": [], "bias": []}] * 2}),
        ("forest", {"base": [], "trees": []}),
        ("forest", {"base": [0], "trees": [{"leaf": [0]}] * 3}),
        ("forest", {"base": [0], "trees": [{"leaf": [0, 0]}]}),
        ("forest", {"base": [0], "trees": [{"leaf": [0], "more": 1}]}),
        ("forest", {"base": [0], "trees": [{"feature": "c", "at": 0, "left": 0, "right": 0}]}),
    ],
)
def test_other_shapes_refuse_what_is_not_theirs(name: str, found: object) -> None:
    with pytest.raises(ReleaseInvalidError) as caught:
        encoded(OUTPUTS[name], json.dumps(found).encode())
    assert caught.value.clause.startswith("output.")


def test_a_tree_that_is_deeper_than_declared_is_not_followed() -> None:
    tree: Any = {"leaf": [0.0]}
    for _ in itertools.repeat(None, 200):
        tree = {"feature": "a", "at": 0, "left": tree, "right": {"leaf": [0.0]}}
    with pytest.raises(ReleaseInvalidError) as caught:
        encoded(OUTPUTS["forest"], json.dumps({"base": [0], "trees": [tree]}).encode())
    assert caught.value.clause == "output.depth"
