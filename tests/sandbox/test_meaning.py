"""Graphs drawn at random mean what they meant: the file, the value, and our file of the value."""

import random
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from tests.sandbox.declaring import WEIGHT, output
from tests.sandbox.test_covert import constant

from unseen.evidence.contracts.modelled import Network
from unseen.evidence.contracts.outputs import TypedOutput, received
from unseen.sandbox.formats.encoding import encoded
from unseen.sandbox.formats.writing import written

ROWS = np.random.default_rng(3).uniform(-2, 2, (20, 2)).astype(np.float32)
FUNCTIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "logistic"}
LINKS = {"": "identity", "Sigmoid": "logistic", "Exp": "exp"}


class Drawn:
    """A graph of layers, each said by operators that are drawn."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.edge, self.width = "x", 2

    def numbers(self, count: int) -> list[float]:
        return [self.draw.choice((-1, 1)) * self.draw.uniform(0.2, 1.5) for _ in range(count)]

    def held(self, found: Any) -> str:
        self.constants.append(constant(f"c{len(self.constants)}", found))
        return str(self.constants[-1].name)

    def apply(self, name: str, *inputs: str, domain: str = "", **attributes: Any) -> None:
        edge = f"e{len(self.nodes)}"
        node = helper.make_node(name, inputs, [edge], domain=domain, **attributes)
        self.nodes.append(node)
        self.edge = edge

    def along(self) -> None:
        """Add an operator that changes each unit by itself, or none of them."""
        wide = self.numbers(self.draw.choice((1, self.width)))
        match self.draw.randrange(7):
            case 0:
                self.apply("Add", *self.draw.sample([self.edge, self.held(wide)], 2))
            case 1:
                self.apply("Mul", *self.draw.sample([self.edge, self.held(wide)], 2))
            case 2:
                self.apply("Sub", *self.draw.sample([self.edge, self.held(wide)], 2))
            case 3:
                self.apply("Div", self.edge, self.held(wide))
            case 4:
                offset, scale = self.numbers(self.width), self.numbers(self.width)
                found = {"offset": offset, "scale": scale}
                self.apply("Scaler", self.edge, domain="ai.onnx.ml", **found)
            case 5:
                self.apply("Cast", self.edge, to=TensorProto.FLOAT)
            case _:
                self.apply("Flatten", self.edge, axis=1)

    def through(self, units: int) -> None:
        """Add weighted sums."""
        lines = [self.numbers(units) for _ in range(self.width)]
        turned = [list(line) for line in zip(*lines, strict=True)]
        match self.draw.randrange(3):
            case 0:
                self.apply("MatMul", self.edge, self.held(lines))
            case 1:
                held = self.held(lines), self.held(self.numbers(units))
                self.apply("Gemm", self.edge, *held)
            case _:
                self.apply("Gemm", self.edge, self.held(turned), transB=1)
        self.width = units

    def model(self, function: str, link: str) -> bytes:
        for units in (3, 1):
            for _ in range(self.draw.randrange(3)):
                self.along()
            self.through(units)
            for _ in range(self.draw.randrange(3)):
                self.along()
            after = function if units == 3 else link
            if after:
                self.apply(after, self.edge)
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "g",
            [info("x", TensorProto.FLOAT, [None, 2])],
            [info(self.edge, TensorProto.FLOAT, [None, 1])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        data: bytes = model.SerializeToString()
        return data


def scored(data: bytes) -> Any:
    session = onnxruntime.InferenceSession(data)
    return session.run(None, {session.get_inputs()[0].name: ROWS})[0]


@pytest.mark.parametrize("seed", range(24))
def test_a_network_means_what_its_file_meant(seed: int) -> None:
    draw = random.Random(seed)
    function, link = draw.choice(list(FUNCTIONS)), draw.choice(list(LINKS))
    shape = Network(
        features=("a", "b"),
        layers=(3, 1),
        activation=FUNCTIONS[function],
        link=LINKS[link],
        cell=WEIGHT,
    )
    one = TypedOutput(name="one", format="onnx", shape=shape)
    data = Drawn(seed).model(function, link)
    again = written(one, received(one, encoded(one, data)))
    assert scored(again) == pytest.approx(scored(data), rel=0.05, abs=0.05)
    assert encoded(one, again) == encoded(one, data)


@pytest.mark.parametrize("seed", range(12))
def test_trees_mean_what_their_file_meant(seed: int) -> None:
    draw = random.Random(seed)
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("treeids", "nodeids", "featureids", "modes", "values", "true", "false")
    }
    leaves: list[tuple[int, int, float]] = []
    for tree in range(2):
        stump = draw.random() < 0.3
        for at, leaf in enumerate(
            [False, stump, True, True, True] if not stump else [False, True, True]
        ):
            below = {0: (1, 2), 1: (3, 4)}.get(at, (0, 0)) if not leaf else (0, 0)
            found = (tree, at, draw.randrange(2) * (not leaf), "LEAF" if leaf else "BRANCH_LEQ")
            value = 0.0 if leaf else draw.uniform(-1, 1)
            for name, each in zip(columns, (*found, value, *below), strict=True):
                columns[name].append(each)
            if leaf:
                leaves.append((tree, at, draw.uniform(-3, 3)))
    average = draw.random() < 0.5
    nodes: dict[str, Any] = {f"nodes_{name}": columns[name] for name in list(columns)[:5]}
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        **nodes,
        nodes_truenodeids=columns["true"],
        nodes_falsenodeids=columns["false"],
        target_treeids=[tree for tree, _, _ in leaves],
        target_nodeids=[at for _, at, _ in leaves],
        target_ids=[0] * len(leaves),
        target_weights=[weight for _, _, weight in leaves],
        n_targets=1,
        base_values=[draw.uniform(-1, 1)],
        aggregate_function="AVERAGE" if average else "SUM",
    )
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "g",
        [info("x", TensorProto.FLOAT, [None, 2])],
        [info("y", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 3)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    assert isinstance(onnx.ModelProto.FromString(data), onnx.ModelProto)
    one = output("forest", "onnx")
    again = written(one, received(one, encoded(one, data)))
    assert scored(again) == pytest.approx(scored(data), rel=0.01, abs=0.01)
    assert encoded(one, again) == encoded(one, data)
