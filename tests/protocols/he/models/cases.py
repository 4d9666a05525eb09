"""Columns, models and rows that tests of scoring share; ONNX files made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from unseen.protocols.he.models import Feature, Layer, Model, line

FEATURES = (
    Feature(name="age", low=180, high=900, decimals=1),
    Feature(name="cost", low=-1000, high=1000, decimals=2),
    Feature(name="ward", values=("a", "b", "c")),
)
WIDTH = 5
REAL = st.floats(-50, 50).map(lambda number: round(number, 6))
FLOATS = onnx.TensorProto.FLOAT
DOUBLES = onnx.TensorProto.DOUBLE


def rows(count: int, seed: int = 1) -> NDArray[np.float64]:
    """Return rows of `FEATURES` within bounds, edges of all columns among them."""
    rng = np.random.default_rng(seed)
    found = np.stack(
        [rng.uniform(18, 90, count), rng.uniform(-10, 10, count), rng.integers(-1, 3, count)],
        axis=1,
    )
    edges = np.array([[18.0, -10.0, -1.0], [90.0, 10.0, 2.0], [18.04, -0.004, 0.0]])
    return np.concatenate([edges, found])


@st.composite
def lines(draw: st.DrawFn) -> Model:
    """Return a line over `FEATURES` of any family."""
    family = draw(st.sampled_from(["linear", "logistic", "poisson"]))
    weights = draw(st.lists(REAL, min_size=WIDTH, max_size=WIDTH))
    return line(family, FEATURES, weights, draw(REAL))


@st.composite
def networks(draw: st.DrawFn) -> Model:
    """Return a network over `FEATURES`: one or two hidden layers of squares or cubes."""
    layers, inputs = [], WIDTH
    for degree in draw(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=2)):
        units = draw(st.integers(1, 4))
        layers.append(_layer(draw, inputs, units, degree))
        inputs = units
    layers.append(_layer(draw, inputs, 1, 1))
    return Model("linear", FEATURES, tuple(layers))


def _layer(draw: st.DrawFn, inputs: int, units: int, degree: int) -> Layer:
    small = st.floats(-1, 1).map(lambda number: round(number, 6))
    weights = tuple(tuple(draw(small) / 64 for _ in range(units)) for _ in range(inputs))
    bias = tuple(draw(small) for _ in range(units))
    powers = tuple(tuple(draw(small) for _ in range(degree + 1)) for _ in range(units))
    return Layer(weights, bias, powers if degree > 1 else ())


def run(data: bytes, given: NDArray[Any], output: str | None = None) -> NDArray[np.float64]:
    """Return what onnxruntime says of rows: n numbers of a file's one output, or of `output`."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    (found,) = session.run([output] if output else None, {name: given})
    return np.asarray(found, np.float64)


def constant(name: str, values: Any, kind: str = "float32") -> onnx.TensorProto:
    """Return a named constant."""
    return numpy_helper.from_array(np.array(values, kind), name)


def file(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto] = (),
    *,
    width: int = WIDTH,
    kind: int = FLOATS,
    outputs: Sequence[tuple[str, int, Sequence[int | str]]] = (("y", FLOATS, ("n", 1)),),
    opsets: Sequence[tuple[str, int]] = (("", 17), ("ai.onnx.ml", 3)),
    ir: int = 8,
) -> onnx.ModelProto:
    """Return a file of input `x`, not checked, as a message that a test may spoil."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", kind, ["n", width])],
        [helper.make_tensor_value_info(name, one, list(shape)) for name, one, shape in outputs],
        list(constants),
    )
    imports = [helper.make_opsetid(*one) for one in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir)


def node(operator: str, given: Sequence[str], gives: str, **attributes: Any) -> onnx.NodeProto:
    """Return a node of one output."""
    domain = "ai.onnx.ml" if operator in ML else ""
    return helper.make_node(operator, list(given), gives.split(), domain=domain, **attributes)


ML = ("Scaler", "LinearRegressor", "LinearClassifier", "Normalizer", "ZipMap")
