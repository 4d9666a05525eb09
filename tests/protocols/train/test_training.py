"""Whole trainings: the right model without noise, the same one under masks, metrics by sums."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.secagg.driver import cohort, drive_secagg
from unseen.protocols.secagg.ring import Noise
from unseen.protocols.secagg.wire import Step as Stage
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train import Coordinator, Spec, Step, cost_of, local_step, schedule
from unseen.protocols.train.driver import Outcome, Share, drive_train
from unseen.protocols.train.evaluation import auc_of
from unseen.protocols.train.rows import columns_of

FAMILIES = tuple(LABELS)
Reals = NDArray[np.float64]


def shares(family: str, count: int, held: int = 500) -> dict[str, Share]:
    return {f"p{i}": Share(*rows(family, count, i), *rows(family, held, 100 + i)) for i in range(3)}


def pooled(family: str, spec: Spec, count: int) -> tuple[Reals, Reals]:
    parts = [rows(family, count, i) for i in range(3)]
    features = np.concatenate([part[0] for part in parts])
    seen = columns_of(spec, features)
    return np.c_[np.ones(len(seen)), seen], np.concatenate([part[1] for part in parts])


def best(family: str, design: Reals, labels: Reals) -> Reals:
    """Return the weights of the pooled rows: the textbook's iteration, in floating point."""
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        score = design @ weights
        if family == "linear":
            mean, second = score, np.ones(len(score))
        elif family == "poisson":
            mean = second = np.exp(score)
        else:
            mean = 1 / (1 + np.exp(-score))
            second = mean * (1 - mean)
        curvature = design.T @ (design * second[:, None]) + 1e-6 * np.eye(len(weights))
        weights += np.linalg.solve(curvature, design.T @ (labels - mean))
    return weights


@pytest.mark.parametrize("family", ["linear", "logistic", "poisson"])
def test_without_noise_the_weights_are_those_of_pooled_rows(family: str) -> None:
    spec = task(family, rounds=60, clip="100", ridge="0", bits=12, rho="1000", label=LABELS[family])
    found = drive_train(spec, shares(family, 800), seeded_rng(1), noisy=False, masked=False)
    design, labels = pooled(family, spec, 800)
    if family == "linear":
        labels = (labels * 10 - 20) / 40
    weights = best(family, design, labels)
    apart = design @ (found.model.weights - weights)
    assert np.sqrt(np.mean(apart**2)) < 0.02
    assert found.cost == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_change_nothing(family: str) -> None:
    spec = task(family, evaluation="0.1", rho="0.5")
    assert fitted(spec, masked=True) == fitted(spec, masked=False)


def fitted(spec: Spec, *, masked: bool) -> tuple[tuple[int, ...], object, int]:
    """Train with noise that does not depend on what masks draw."""
    noise = seeded_rng(5)
    masks = seeded_rng(6)
    found = drive_train(spec, shares(spec.family, 300, 60), noise, masks=masks, masked=masked)
    assert (found.bytes_sent > 0) is masked
    return found.model.numbers, found.metrics, found.cost


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_changes_the_model_and_little_of_what_it_says(family: str) -> None:
    spec = (
        task(family, rho="2", evaluation="0.5", clip="10")
        if family == "poisson"
        else task(family, rho="2", evaluation="0.5")
    )
    mine = shares(family, 2000)
    steps: list[tuple[int, int]] = []
    noisy = drive_train(
        spec, mine, seeded_rng(1), masked=False, progress=lambda *done: steps.append(done)
    )
    plain = drive_train(spec, mine, seeded_rng(1), masked=False, noisy=False)
    assert noisy.model.numbers != plain.model.numbers
    assert noisy.cost == cost_of(spec)
    assert steps == [(i + 1, len(schedule(spec))) for i in range(len(schedule(spec)))]
    assert good(noisy) > 0.8 * good(plain) > 0


def good(found: Outcome) -> float:
    metrics = found.metrics
    assert metrics is not None
    if metrics.auc is not None:
        return metrics.auc - 0.5
    assert metrics.explained is not None
    return metrics.explained


def test_metrics_of_sums_are_those_of_rows() -> None:
    spec = task(evaluation="1")
    mine = shares("logistic", 1000, 2000)
    found = drive_train(spec, mine, seeded_rng(1), masked=False, noisy=False)
    features = np.concatenate([share.held_features for share in mine.values()])
    labels = np.concatenate([share.held_labels for share in mine.values()])
    chance = found.model.predict(features)
    yes, no = chance[labels == 1], chance[labels == 0]
    area = float(np.mean((yes[:, None] > no) + (yes[:, None] == no) / 2))
    metrics = found.metrics
    assert metrics is not None
    assert metrics.auc is not None
    assert metrics.loss is not None
    assert metrics.rows == len(labels)
    assert abs(metrics.auc - area) < 0.003
    loss = -np.mean(np.where(labels == 1, np.log(chance), np.log(1 - chance)))
    assert abs(metrics.loss - loss) < 0.005
    assert sum(count for _, _, count in metrics.calibration) == len(labels)
    for mean, share, count in metrics.calibration:
        assert count < 200 or abs(mean - share) < 0.15


