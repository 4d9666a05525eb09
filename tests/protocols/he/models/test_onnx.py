"""Files of other programs mean here what onnxruntime makes of them, and ours mean what we do."""

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from tests.protocols.he.models.cases import (
    DOUBLES,
    FEATURES,
    FLOATS,
    WIDTH,
    constant,
    file,
    lines,
    networks,
    node,
    rows,
    run,
)

from unseen.protocols.he.models import Fit, Model, fitted, from_onnx, to_onnx
from unseen.protocols.he.models.columns import seen_rows

ROWS = rows(40)
SEEN = seen_rows(FEATURES, ROWS)
WEIGHTS = [[0.5, -1.0], [0.25, 2.0], [1.0, 0.0], [-3.0, 0.125], [0.0, -0.75]]
COLUMN = [[one[0]] for one in WEIGHTS]


@given(st.one_of(lines(), networks()))
@settings(max_examples=60, deadline=None)
def test_what_we_write_runs_elsewhere_and_is_read_back_as_it_was(model: Model) -> None:
    data = to_onnx(model, {"note": "n"})
    found = run(data, SEEN)
    expected = model.predict(ROWS)
    assert found.shape == (len(SEEN), 1)
    assert found[:, 0] == pytest.approx(expected, rel=1e-11, abs=1e-11)
    assert to_onnx(model, {"note": "n"}) == data
    back = from_onnx(data, FEATURES)
    assert back.family == model.family
    assert back.predictor(ROWS) == pytest.approx(model.predictor(ROWS), rel=1e-11, abs=1e-11)


def test_a_line_is_read_back_exactly() -> None:
    model = from_onnx(to_onnx(CASES["line"][1], {}), FEATURES)
    assert model == CASES["line"][1]


def _agree(data: bytes, model: Model, *, output: str | None = None, column: int = 0) -> None:
    kind = (
        np.float64
        if onnx.load_from_string(data).graph.input[0].type.tensor_type.elem_type == (DOUBLES)
        else np.float32
    )
    found = run(data, SEEN.astype(kind), output)
    assert model.predict(ROWS) == pytest.approx(found[:, column], rel=1e-4, abs=2e-4)


SMALL = {"w": constant("w", np.array(WEIGHTS) / 32), "b": constant("b", [0.1, -0.2])}
END = {"v": constant("v", [[0.5], [-0.25]]), "c": constant("c", [0.3])}


def hidden(*nodes: Any) -> list[Any]:
    """Return a graph from `x` over `h`, two units, to `y`; the nodes lead from `h` to `g`."""
    return [
        node("MatMul", ["x", "w"], "m"),
        node("Add", ["m", "b"], "h"),
        *nodes,
        node("MatMul", ["g", "v"], "o"),
        node("Add", ["c", "o"], "y"),
    ]


