"""Watson, Guo, Cormode and Sablayrolles, ICLR 2022: membership inference with calibrated losses.

A row that a model was fitted on has a smaller loss than it would have had otherwise. How hard a row
is by itself is taken off by the loss of a reference model, fitted without noise on rows that the
model has not seen. The area under the curve of that difference, members against others, is 1/2
where the attack finds nothing. A stronger attack (many shadow models, rows that stand out) may
find what this one does not: differential privacy bounds all of them, an attack none.

A few rows make a figure that moves by chance. `least` is the area less 2.326 times the error that
it has where there is nothing to find (Mann and Whitney 1947), which is the larger one: so a model
whose true area is the bar breaks it in one of a hundred cases, and one whose area is 1/2 in one of
some thousand. With several rows a person all of a person's are counted as one.

The report is computed from rows, without noise. It is for the gate of whoever holds them, and says
something about them: what is passed on of it is rounded.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.train.model import Model
from unseen.protocols.train.regression import mean_of
from unseen.protocols.train.rows import Reals, Rows, products, rows_of, score, total
from unseen.protocols.train.spec import Spec

WHOLE: Final = 10_000
LEAST: Final = 40  # rows of either kind below which there is no report
_Z: Final = 1.96  # of a 95 % interval
_Z_LEAST: Final = 2.326  # of one side of 99 %
_ROUNDS: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What the attack found, in ten-thousandths: the area, and its 95 % interval.

    `least` is what the area is at least, with 99 % confidence: what the gate's rule compares.
    `advantage` is the largest share of members named less that of others, over all thresholds:
    picked afterwards, so that chance alone makes it larger than 0 (`dp.membership.by_chance`).
    """

    auc: int
    low: int
    high: int
    least: int
    advantage: int
    members: int
    others: int


def membership(
    model: Model,
    party: str,
    members: tuple[NDArray[np.floating], NDArray[np.floating]],
    others: tuple[NDArray[np.floating], NDArray[np.floating]],
) -> Membership:
    """Attack a model with `members`, rows it was fitted on, and `others`, which it was not.

    Each is features and labels, in the units of the task; half of `others` fit the reference.

    Raises:
        InputInvalidError: there are fewer than 40 members, or fewer than 80 others.
        VectorInvalidError: a value is not finite. DimensionMismatchError: other columns.

    """
    spec = model.spec
    inside, outside = rows_of(spec, party, *members), rows_of(spec, party, *others)
    if len(inside.labels) < LEAST or len(outside.labels) < 2 * LEAST:
        raise InputInvalidError(
            f"{party}: too few rows for a report of membership",
            clause="train.membership",
            remedy=f"{LEAST} members and {2 * LEAST} others at least",
        )
    reference = _fit(spec, _part(outside, 0))
    fresh = _part(outside, 1)
    found = [
        _loss(spec, _reference(reference, rows), rows.labels)
        - _loss(spec, model.score_columns(rows.columns), rows.labels)
        for rows in (inside, fresh)
    ]
    auc = area(found[0], found[1])
    sizes = len(found[0]), len(found[1]), spec.privacy.rows_per_person
    error = error_of(auc, *sizes)
    return Membership(
        auc=round(WHOLE * auc),
        low=max(floor(WHOLE * (auc - _Z * error)), 0),
        high=min(ceil(WHOLE * (auc + _Z * error)), WHOLE),
        least=least_of(auc, *sizes),
        advantage=round(WHOLE * advantage(found[0], found[1])),
        members=len(found[0]),
        others=len(found[1]),
    )


def least_of(auc: float, first: int, second: int, alike: int = 1) -> int:
    """Return what an area is at least, in ten-thousandths; see the module's docstring."""
    return max(floor(WHOLE * (auc - _Z_LEAST * error_of(0.5, first, second, alike))), 0)


def area(higher: Reals, lower: Reals) -> float:
    """Return the chance that one of `higher` exceeds one of `lower`, ties halved."""
    both = np.concatenate([higher, lower])
    _, place, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    count = len(higher)
    pairs = count * len(lower)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / pairs)


def advantage(higher: Reals, lower: Reals) -> float:
    """Return the largest share of `higher` above a threshold less that of `lower`."""
    both = np.unique(np.concatenate([higher, lower]))
    below = [np.searchsorted(np.sort(one), both, "right") / len(one) for one in (lower, higher)]
    return max(float((below[0] - below[1]).max()), 0.0)


def error_of(auc: float, first: int, second: int, alike: int = 1) -> float:
    """Return the standard error of an area (Hanley and McNeil 1982, formula 1).

    `alike` rows in a row may be one person's: then as many count as one, which errs upwards.
    """
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    squares = auc * (1 - auc) + (first - 1) * (q1 - auc**2) + (second - 1) * (q2 - auc**2)
    return sqrt(alike * max(squares, 0.0) / (first * second))


def _part(rows: Rows, number: int) -> Rows:
    return Rows(rows.columns[number::2], rows.labels[number::2])


def _reference(weights: Reals, rows: Rows) -> Reals:
    found: Reals = score(rows.columns, weights[1:]) + weights[0]
    return found


def _loss(spec: Spec, line: Reals, labels: Reals) -> Reals:
    found: Reals
    if spec.binary:
        found = np.logaddexp(0.0, np.where(labels > 0, -line, line))
    elif spec.family == "poisson":
        found = mean_of(spec, line) - labels * np.clip(line, -30.0, 30.0)
    else:
        found = (labels - line) ** 2
    return found


def _fit(spec: Spec, rows: Rows) -> Reals:
    """Return the weights of a regression by damped Newton steps, without noise."""
    design = np.concatenate([np.ones((len(rows.labels), 1)), rows.columns], axis=1)
    weights = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        line = np.clip(score(design, weights), -30.0, 30.0)
        if spec.binary:
            mean = 1 / (1 + np.exp(-line))
            second = mean * (1 - mean)
        elif spec.family == "poisson":
            mean = second = np.exp(line)
        else:
            mean, second = line, np.ones(len(line))
        curvature = products(design, design * second[:, None]) + np.eye(len(weights))
        move = np.linalg.solve(curvature, total(design, rows.labels - mean) - weights)
        weights = weights + move * min(1.0, 2.0 / max(float(np.abs(move).max()), 1e-12))
    found: Reals = weights
    return found
