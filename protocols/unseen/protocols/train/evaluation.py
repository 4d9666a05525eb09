"""Kairouz et al., "Advances and open problems in federated learning", 2021, 3.4: metrics of sums.

How good a model is on rows held out, from sums alone. Yes-or-no labels: counts of rows by
score and label, from which area under the curve, loss and calibration follow; by noise each is
an estimate, and `spread` how far noise alone moves the area. Other labels: squared errors.
Rows that a model was fitted on flatter it; who holds out which is not seen here.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.train.model import Model
from unseen.protocols.train.regression import mean_of
from unseen.protocols.train.rows import Reals, Rows
from unseen.protocols.train.schedule import CELLS, Step
from unseen.protocols.train.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What sums over held-out rows say; None where the family has no such figure.

    `calibration` has (mean score, share of yes, rows) for ten groups by score. `error` is the mean
    squared error in units of the label's clamp, `explained` the share of variance.
    """

    rows: float
    auc: float | None = None
    spread: float | None = None
    loss: float | None = None
    calibration: tuple[tuple[float, float, float], ...] = ()
    error: float | None = None
    explained: float | None = None


def evaluate(model: Model, rows: Rows) -> NDArray[np.int64]:
    """Return a party's sums: 2 x CELLS counts by label and score, or four sums."""
    spec = model.spec
    score = model.score_columns(rows.columns)
    if spec.binary:
        cell = np.minimum((mean_of(spec, score) * CELLS).astype(np.int64), CELLS - 1)
        cell += CELLS * rows.labels.astype(np.int64)
        return np.bincount(cell, minlength=2 * CELLS)
    high = spec.label.high if spec.family == "poisson" else 1
    label = rows.labels / high
    unit = float(1 << spec.privacy.bits)
    guess = np.clip(_mean(spec, score) / high, -1.0, 1.0)
    parts = (np.ones(len(label)), (label - guess) ** 2 / 4, label, label**2)
    return np.array([np.rint(part * unit).sum() for part in parts]).astype(np.int64)


def metrics_of(spec: Spec, step: Step, total: NDArray[np.int64], survivors: int) -> Metrics:
    """Return what the noisy sum of all parties says."""
    if not spec.binary:
        unit = float(1 << spec.privacy.bits)
        count, squares, label, label2 = (float(value) / unit for value in total)
        count = max(count, 1.0)
        error = max(4 * squares / count, 0.0)
        variance = label2 / count - (label / count) ** 2
        explained = 1 - error / variance if variance > 0 else None
        return Metrics(rows=count, error=error, explained=explained)
    no, yes = total.reshape(2, CELLS).astype(np.float64)
    return _binary(no, yes, sqrt(survivors * step.sigma2))


def auc_of(no: Reals, yes: Reals) -> float:
    """Return the chance that a yes scores above a no, ties halved, from counts by score."""
    below = np.cumsum(no) - no / 2
    pairs = float(no.sum() * yes.sum())
    return float(yes @ below) / pairs if pairs > 0 else 0.5


def _binary(no: Reals, yes: Reals, sigma: float) -> Metrics:
    total = max(float(no.sum() + yes.sum()), 1.0)
    pairs = max(float(no.sum() * yes.sum()), 1.0)
    below, above = np.cumsum(no) - no / 2, yes.sum() - np.cumsum(yes) + yes / 2
    auc = auc_of(no, yes)
    # How the area moves with each count; noise is independent from count to count.
    by_yes = (below - auc * no.sum()) / pairs
    by_no = (above - auc * yes.sum()) / pairs
    spread = sigma * sqrt(float(by_yes @ by_yes + by_no @ by_no))
    middle = (np.arange(CELLS) + 0.5) / CELLS
    loss = -float(yes @ np.log(middle) + no @ np.log(1 - middle)) / total
    return Metrics(
        rows=total,
        auc=min(max(auc, 0.0), 1.0),
        spread=spread,
        loss=max(loss, 0.0),
        calibration=tuple(_calibration(no, yes, middle)),
    )


def _calibration(no: Reals, yes: Reals, middle: Reals) -> list[tuple[float, float, float]]:
    found = []
    for part in np.array_split(np.arange(CELLS), 10):
        count = float((no[part] + yes[part]).sum())
        if count < 1:
            continue
        weight = np.maximum(no[part] + yes[part], 0.0)
        mean = float(weight @ middle[part] / max(weight.sum(), 1e-9))
        share = min(max(float(yes[part].sum()) / count, 0.0), 1.0)
        found.append((mean, share, count))
    return found


def _mean(spec: Spec, score: Reals) -> Reals:
    return mean_of(spec, score) if spec.family == "poisson" else score
