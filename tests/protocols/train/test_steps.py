"""Hostile payloads and rows: one clear error that names the party and never a value."""

from typing import Any

import numpy as np
import pytest
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols.errors import (
    ContributionError,
    DimensionMismatchError,
    InputInvalidError,
    MalformedMessageError,
    RingOverflowError,
    StepOrderError,
    SurvivorsTooFewError,
    VectorInvalidError,
)
from unseen.protocols.train import Coordinator, Model, Spec, coding, local_step, schedule, step_of
from unseen.protocols.train import rows as row_blocks

FAMILIES = tuple(LABELS)


def advanced(spec: Spec, steps: int) -> Coordinator:
    coordinator = Coordinator(spec)
    for _ in range(steps):
        step = coordinator.step
        assert step is not None
        coordinator.absorb(np.arange(step.dimension, dtype=np.int64), 3)
    return coordinator


@pytest.mark.parametrize(("value", "what"), [(np.nan, "not a number"), (-np.inf, "an infinity")])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_finite_is_named_by_party_and_place(
    family: str, value: float, what: str
) -> None:
    spec = task(family)
    sent = Coordinator(spec).payload()
    features, labels = rows(family, 5)
    features[2, 1] = value
    with pytest.raises(VectorInvalidError) as caught:
        local_step(spec, sent, "north", features, labels)
    assert (caught.value.party, caught.value.position) == ("north", 7)
    assert what in str(caught.value)
    features, labels = rows(family, 5)
    labels[4] = value
    with pytest.raises(VectorInvalidError) as caught:
        local_step(spec, sent, "north", features, labels)
    assert caught.value.position == 4


def test_other_shapes_are_named_by_party() -> None:
    spec = task(most_rows=10)
    sent = Coordinator(spec).payload()
    features, labels = rows("logistic", 11)
    wrong: list[tuple[Any, Any, type[ContributionError]]] = [
        (features[:, :2], labels, DimensionMismatchError),
        (features, labels[:-1], DimensionMismatchError),
        (features, labels, RingOverflowError),
    ]
    for some, more, error in wrong:
        with pytest.raises(error) as caught:
            local_step(spec, sent, "north", some, more)
        assert caught.value.party == "north"
    for bad in (features.astype(str), features.ravel(), features.astype(object)):
        with pytest.raises(InputInvalidError):
            local_step(spec, sent, "north", bad, labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_party_without_rows_sends_zeros(family: str) -> None:
    spec = task(family, evaluation="0.1")
    coordinator = Coordinator(spec)
    while step := coordinator.step:
        found = local_step(spec, coordinator.payload(), "p", np.empty((0, 3)), np.empty(0))
        assert found.dtype == np.int64
        assert found.tolist() == [0] * step.dimension
        coordinator.absorb(found, 3)
    assert len(coordinator.model().numbers) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_payloads_of_another_task_or_step_are_refused(family: str) -> None:
    spec = task(family)
    fields = coding.decode(advanced(spec, 1).payload())
    features, labels = rows(family, 3)
    assert local_step(spec, coding.encode(fields), "p", features, labels).any()
    bent: list[dict[str, Any]] = [
        {"format": "unseen/train/step/2"},
        {"spec": task(family, rho="3").digest},
        {"step": len(schedule(spec))},
        {"step": -1},
        {"step": "1"},
        {"state": {}},
        {"state": []},
        {"state": {"weights": [1]}},
        {"state": {"weights": ["1"] * 6}},
        {"state": {"trees": [{"columns": [], "bins": [], "leaves": []}]}},
        {"state": {"trees": [{"columns": [9], "bins": [0], "leaves": []}]}},
        {"state": {"trees": [{"columns": [2], "bins": [1], "leaves": []}]}},
        {"state": {"trees": [{"columns": [0, 0], "bins": [0, 0], "leaves": []}]}},
        {"state": {"trees": [{"columns": [0] * 3, "bins": [0] * 3, "leaves": [1]}]}},
        {"state": {"trees": []}},
        {"more": 1},
    ]
    for change in bent:
        with pytest.raises(MalformedMessageError):
            local_step(spec, coding.encode(fields | change), "p", features, labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_of_parts_add_up_to_that_of_all(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = task(family, evaluation="0.1")
    coordinator = Coordinator(spec)
    features, labels = rows(family, 100)
    while step := coordinator.step:
        sent = coordinator.payload()
        whole = local_step(spec, sent, "p", features, labels)
        parts = [
            local_step(spec, sent, "p", features[start : start + 30], labels[start : start + 30])
            for start in range(0, 100, 30)
        ]
        assert whole.tolist() == np.sum(parts, axis=0).tolist()
        with monkeypatch.context() as patched:
            patched.setattr(row_blocks, "BLOCK", 7)
            assert local_step(spec, sent, "p", features, labels).tolist() == whole.tolist()
        coordinator.absorb(whole + step.number, 3)


def test_a_place_is_counted_from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK", 4)
    spec = task()
    features, labels = rows("logistic", 20)
    features[17, 2] = np.inf
    with pytest.raises(VectorInvalidError) as caught:
        local_step(spec, Coordinator(spec).payload(), "north", features, labels)
    assert caught.value.position == 17 * 3 + 2


def test_a_payload_names_its_step() -> None:
    spec = task()
    for number in range(3):
        assert step_of(spec, advanced(spec, number).payload()) == schedule(spec)[number]


def test_the_coordinator_keeps_its_order() -> None:
    spec = task()
    coordinator = Coordinator(spec)
    with pytest.raises(StepOrderError):
        coordinator.model()
    step = coordinator.step
    assert step is not None
    wrong: list[Any] = [np.zeros(step.dimension + 1, np.int64), np.zeros(step.dimension)]
    for total in wrong:
        with pytest.raises(DimensionMismatchError):
            coordinator.absorb(total, 3)
    with pytest.raises(SurvivorsTooFewError):
        coordinator.absorb(np.zeros(step.dimension, np.int64), 2)
    done = advanced(spec, 5)
    assert done.step is None
    assert done.cost == sum(step.cost for step in schedule(spec))
    with pytest.raises(StepOrderError):
        done.payload()
    with pytest.raises(StepOrderError):
        done.absorb(np.zeros(6, np.int64), 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_survives_its_bytes(family: str) -> None:
    spec = task(family)
    model = advanced(spec, len(schedule(spec))).model()
    assert Model.decode(model.encode()) == model
    changes: list[dict[str, Any]] = [{"numbers": [1]}, {"format": "x"}, {"spec": {}}]
    for bent in changes:
        with pytest.raises(MalformedMessageError):
            Model.decode(coding.encode(coding.decode(model.encode()) | bent))
    with pytest.raises(InputInvalidError):
        model.score(np.array([[np.nan, 1.0, 1.0]]))
    with pytest.raises(InputInvalidError):
        model.score(np.zeros((1, 4)))