CONSTANTS = [*SMALL.values(), *END.values()]
GRAPHS: dict[str, tuple[list[Any], list[Any]]] = {
    "matrix and sum": (
        [node("MatMul", ["x", "w"], "m"), node("Add", ["m", "b"], "y")],
        [constant("w", COLUMN), constant("b", [0.5])],
    ),
    "gemm": (
        [node("Gemm", ["x", "w", "b"], "y", alpha=0.5, beta=2.0, transB=1)],
        [constant("w", np.array(COLUMN).T), constant("b", [[0.5]])],
    ),
    "gemm without a constant": ([node("Gemm", ["x", "w"], "y")], [constant("w", COLUMN)]),
    "standardised": (
        [
            node("Sub", ["x", "mean"], "a"),
            node("Div", ["a", "scale"], "z"),
            node("MatMul", ["z", "w"], "y"),
        ],
        [
            constant("mean", [50, 1, 0.5, 0.25, 0.125]),
            constant("scale", [[20.0, -5.0, 0.5, 0.5, 0.5]]),
            constant("w", COLUMN),
        ],
    ),
    "a constant less columns": (
        [
            node("Sub", ["one", "x"], "a"),
            node("Neg", ["a"], "z"),
            node("Mul", ["two", "z"], "t"),
            node("MatMul", ["t", "w"], "y"),
        ],
        [constant("one", 1.0), constant("two", [2.0]), constant("w", COLUMN)],
    ),
    "scaler and regressor": (
        [
            node("Scaler", ["x"], "z", offset=[50.0, 1.0, 0.5, 0.5, 0.5], scale=[0.1] * 5),
            node(
                "LinearRegressor",
                ["z"],
                "y",
                coefficients=[0.5, 0.25, 1.0, -3.0, 0.0],
                intercepts=[0.75],
            ),
        ],
        [],
    ),
    "turned constants and casts": (
        [
            node("Cast", ["x"], "d", to=DOUBLES),
            node("Transpose", ["w"], "t"),
            node("Cast", ["t"], "u", to=DOUBLES),
            node("MatMul", ["d", "u"], "m"),
            node("Cast", ["m"], "y", to=FLOATS),
        ],
        [constant("w", np.array(COLUMN).T)],
    ),
    "reshaped": (
        [
            node("Flatten", ["x"], "f"),
            node("MatMul", ["f", "w"], "m"),
            node("Reshape", ["m", "to"], "y"),
        ],
        [constant("w", COLUMN), constant("to", [-1, 1], "int64")],
    ),
    "logistic": (
        [
            node("MatMul", ["x", "w"], "m"),
            node("Sigmoid", ["m"], "s"),
            node("Identity", ["s"], "y"),
        ],
        [constant("w", np.array(COLUMN) / 8)],
    ),
    "counts": (
        [node("MatMul", ["x", "w"], "m"), node("Exp", ["m"], "y")],
        [constant("w", np.array(COLUMN) / 64)],
    ),
    "squares": (hidden(node("Mul", ["h", "h"], "g")), CONSTANTS),
    "a power": (
        hidden(node("Pow", ["h", "three"], "g")),
        [*CONSTANTS, constant("three", 3, "int64")],
    ),
    "a polynomial": (
        hidden(
            node("Mul", ["h", "h"], "s"),
            node("Mul", ["s", "a"], "t"),
            node("Mul", ["h", "t"], "u"),
            node("Sub", ["h", "u"], "d"),
            node("Add", ["d", "half"], "g"),
        ),
        [*CONSTANTS, constant("a", [0.01, 0.02]), constant("half", 0.5)],
    ),
    "two layers, the last one squared": (
        [
            *hidden(node("Mul", ["h", "h"], "g"))[:-1],
            node("Add", ["c", "o"], "p"),
            node("Mul", ["p", "p"], "y"),
        ],
        CONSTANTS,
    ),
    "constants in nodes": (
        [
            helper.make_node("Constant", [], ["w"], value=constant("", COLUMN)),
            helper.make_node("Constant", [], ["b"], value_float=0.5),
            node("MatMul", ["x", "w"], "m"),
            node("Add", ["m", "b"], "y"),
        ],
        [],
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_means_what_onnxruntime_makes_of_it(name: str) -> None:
    nodes, constants = GRAPHS[name]
    message = file(nodes, constants)
    onnx.checker.check_model(message)
    data = message.SerializeToString()
    model = from_onnx(data, FEATURES)
    _agree(data, model)
    families = {"logistic": "logistic", "counts": "poisson"}
    assert model.family == families.get(name, "linear")


CASES = {"line": (b"", from_onnx(file(*GRAPHS["matrix and sum"]).SerializeToString(), FEATURES))}


@pytest.mark.parametrize("opset", [11, 13, 17, 21, 25])
def test_opsets_that_are_known_mean_the_same(opset: int) -> None:
    message = file(*GRAPHS["squares"], opsets=(("", opset),), ir=10)
    data = message.SerializeToString()
    _agree(data, from_onnx(data, FEATURES))


def test_numbers_may_be_listed_or_packed() -> None:
    nodes, _ = GRAPHS["matrix and sum"]
    flat = [one for row in COLUMN for one in row]
    listed = [
        helper.make_tensor("w", FLOATS, [WIDTH, 1], flat),
        helper.make_tensor("b", FLOATS, [1], [0.5]),
    ]
    assert from_onnx(file(nodes, listed).SerializeToString(), FEATURES) == CASES["line"][1]


@pytest.mark.parametrize("post", ["LOGISTIC", "SOFTMAX"])
def test_a_classifier_s_probabilities_are_a_logistic_model(post: str) -> None:
    coefficients = [0.1, -0.2, 0.3, 0.4, -0.5]
    negative = [-one for one in coefficients]
    message = file(
        [
            node(
                "LinearClassifier",
                ["x"],
                "label scores",
                coefficients=[*negative, *coefficients],
                intercepts=[-0.25, 0.25],
                classlabels_ints=[0, 1],
                post_transform=post,
            ),
            node("Normalizer", ["scores"], "probabilities", norm="L1"),
        ],
        outputs=(
            ("label", onnx.TensorProto.INT64, ("n",)),
            ("probabilities", FLOATS, ("n", 2)),
        ),
    )
    data = message.SerializeToString()
    model = from_onnx(data, FEATURES, output="probabilities")
    assert model.family == "logistic"
    _agree(data, model, output="probabilities", column=1)


@pytest.mark.parametrize("function", ["Tanh", "Sigmoid", "Relu", "Softplus"])
@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_functions_inside_are_replaced_where_that_is_asked_for(function: str, family: str) -> None:
    nodes = hidden(node(function, ["h"], "g"))
    if family == "logistic":
        nodes = [*nodes[:-1], node("Add", ["c", "o"], "p"), node("Sigmoid", ["p"], "y")]
    data = file(nodes, CONSTANTS).SerializeToString()
    fit = Fit(degree=3, reach=4)
    model = from_onnx(data, FEATURES, fit=fit)
    assert model.family == family
    nearest = fitted(function.lower(), fit)
    assert model.layers[0].powers == (nearest if nearest[3] else nearest[:3],) * 2
    # The sums of these weights stay within [-4, 4] at these rows: there the fit is near.
    sums = SEEN @ np.array(model.layers[0].weights) + np.array(model.layers[0].bias)
    near = np.abs(sums).max(axis=1) <= 4
    found = run(data, SEEN.astype(np.float32))[:, 0]
    assert near.sum() > 10
    assert np.abs(model.predict(ROWS) - found)[near].max() < 0.4
