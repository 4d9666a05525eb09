"""The files we write, run and read by other programs, say what our own model says."""

import sys

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train import Model
from unseen.protocols.train.driver import Share, drive_train
from unseen.protocols.train.files import ensure_libraries, to_onnx, to_safetensors

FAMILIES = tuple(LABELS)


def fitted(family: str, **changes: object) -> Model:
    spec = task(family, **changes)
    shares = {f"p{i}": Share(*rows(family, 400, i), *rows(family, 1)) for i in range(3)}
    return drive_train(spec, shares, seeded_rng(1), masked=False).model


def hostile(family: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return rows of the data, on the edges of clamps and bins, far outside, between decimals."""
    features, _ = rows(family, 500, 9)
    ages = np.linspace(10, 100, 361)
    edge = np.stack([ages, np.linspace(-12, 12, 361), np.arange(361) % 5 - 1.0], axis=1)
    far = np.array([[1e9, -1e9, 7.0], [-1e9, 1e9, 0.5], [25.05, 0.005, 2.0], [0.0, 0.0, 0.0]])
    return np.concatenate([features, edge, far])


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        *((family, {}) for family in FAMILIES),
        ("boosting", {"objective": "squared", "label": LABELS["linear"], "depth": 4, "trees": 5}),
        ("boosting", {"leaf": 10_000}),
    ],
)
def test_onnx_predicts_as_we_do(family: str, changes: dict[str, object]) -> None:
    model = fitted(family, **changes)
    data = to_onnx(model, {"contract": "c1"})
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    features = hostile(family)
    (found,) = session.run(None, {"rows": features})
    ours = model.predict(features)
    assert found.shape == (len(features), 1)
    assert np.abs(found[:, 0] - ours).max() < 1e-5
    assert family == "boosting" or np.abs(found[:, 0] - ours).max() < 1e-12
    notes = session.get_modelmeta().custom_metadata_map
    assert notes == {"contract": "c1", "task": model.spec.digest, "family": family}
    assert to_onnx(model, {"contract": "c1"}) == data


WIDTH = 6  # an intercept, two numbers and three indicators
REAL = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "boosting"])
@given(
    numbers=st.lists(st.integers(-(10**10), 10**10), min_size=WIDTH, max_size=WIDTH),
    given_rows=st.lists(st.tuples(REAL, REAL, REAL), min_size=1, max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_whatever_a_regression_s_numbers_and_rows_are_onnx_predicts_as_we_do(
    family: str, numbers: list[int], given_rows: list[tuple[float, float, float]]
) -> None:
    model = Model(task(family), tuple(numbers))
    session = onnxruntime.InferenceSession(to_onnx(model, {}), providers=["CPUExecutionProvider"])
    features = np.array(given_rows, np.float64)
    (found,) = session.run(None, {"rows": features})
    ours = model.predict(features)
    assert np.abs(found[:, 0] - ours).max() <= 1e-12 * max(1.0, np.abs(ours).max())


@given(
    trees=st.lists(
        st.tuples(
            st.lists(st.integers(-1, 4), min_size=3, max_size=3),
            st.lists(st.integers(0, 6), min_size=3, max_size=3),
            st.lists(st.integers(-(10**10), 10**10), min_size=4, max_size=4),
        ),
        min_size=3,
        max_size=3,
    ),
    given_rows=st.lists(st.tuples(REAL, REAL, REAL), min_size=1, max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_whatever_trees_and_rows_are_onnx_predicts_as_we_do(
    trees: list[tuple[list[int], list[int], list[int]]],
    given_rows: list[tuple[float, float, float]],
) -> None:
    grown = [
        [*columns, *(0 if column < 0 else at for column, at in zip(columns, bins, strict=True)), *e]
        for columns, bins, e in trees
    ]
    try:
        model = Model(task("boosting"), tuple(number for tree in grown for number in tree))
    except MalformedMessageError:
        return  # below a node without a split there is none either
    session = onnxruntime.InferenceSession(to_onnx(model, {}), providers=["CPUExecutionProvider"])
    features = np.array(given_rows, np.float64)
    (found,) = session.run(None, {"rows": features})
    assert np.abs(found[:, 0] - model.predict(features)).max() < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_safetensors_hold_the_numbers(family: str) -> None:
    model = fitted(family)
    data = to_safetensors(model, {"contract": "c1"})
    found = load(data)
    assert to_safetensors(model, {"contract": "c1"}) == data
    if family == "boosting":
        parts = [
            np.concatenate([found[n][i] for n in ("columns", "bins", "leaves")]) for i in range(3)
        ]
        assert tuple(np.concatenate(parts).tolist()) == model.numbers
    else:
        assert found["weights"].tolist() == model.weights.tolist()


@pytest.mark.parametrize("write", [to_onnx, to_safetensors])
def test_a_missing_library_is_named(write: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert callable(write)
    with pytest.raises(InputInvalidError) as caught:
        write(fitted("logistic"), {})
    assert caught.value.remedy == "pip install 'unseen[train]'"
    with pytest.raises(InputInvalidError):
        ensure_libraries()