def test_spread_says_how_far_noise_moves_the_area() -> None:
    spec = task(evaluation="0.05", rho="1000", most_rows=3000)
    mine = shares("logistic", 500, 400)
    areas, spreads = [], []
    for seed in range(30):
        metrics = drive_train(spec, mine, seeded_rng(seed), masked=False).metrics
        assert metrics is not None
        assert metrics.auc is not None
        assert metrics.spread is not None
        areas.append(metrics.auc)
        spreads.append(metrics.spread)
    assert 0.6 < float(np.std(areas)) / float(np.mean(spreads)) < 1.5


def test_area_of_nobody_is_a_half() -> None:
    nothing = np.zeros(64)
    assert auc_of(nothing, nothing) == 0.5


def test_squared_errors_of_sums_are_those_of_rows() -> None:
    spec = task("linear", evaluation="1", bits=12)
    mine = shares("linear", 500)
    found = drive_train(spec, mine, seeded_rng(1), masked=False, noisy=False)
    features = np.concatenate([share.held_features for share in mine.values()])
    labels = np.concatenate([share.held_labels for share in mine.values()])
    error = np.mean((found.model.predict(features) - labels) ** 2)
    metrics = found.metrics
    assert metrics is not None
    assert metrics.error is not None
    assert abs(metrics.error * 4**2 - error) < 0.01
    assert metrics.explained is not None
    assert abs(metrics.explained - (1 - error / np.var(labels))) < 0.01


def test_boosting_learns_what_no_line_says() -> None:
    source = np.random.default_rng(1)
    mine = {}
    for i in range(3):
        features, _ = rows("boosting", 4000, i)
        same = (features[:, 0] > 54) == (features[:, 1] > 0)
        labels = (source.random(len(same)) < np.where(same, 0.85, 0.15)).astype(float)
        mine[f"p{i}"] = Share(features[:3000], labels[:3000], features[3000:], labels[3000:])
    spec = task("boosting", trees=8, depth=3, columns=5, rate="0.5", rho="2", evaluation="0.5")
    found = drive_train(spec, mine, seeded_rng(1), masked=False)
    assert good(found) > 0.3
    assert found.smallest_leaf >= spec.boosting.leaf


def test_a_small_leaf_is_not_split_off() -> None:
    spec = task("boosting", leaf=400, depth=3, trees=2)
    found = drive_train(spec, shares("boosting", 250), seeded_rng(1), masked=False, noisy=False)
    sizes = {}
    features = np.concatenate([share.features for share in shares("boosting", 250).values()])
    from unseen.protocols.train.boosting import binned_of

    for number, tree in enumerate(found.model.trees):
        places = tree.place(binned_of(spec, columns_of(spec, features)))
        sizes[number] = np.bincount(places)
        assert sizes[number][sizes[number] > 0].min() >= 400
    assert found.smallest_leaf >= 400


def test_another_number_of_parties_is_refused() -> None:
    with pytest.raises(InputInvalidError):
        drive_train(task(parties=4), shares("logistic", 5), seeded_rng(1))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_party_that_drops_out_is_not_in_the_sum_and_the_training_goes_on(family: str) -> None:
    spec = task(family, parties=6, honest=4, rho="1", evaluation="0.2")
    names = [f"party-{i}" for i in range(6)]
    mine = {name: rows(family, 300, i) for i, name in enumerate(names)}
    coordinator, rng = Coordinator(spec), seeded_rng(3)
    group = cohort(6, 1, 1, rng, spec.privacy.ring)
    while step := coordinator.step:
        sent = coordinator.payload()
        vectors = {name: local_step(spec, sent, name, *mine[name]) for name in names}
        parameters = replace(
            group.parameters, dimension=step.dimension, bound=step.bound, round_id=rng(32)
        )
        gone = {Stage.MASKED: [names[step.number % 6]]}
        drawn: list[NDArray[np.int64]] = []

        def noise(name: str, step: Step = step, drawn: list[Any] = drawn) -> Recorded:
            return Recorded(step.noise(seeded_rng(int(name[-1]))), drawn)

        total, survivors, _ = drive_secagg(
            replace(group, parameters=parameters), vectors, rng, gone, noise=noise
        )
        assert len(survivors) == 5
        expected = sum((vectors[name] for name in survivors), np.zeros(step.dimension, np.int64))
        assert total.tolist() == (expected + np.sum(drawn, axis=0)).tolist()
        coordinator.absorb(total, len(survivors))
    assert coordinator.metrics is not None
    assert coordinator.cost == cost_of(spec)


class Recorded:
    """Noise that leaves a copy of each draw."""

    def __init__(self, noise: Noise, drawn: list[Any]) -> None:
        self.noise, self.drawn = noise, drawn

    @property
    def reach(self) -> int:
        return self.noise.reach

    def __call__(self, count: int) -> NDArray[np.int64]:
        found = self.noise(count)
        self.drawn.append(found.copy())  # values are added to it in place
        return found
