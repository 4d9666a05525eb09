"""The files we write, run and read by other programs, say what our own model says."""

import sys

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train import Model
from unseen.protocols.train.driver import Share, drive_train
from unseen.protocols.train.files import to_onnx, to_safetensors

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
    assert caught.value.remedy == "install unseen[train]"
