"""Models out of a buyer's code, scored and attacked with the node's own rows before they leave."""

import json
from typing import Any

import numpy as np
import pytest
from tests.sandbox.test_formats import KINDS, MODELS, SCORES, net, trees

from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.outputs import TypedOutput, received
from unseen.evidence.contracts.typed import Value
from unseen.node.errors import InternalError
from unseen.node.release.losses import attacked, losses, predictors
from unseen.sandbox.formats.encoding import encoded

READ = [name for name, (_, clause) in KINDS.items() if not clause]
DRAW = np.random.default_rng(11)
ROWS = DRAW.normal(size=(600, 4))
NOISE = DRAW.normal(size=600)


def said(shape: Network | Trees, found: Any) -> Value:
    one = TypedOutput(name="one", format="json", shape=shape)
    return received(one, encoded(one, json.dumps(found).encode()))


@pytest.mark.parametrize("name", READ)
def test_a_model_is_scored_as_scikit_learn_does(name: str) -> None:
    shape, _ = KINDS[name]
    one = TypedOutput(name=name, format="onnx", shape=shape)
    value = received(one, encoded(one, (MODELS / f"{name}.onnx").read_bytes()))
    line = predictors(value, np.array(SCORES[name]["rows"], dtype=np.float32).astype(np.float64))
    if shape.link == "logistic":
        line = 1 / (1 + np.exp(-line))
    if shape.link == "exp":
        line = np.exp(line)
    if shape.link == "softmax":
        line = np.exp(line) / np.exp(line).sum(axis=1, keepdims=True)
    expected = np.array(SCORES[name]["scores"]).reshape(len(line), -1)
    assert line == pytest.approx(expected[:, -line.shape[1] :], rel=0.01, abs=0.01)


def by_heart(rows: Any, labels: Any, depth: int) -> Any:
    """Return a tree that tells its rows apart as well as its depth allows."""
    if depth == 0 or len(rows) < 2:
        return {"leaf": [float(labels.mean()) if len(labels) else 0.0]}
    column = depth % 4
    at = float(np.median(rows[:, column]))
    left = rows[:, column] <= at
    return {
        "feature": "abcd"[column],
        "at": at,
        "left": by_heart(rows[left], labels[left], depth - 1),
        "right": by_heart(rows[~left], labels[~left], depth - 1),
    }


def test_a_model_that_learnt_its_rows_by_heart_is_found() -> None:
    tree = by_heart(ROWS[:300], NOISE[:300], 9)
    value = said(trees(1, 9), {"base": [0], "trees": [tree]})
    found = attacked(value, (ROWS[:300], NOISE[:300]), (ROWS[300:], NOISE[300:]))
    assert found.measured
    assert found.least > found.bar == 6_000
    assert found.low <= found.auc <= found.high
    assert found.advantage > 5_000
    assert (found.members, found.others) == (300, 300)


def test_a_model_that_learnt_a_line_is_not() -> None:
    labels = ROWS @ [1.0, -2.0, 0.5, 0.0] + NOISE
    design = np.column_stack([ROWS[:300], np.ones(300)])
    *weights, bias = np.linalg.lstsq(design, labels[:300], rcond=None)[0].tolist()
    layer = {"weights": [[one] for one in weights], "bias": [bias]}
    value = said(net((1,), "identity"), {"layers": [layer]})
    found = attacked(value, (ROWS[:300], labels[:300]), (ROWS[300:], labels[300:]))
    assert found.measured
    assert found.least < found.bar
    assert 4_000 < found.auc < 6_000
    more = attacked(value, (ROWS[:300], labels[:300]), (ROWS[300:], labels[300:]), alike=4)
    assert more.least < found.least


def test_with_few_rows_nothing_is_measured() -> None:
    value = said(net((1,), "identity"), {"layers": [{"weights": [[0]] * 4, "bias": [0]}]})
    side = (ROWS[:39], NOISE[:39])
    for sides in ((side, (ROWS, NOISE)), ((ROWS, NOISE), side)):
        found = attacked(value, *sides)
        assert (found.measured, found.auc, found.least) == (False, 0, 0)


@pytest.mark.parametrize(
    ("link", "layers", "expected"),
    [
        ("identity", (1,), [4.0, 1.0]),
        ("logistic", (1,), [np.log1p(np.exp(2.0)), np.log1p(np.exp(-2.0))]),
        ("exp", (1,), [np.exp(2.0), np.exp(2.0) - 2.0]),
        ("softmax", (2,), [np.log(2.0), np.log(2.0)]),
    ],
)
def test_losses_are_those_of_the_link(
    link: str, layers: tuple[int, ...], expected: list[float]
) -> None:
    units = layers[0]
    layer = {"weights": [[2.0] * units, *[[0.0] * units] * 3], "bias": [0.0] * units}
    value = said(net(layers, link), {"layers": [layer]})
    rows = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0]])
    assert losses(value, rows, np.array([0.0, 1.0])).tolist() == pytest.approx(expected)


def test_classes_without_a_link_are_scored_by_their_own() -> None:
    value = said(
        trees(1, 3, outputs=3), {"base": [0, 0, 0], "trees": [{"leaf": [0.5, 0.25, 0.25]}]}
    )
    assert losses(value, ROWS[:2], np.array([0.0, 2.0])).tolist() == [-0.5, -0.25]
    for wrong in (-1.0, 3.0):
        with pytest.raises(InternalError):
            losses(value, ROWS[:1], np.array([wrong]))


def test_rows_have_the_features_of_the_model() -> None:
    value = said(net((1,), "identity"), {"layers": [{"weights": [[0]] * 4, "bias": [0]}]})
    with pytest.raises(InternalError):
        predictors(value, ROWS[:, :3])
