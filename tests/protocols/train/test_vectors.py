"""Task, payloads, steps and a party's vectors are those of the vectors of another program."""

import json
from pathlib import Path

import numpy as np
import pytest

from unseen.protocols.train import Model, Spec, local_step, schedule, step_of
from unseen.protocols.train.card import Card
from unseen.protocols.train.rows import rows_of, whole_rows

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/train/logistic_v1.json").read_text(encoding="utf-8")
)
CARD = json.loads(
    (Path(__file__).parents[2] / "vectors/train/card_v2.json").read_text(encoding="utf-8")
)
TASK = Spec.decode(VECTORS["task"].encode())
ROWS, LABELS = np.array(VECTORS["rows"]), np.array(VECTORS["labels"])


def test_a_task_has_the_bytes_and_the_digest_of_the_vector() -> None:
    assert TASK.encode() == VECTORS["task"].encode()
    assert TASK.digest == VECTORS["digest"]


def test_steps_have_the_noise_and_the_cost_of_the_vector() -> None:
    found = schedule(TASK)
    assert len(found) == len(VECTORS["steps"])
    for step, expected in zip(found, VECTORS["steps"], strict=True):
        names = ("kind", "dimension", "most")
        assert {name: getattr(step, name) for name in names}.items() <= expected.items()
        # A sum of discrete Gaussians is not quite one itself: that costs the next whole number.
        assert expected["sigma2"] <= step.sigma2 <= expected["sigma2"] + 1
        assert expected["cost"] - 1000 <= step.cost <= expected["cost"] + 1


def test_vectors_are_those_of_the_vector() -> None:
    found = whole_rows(TASK, rows_of(TASK, "p", ROWS, LABELS))
    assert found.tolist() == VECTORS["whole"]
    for number, payload in enumerate(VECTORS["payloads"]):
        assert step_of(TASK, payload.encode()).number == number
        vector = local_step(TASK, payload.encode(), "p", ROWS, LABELS)
        assert vector.tolist() == VECTORS["vectors"][number]


def test_a_model_predicts_what_the_vector_says() -> None:
    model = Model.decode(VECTORS["model"].encode())
    assert model.encode() == VECTORS["model"].encode()
    expected = [float(text) for text in VECTORS["predictions"]]
    assert np.abs(model.predict(ROWS) - expected).max() < 1e-15


def test_a_card_has_the_bytes_and_the_bounds_of_the_vector() -> None:
    card = Card.decode(CARD["card"].encode())
    assert card.encode() == CARD["card"].encode()
    assert card.digest == CARD["digest"]
    assert float(card.epsilon or 0) == pytest.approx(float(CARD["epsilon"]), abs=2e-5)
    assert card.bounds is not None
    for at, bound in enumerate(card.bounds):
        assert float(bound.advantage) == pytest.approx(float(CARD["advantage"][at]), abs=2e-5)
        assert float(bound.area) == pytest.approx(float(CARD["area"][at]), abs=2e-5)
