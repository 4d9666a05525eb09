"""The model behind a product of scores: read as registered, and refused where it is another."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from tests.promises.scoring import FEATURES, MODEL, NETWORK, rows_of

from unseen.evidence.contracts.scoring import Offered, Wanted
from unseen.evidence.errors import ContractInvalidError
from unseen.node.data.model import offered, read_model
from unseen.node.data.scoring import whole_of
from unseen.node.data.source import Source, take_fingerprint
from unseen.node.errors import KindRefusedError, TableChangedError
from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models import (
    Fit,
    Layer,
    Model,
    WholeLine,
    WholeSquares,
    columns,
    fitted,
    line,
    to_onnx,
)

WANTED = Wanted(features=FEATURES, precision="0.0001", most=8)


def with_weights(factor: float) -> Model:
    weights = [factor * row[0] for row in MODEL.layers[0].weights]
    return line("logistic", FEATURES, weights, MODEL.layers[0].bias[0])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(MODEL, {}))
    return Source.parse(str(path))


def test_what_is_offered_holds_the_model_within_its_precision(source: Source) -> None:
    model = read_model(source, take_fingerprint(source.path), FEATURES, "")
    found = offered(model, WANTED)
    assert Offered.decode(found.encode()) == found
    check_holds(found, model)


def check_holds(found: Offered, model: Model) -> None:
    clause, rows = found.only(100), rows_of(50)
    whole = whole_of(clause, model)
    exact = columns.whole_rows(FEATURES, rows)
    scores = np.array([float(value_of(whole, row)) for row in exact])
    left = Fraction("0.0001") - clause.ring.error
    assert np.abs(scores - model.predictor(rows)).max() <= left


def value_of(whole: WholeLine | WholeSquares, row: Any) -> Fraction:
    return whole.value(whole.score(row)) if isinstance(whole, WholeLine) else whole.value(row)


def test_a_network_of_squares_is_offered_and_held_the_same(tmp_path: Path) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(to_onnx(NETWORK, {}))
    model = read_model(Source.parse(str(path)), take_fingerprint(path), FEATURES, "")
    found = offered(model, WANTED)
    assert found.model.layers == ((2, 2), (1, 1))
    assert Offered.decode(found.encode()) == found
    check_holds(found, model)
    clause = found.only(100)
    for other in (MODEL, replace(NETWORK, layers=(scaled(4.0), NETWORK.layers[1]))):
        with pytest.raises(ModelInvalidError) as caught:
            whole_of(clause, other)
        assert caught.value.clause == "parameters.score"


def scaled(factor: float) -> Layer:
    hidden = NETWORK.layers[0]
    weights = tuple(tuple(factor * one for one in row) for row in hidden.weights)
    return replace(hidden, weights=weights)


def test_functions_are_replaced_where_an_interval_is_named_and_refused_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "softplus.onnx"
    path.write_bytes(with_softplus())
    source, known = Source.parse(str(path)), take_fingerprint(path)
    with pytest.raises(ModelInvalidError) as caught:
        read_model(source, known, FEATURES, "")
    assert caught.value.clause == "model.activation"
    model = read_model(source, known, FEATURES, "", reach=4)
    low, middle, high = fitted("softplus", Fit(degree=2, reach=4))
    assert model.layers[0].powers == ((low, middle, high),) * 2
    found = offered(model, replace(WANTED, reach=4))
    assert (found.reach, found.model.layers) == (4, ((2, 2), (1, 1)))
    assert Offered.decode(found.encode()) == found
    check_holds(found, model)


def with_softplus() -> bytes:
    hidden, end = NETWORK.layers
    arrays = {
        "w": np.array(hidden.weights),
        "b": np.array(hidden.bias),
        "v": np.array(end.weights),
        "c": np.array(end.bias),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["z"]),
        helper.make_node("Softplus", ["z"], ["y"]),
        helper.make_node("Gemm", ["y", "v", "c"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["p"]),
    ]
    graph = helper.make_graph(
        nodes,
        "n",
        [helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, ["n", 4])],
        [helper.make_tensor_value_info("p", onnx.TensorProto.DOUBLE, ["n", 1])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("degrees", [(3,), (2, 2)])
def test_other_networks_are_refused_with_what_would_do(degrees: tuple[int, ...]) -> None:
    layers, inputs = [], 4
    for degree in degrees:
        powers = (tuple([0.5] * (degree + 1)),) * 2
        layers.append(Layer(((0.001, 0.002),) * inputs, (0.0, 0.0), powers))
        inputs = 2
    model = Model("logistic", FEATURES, (*layers, Layer(((1.0,),) * 2, (0.0,))))
    with pytest.raises(ContractInvalidError) as caught:
        offered(model, WANTED)
    assert caught.value.clause == "score.layers"
    assert "one hidden layer" in caught.value.remedy


def test_a_table_of_rows_scores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n")
    with pytest.raises(KindRefusedError) as caught:
        read_model(Source.parse(str(path)), take_fingerprint(path), FEATURES, "")
    assert caught.value.clause == "product.table"


def test_another_file_than_the_registered_one_is_not_read(source: Source) -> None:
    before = take_fingerprint(source.path)
    source.path.write_bytes(to_onnx(with_weights(1.01), {}))
    with pytest.raises(TableChangedError):
        read_model(source, before, FEATURES, "")


def test_a_refreshed_model_serves_where_the_ring_hides_it() -> None:
    clause = offered(MODEL, WANTED).only(100)
    assert whole_of(clause, with_weights(0.9)).bits == clause.ring.demand.weight_bits
    for other in (
        with_weights(16.0),
        replace(MODEL, family="linear"),
        line("logistic", FEATURES[:2], [0.1, 0.1], 0.0),
    ):
        with pytest.raises(ModelInvalidError) as caught:
            whole_of(clause, other)
        assert caught.value.clause == "parameters.score"
