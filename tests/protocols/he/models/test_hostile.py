"""Files that are no model of scores: one error each, with the clause that says why, and no more."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from tests.protocols.he.models.cases import (
    FEATURES,
    FLOATS,
    WIDTH,
    constant,
    node,
)
from tests.protocols.he.models.spoiling import WIDE, good, refused

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models import Feature, Fit, Model, from_onnx
from unseen.protocols.he.models.reading import MAX_BYTES


def test_the_file_that_the_others_are_made_of_is_read() -> None:
    assert from_onnx(good().SerializeToString(), FEATURES).family == "logistic"


@pytest.mark.parametrize("data", [b"", b"\x00", b"{}", b"\xff" * 100, b"\x08"])
def test_what_is_no_file_is_refused(data: bytes) -> None:
    with pytest.raises(ModelInvalidError) as error:
        from_onnx(data, FEATURES)
    assert error.value.clause in {"model.bytes", "model.opset"}


def test_a_huge_file_is_refused_before_it_is_looked_at() -> None:
    refused(b"\x00" * (MAX_BYTES + 1), "model.size")


def _opset(*found: tuple[str, int]) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        del message.opset_import[:]
        message.opset_import.extend(helper.make_opsetid(*one) for one in found)

    return spoil


def _ir(version: int) -> Callable[[onnx.ModelProto], None]:
    return lambda message: setattr(message, "ir_version", version)


def _function(message: onnx.ModelProto) -> None:
    message.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], [], [helper.make_opsetid("", 17)])
    )


def _training(message: onnx.ModelProto) -> None:
    message.training_info.add()


def _sparse(message: onnx.ModelProto) -> None:
    message.graph.sparse_initializer.add()


def _quantised(message: onnx.ModelProto) -> None:
    message.graph.quantization_annotation.add()


def _many(message: onnx.ModelProto) -> None:
    message.graph.node.extend(node("Identity", ["x"], f"n{i}") for i in range(200))


def _external(message: onnx.ModelProto) -> None:
    tensor = message.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def _half_external(message: onnx.ModelProto) -> None:
    message.graph.initializer[0].external_data.add(key="location", value="weights")


def _weights(values: Any, **changes: Any) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        message.graph.initializer[0].CopyFrom(constant("w", values))
        for name, value in changes.items():
            setattr(message.graph.initializer[0], name, value)

    return spoil


def _dims(*sizes: int) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        tensor = message.graph.initializer[0]
        del tensor.dims[:]
        tensor.dims.extend(sizes)

    return spoil


def _segment(message: onnx.ModelProto) -> None:
    message.graph.initializer[0].segment.begin = 0


def _twice_written(message: onnx.ModelProto) -> None:
    message.graph.initializer[0].float_data.append(1.0)


def _no_input(message: onnx.ModelProto) -> None:
    del message.graph.node[:]
    del message.graph.input[:]
    del message.graph.output[:]


def _another_input(message: onnx.ModelProto) -> None:
    message.graph.input.append(helper.make_tensor_value_info("z", FLOATS, ["n", WIDTH]))


def _input(kind: int, shape: list[Any] | None) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        message.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", kind, shape))

    return spoil


def _sequence(message: onnx.ModelProto) -> None:
    message.graph.input[0].CopyFrom(
        helper.make_tensor_sequence_value_info("x", FLOATS, ["n", WIDTH])
    )


def _rename(at: int, gives: str) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        message.graph.node[at].output[0] = gives

    return spoil


def _reconnect(at: int, place: int, takes: str) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        message.graph.node[at].input[place] = takes

    return spoil


def _same_constant(message: onnx.ModelProto) -> None:
    message.graph.initializer.append(WIDE)


def _constant_is_input(message: onnx.ModelProto) -> None:
    message.graph.initializer.append(constant("x", np.ones((1, WIDTH))))


def _output(*names: str) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        del message.graph.output[:]
        message.graph.output.extend(
            helper.make_tensor_value_info(name, FLOATS, ["n", 1]) for name in names
        )

    return spoil


def _attribute(**attributes: Any) -> Callable[[onnx.ModelProto], None]:
    def spoil(message: onnx.ModelProto) -> None:
        for name, value in attributes.items():
            message.graph.node[0].attribute.append(helper.make_attribute(name, value))

    return spoil


SPOILT: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "no opset": (_opset(), "model.opset"),
    "an old opset": (_opset(("", 10)), "model.opset"),
    "a later opset": (_opset(("", 29)), "model.opset"),
    "an opset twice": (_opset(("", 17), ("ai.onnx", 17)), "model.opset"),
    "somebody's opset": (_opset(("", 17), ("com.example", 1)), "model.opset"),
    "learning alone": (_opset(("ai.onnx.ml", 3)), "model.opset"),
    "an old version": (_ir(3), "model.opset"),
    "a later version": (_ir(99), "model.opset"),
    "functions": (_function, "model.operator"),
    "training": (_training, "model.operator"),
    "sparse constants": (_sparse, "model.type"),
    "quantised constants": (_quantised, "model.type"),
    "many nodes": (_many, "model.size"),
    "numbers outside": (_external, "model.external"),
    "numbers outside and inside": (_half_external, "model.external"),
    "not a number": (_weights(np.full((WIDTH, 2), np.nan)), "model.finite"),
    "an infinity": (_weights(np.full((WIDTH, 2), -np.inf)), "model.finite"),
    "a weight that overflows": (_weights(np.full((WIDTH, 2), 1e30)), "model.finite"),
    "another size": (_weights(np.ones((WIDTH + 1, 2))), "model.shape"),
    "three axes": (_weights(np.ones((1, WIDTH, 2))), "model.shape"),
    "too many units": (_weights(np.ones((WIDTH, 257))), "model.shape"),
    "dims beyond the bytes": (_dims(WIDTH, 1 << 40), "model.shape"),
    "dims beyond a little": (_dims(WIDTH, 3), "model.shape"),
    "negative dims": (_dims(-1, -10), "model.shape"),
    "no dims": (_dims(0, 2), "model.shape"),
    "many dims": (_dims(1, 1, 1, WIDTH, 2), "model.shape"),
    "bytes that are cut": (_weights(np.ones((WIDTH, 2)), raw_data=b"abc"), "model.shape"),
    "text as weights": (_weights(np.ones((WIDTH, 2)), data_type=8), "model.type"),
    "bits as weights": (_weights(np.ones((WIDTH, 2)), data_type=9), "model.type"),
    "no type": (_weights(np.ones((WIDTH, 2)), data_type=0), "model.type"),
    "no such type": (_weights(np.ones((WIDTH, 2)), data_type=999), "model.type"),
    "whole weights": (_weights(np.ones((WIDTH, 2)), data_type=6), "model.type"),
    "segments": (_segment, "model.type"),
    "numbers twice": (_twice_written, "model.shape"),
    "no input": (_no_input, "model.input"),
    "two inputs": (_another_input, "model.input"),
    "other columns": (_input(FLOATS, ["n", WIDTH + 1]), "model.input"),
    "any columns": (_input(FLOATS, ["n", "d"]), "model.input"),
    "many rows": (_input(FLOATS, [7, WIDTH]), "model.input"),
    "a vector": (_input(FLOATS, [WIDTH]), "model.input"),
    "no shape": (_input(FLOATS, None), "model.input"),
    "whole rows": (_input(onnx.TensorProto.INT64, ["n", WIDTH]), "model.type"),
    "texts": (_input(onnx.TensorProto.STRING, ["n", WIDTH]), "model.type"),
    "a sequence": (_sequence, "model.type"),
    "a name twice": (_rename(1, "m"), "model.name"),
    "an input again": (_rename(0, "x"), "model.name"),
    "a constant again": (_rename(0, "w"), "model.name"),
    "constants twice": (_same_constant, "model.name"),
    "a constant for the input": (_constant_is_input, "model.name"),
    "a circle": (_reconnect(0, 0, "g"), "model.order"),
    "a node of itself": (_reconnect(1, 0, "g"), "model.order"),
    "a node of nothing": (_reconnect(1, 0, "nowhere"), "model.order"),
    "a missing input": (_reconnect(0, 0, ""), "model.shape"),
    "no output": (_output(), "model.output"),
    "two outputs": (_output("y", "o"), "model.output"),
    "an output of nothing": (_output("nowhere"), "model.order"),
    "an output of two": (_output("g"), "model.output"),
    "an output that is a constant": (_output("v"), "model.output"),
    "an attribute": (_attribute(axis=1), "model.attribute"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_file_is_refused(name: str) -> None:
    spoil, clause = SPOILT[name]
    message = good()
    spoil(message)
    refused(message.SerializeToString(), clause)


def test_an_output_that_is_not_there_is_refused() -> None:
    refused(good().SerializeToString(), "model.output", output="z")


def test_what_the_wanted_output_does_not_need_is_not_looked_at() -> None:
    message = good()
    message.graph.node.append(node("Cos", ["m"], "c"))
    message.graph.output.append(helper.make_tensor_value_info("c", FLOATS, ["n", 2]))
    data = message.SerializeToString()
    assert from_onnx(data, FEATURES, output="y") == from_onnx(good().SerializeToString(), FEATURES)
    refused(data, "model.operator", output="c")


@pytest.mark.parametrize("count", [0, 1001])
def test_columns_that_no_model_has_are_refused(count: int) -> None:
    features = tuple(Feature(name=f"c{i}") for i in range(count))
    refused(good().SerializeToString(), "model.features", features=features)


def test_a_name_of_the_file_cannot_write_into_an_error() -> None:
    message = good()
    message.graph.node[0].op_type = "\x1b[31m\n验" + "A" * 500
    error = refused(message.SerializeToString(), "model.operator")
    assert "\x1b" not in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 100


def test_a_name_that_is_no_text_is_refused() -> None:
    data = good().SerializeToString()
    assert data.count(b"\x01m") == 3  # where m is given, and both times it is taken
    refused(data.replace(b"\x01m", b"\x01\xff"), "model.name")


def test_nothing_beside_the_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").write_bytes(np.ones((WIDTH, 2), np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open":
            opened.append(str(arguments[0]))

    message = good()
    _external(message)
    message.graph.initializer[0].external_data[0].value = "weights"
    data = message.SerializeToString()
    refused(data, "model.external")
    sys.addaudithook(watch)
    refused(data, "model.external")
    watching = False
    assert opened == []


def test_a_file_that_is_cut_or_changed_is_a_model_or_one_error() -> None:
    rng = random.Random(7)
    data = good().SerializeToString()
    clauses: set[str] = set()
    models = 0
    for _ in range(4000):
        spoilt = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        if rng.random() < 0.2:
            del spoilt[rng.randrange(len(spoilt)) :]
        try:
            found = from_onnx(bytes(spoilt), FEATURES, fit=rng.choice([None, Fit()]))
        except ModelInvalidError as error:
            clauses.add(error.clause)
        else:
            assert isinstance(found, Model)
            assert np.isfinite([one for layer in found.layers for one in layer.numbers()]).all()
            models += 1
    assert models > 100
    assert len(clauses) > 10
    assert all(clause.startswith("model.") for clause in clauses)
