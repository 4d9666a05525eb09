"""Graphs that are no model of scores: one error each, with the clause that says why."""

from typing import Any

import numpy as np
import pytest
from onnx import helper
from tests.protocols.he.models.cases import DOUBLES, FEATURES, FLOATS, WIDTH, constant, file, node
from tests.protocols.he.models.spoiling import refused

from unseen.protocols.he.models import from_onnx

COLUMN = [[0.5], [0.25], [1.0], [-3.0], [0.0]]
B = constant("b", [1.0, 2.0])
W = constant("w", COLUMN)
GRAPHS: dict[str, tuple[list[Any], list[Any], str]] = {
    "an unknown operator": ([node("Cos", ["x"], "y")], [], "model.operator"),
    "somebody's operator": (
        [helper.make_node("Add", ["x", "w"], ["y"], domain="com.example")],
        [W],
        "model.operator",
    ),
    "trees": (
        [helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml")],
        [],
        "model.operator",
    ),
    "a loop": ([helper.make_node("Loop", ["x"], ["y"])], [], "model.operator"),
    "what only adds constants": ([node("Add", ["w", "w"], "y")], [W], "model.operator"),
    "a matrix from the left": ([node("MatMul", ["w", "x"], "y")], [W], "model.operator"),
    "rows times rows": ([node("MatMul", ["x", "x"], "y")], [], "model.branch"),
    "rows by rows": ([node("Div", ["x", "x"], "y")], [], "model.branch"),
    "by zero": (
        [node("Div", ["x", "z"], "d"), node("MatMul", ["d", "w"], "y")],
        [W, constant("z", [0.0])],
        "model.finite",
    ),
    "whole numbers to floats": (
        [node("Add", ["x", "i"], "d"), node("MatMul", ["d", "w"], "y")],
        [W, constant("i", [1], "int64")],
        "model.type",
    ),
    "a constant of another size": (
        [node("Add", ["x", "b"], "d"), node("MatMul", ["d", "w"], "y")],
        [W, B],
        "model.shape",
    ),
    "numbers that differ by row": (
        [node("Add", ["x", "r"], "d"), node("MatMul", ["d", "w"], "y")],
        [W, constant("r", np.ones((WIDTH, 1)))],
        "model.shape",
    ),
    "branches": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("MatMul", ["x", "u"], "b"),
            node("Mul", ["a", "b"], "y"),
        ],
        [W, constant("u", COLUMN)],
        "model.branch",
    ),
    "a fourth power": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("Mul", ["a", "a"], "b"),
            node("Mul", ["b", "b"], "y"),
        ],
        [W],
        "model.degree",
    ),
    "a root": (
        [node("MatMul", ["x", "w"], "a"), node("Pow", ["a", "p"], "y")],
        [W, constant("p", 0.5)],
        "model.degree",
    ),
    "powers of rows": (
        [node("MatMul", ["x", "w"], "a"), node("Pow", ["a", "a"], "y")],
        [W],
        "model.branch",
    ),
    "a deep network": (
        [
            *(
                made
                for i in range(4)
                for made in (
                    node("Gemm", [f"o{i - 1}" if i else "x", f"w{i}"], f"a{i}"),
                    node("Mul", [f"a{i}", f"a{i}"], f"o{i}"),
                )
            ),
            node("Gemm", ["o3", "w4"], "y"),
        ],
        [constant("w0", COLUMN), *(constant(f"w{i}", [[0.1]]) for i in range(1, 5))],
        "model.depth",
    ),
    "a function inside": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("Tanh", ["a"], "b"),
            node("Neg", ["b"], "y"),
        ],
        [W],
        "model.activation",
    ),
    "a link inside": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("Exp", ["a"], "b"),
            node("Neg", ["b"], "y"),
        ],
        [W],
        "model.activation",
    ),
    "two links": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("Sigmoid", ["a"], "b"),
            node("Sigmoid", ["b"], "y"),
        ],
        [W],
        "model.activation",
    ),
    "a cut inside": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("Clip", ["a", "l", "h"], "b"),
            node("Neg", ["b"], "y"),
        ],
        [W, constant("l", -30.0), constant("h", 30.0)],
        "model.activation",
    ),
    "a cut that is seen": (
        [
            node("MatMul", ["x", "w"], "a"),
            node("Clip", ["a", "l", "h"], "b"),
            node("Sigmoid", ["b"], "y"),
        ],
        [W, constant("l", -3.0), constant("h", 30.0)],
        "model.activation",
    ),
    "a cast to whole numbers": (
        [node("Cast", ["x"], "i", to=7), node("MatMul", ["i", "w"], "y")],
        [W],
        "model.attribute",
    ),
    "a turned input": (
        [node("Gemm", ["x", "w"], "y", transA=1)],
        [W],
        "model.attribute",
    ),
    "a number as text": (
        [node("Gemm", ["x", "w"], "y", alpha="1")],
        [W],
        "model.attribute",
    ),
    "an attribute that is no number": (
        [node("Gemm", ["x", "w"], "y", alpha=float("nan"))],
        [W],
        "model.finite",
    ),
    "rows in another form": (
        [node("MatMul", ["x", "w"], "m"), node("Reshape", ["m", "s"], "y")],
        [W, constant("s", [1, -1], "int64")],
        "model.shape",
    ),
    "too few inputs": ([node("Add", ["x"], "y")], [], "model.shape"),
    "too many inputs": ([node("Neg", ["x", "w"], "y")], [W], "model.shape"),
    "a sum of nothing": (
        [node("Normalizer", ["x"], "y", norm="L1")],
        [],
        "model.operator",
    ),
    "two constants in one": (
        [
            helper.make_node("Constant", [], ["w"], value_float=1.0, value_floats=[1.0]),
            node("Mul", ["x", "w"], "y"),
        ],
        [],
        "model.attribute",
    ),
    "a constant of texts": (
        [
            helper.make_node("Constant", [], ["w"], value_string="a"),
            node("Mul", ["x", "w"], "y"),
        ],
        [],
        "model.attribute",
    ),
    "a regressor of two": (
        [node("LinearRegressor", ["x"], "y", coefficients=[1.0] * 10, targets=2)],
        [],
        "model.attribute",
    ),
    "a regressor of others": (
        [node("LinearRegressor", ["x"], "y", coefficients=[1.0] * 4)],
        [],
        "model.shape",
    ),
    "three classes": (
        [
            node(
                "LinearClassifier",
                ["x"],
                "l y",
                coefficients=[1.0] * 15,
                intercepts=[0.0] * 3,
                post_transform="SOFTMAX",
            )
        ],
        [],
        "model.output",
    ),
    "two classes with a predictor each": (
        [
            node(
                "LinearClassifier",
                ["x"],
                "l y",
                coefficients=[1.0] * 10,
                intercepts=[0.0] * 2,
                post_transform="LOGISTIC",
            )
        ],
        [],
        "model.output",
    ),
    "scores of classes": (
        [node("LinearClassifier", ["x"], "l y", coefficients=[1.0] * 10, intercepts=[0.0] * 2)],
        [],
        "model.attribute",
    ),
    "a label": (
        [
            node(
                "LinearClassifier",
                ["x"],
                "y p",
                coefficients=[1.0] * 10,
                intercepts=[0.0] * 2,
                post_transform="SOFTMAX",
            )
        ],
        [],
        "model.output",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_is_no_model_is_refused(name: str) -> None:
    nodes, constants, clause = GRAPHS[name]
    refused(file(nodes, constants).SerializeToString(), clause)


def test_products_of_matrices_that_would_take_long_are_refused_before_the_first() -> None:
    square = constant("w", np.eye(WIDTH))
    nodes = [node("MatMul", [f"o{i - 1}" if i else "x", "w"], f"o{i}") for i in range(17)]
    message = file(nodes, [square], outputs=(("o16", FLOATS, ("n", WIDTH)),))
    refused(message.SerializeToString(), "model.size")


def test_a_domain_without_its_opset_is_refused() -> None:
    nodes = [node("Scaler", ["x"], "z"), node("MatMul", ["z", "w"], "y")]
    data = file(nodes, [W], opsets=(("", 17),)).SerializeToString()
    refused(data, "model.operator")


def test_doubles_are_read_as_floats_are() -> None:
    nodes = [node("MatMul", ["x", "w"], "y")]
    data = file(nodes, [constant("w", COLUMN, "float64")], kind=DOUBLES).SerializeToString()
    floats = file(nodes, [W]).SerializeToString()
    assert from_onnx(data, FEATURES) == from_onnx(floats, FEATURES)
