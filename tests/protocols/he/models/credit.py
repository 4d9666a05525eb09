"""German credit (`examples/data/README.md`): columns, rows, and models fitted to two thirds."""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unseen.protocols.he.models import Feature, Fit, Layer, Model, fitted, line
from unseen.protocols.he.models.columns import seen_rows

DATA: Final = Path(__file__).parents[4] / "examples/data/german_credit.parquet"
NUMBERS: Final = {
    "duration_in_month": (4, 72),
    "credit_amount": (250, 18424),
    "installment_rate_in_percentage_of_disposable_income": (1, 4),
    "age_in_years": (19, 75),
    "number_of_existing_credits_at_this_bank": (1, 4),
}
TEXTS: Final = (
    "status_of_existing_checking_account",
    "credit_history",
    "savings_account_and_bonds",
    "present_employment_since",
    "housing",
)
Reals = NDArray[np.float64]


@cache
def loans() -> tuple[tuple[Feature, ...], Reals, Reals]:
    """Return columns, 1,000 rows of them, and 1 for each loan that went bad."""
    table = pq.read_table(DATA)
    features, parts = [], []
    for name, (low, high) in NUMBERS.items():
        features.append(Feature(name=name, low=low, high=high))
        parts.append(table[name].to_numpy().astype(np.float64))
    for name in TEXTS:
        texts = table[name].to_pylist()
        values = tuple(sorted(set(texts)))
        features.append(Feature(name=name, values=values))
        parts.append(np.array([values.index(text) for text in texts], np.float64))
    bad = np.array([one == "bad" for one in table["creditability"].to_pylist()], np.float64)
    return tuple(features), np.stack(parts, axis=1), bad


def held_out() -> NDArray[np.bool_]:
    """Return which rows no model was fitted to: each third one."""
    found: NDArray[np.bool_] = np.arange(len(loans()[2])) % 3 == 0
    return found


@cache
def logistic() -> Model:
    """Return a logistic regression with a ridge, by Newton's steps."""
    features, _, bad = loans()
    seen, mean, scale = _standardised()
    inner, labels = seen[~held_out()], bad[~held_out()]
    ones = np.concatenate([inner, np.ones((len(inner), 1))], axis=1)
    weights = np.zeros(ones.shape[1])
    for _ in range(20):
        mean_of = 1 / (1 + np.exp(-ones @ weights))
        curvature = (ones * (mean_of * (1 - mean_of))[:, None]).T @ ones + np.eye(len(weights))
        weights += np.linalg.solve(curvature, ones.T @ (labels - mean_of) - weights)
    inside = weights[:-1] / scale
    return line("logistic", features, inside.tolist(), float(weights[-1] - mean @ inside))


@cache
def network() -> Model:
    """Return a logistic model over four squares, each a fitted softplus, by gradient steps."""
    features, _, bad = loans()
    seen, mean, scale = _standardised()
    inner, labels = seen[~held_out()], bad[~held_out()]
    low, middle, high = fitted("softplus", Fit(degree=2, reach=4))
    rng = np.random.default_rng(3)
    first, second = rng.normal(0, 0.3, (inner.shape[1], 4)), rng.normal(0, 0.3, 4)
    bias, last = np.zeros(4), 0.0
    for _ in range(600):
        sums = inner @ first + bias
        units = low + middle * sums + high * sums**2
        missed = 1 / (1 + np.exp(-(units @ second + last))) - labels
        slope = missed[:, None] * second * (middle + 2 * high * sums) / len(labels)
        first -= 0.3 * (inner.T @ slope + 0.02 * first)
        bias -= 0.3 * slope.sum(axis=0)
        second -= 0.3 * (units.T @ missed / len(labels) + 0.02 * second)
        last -= 0.3 * float(missed.mean())
    weights = first / scale[:, None]
    hidden = Layer(
        tuple(tuple(map(float, row)) for row in weights),
        tuple(map(float, bias - mean @ weights)),
        ((low, middle, high),) * 4,
    )
    end = Layer(tuple((float(one),) for one in second), (float(last),))
    return Model("logistic", features, (hidden, end))


def area(scores: Reals, bad: Reals) -> float:
    """Return the area under the curve: how often a bad loan scores above a good one."""
    order = np.argsort(np.argsort(scores)) + 1
    count = bad.sum()
    return float((order[bad == 1].sum() - count * (count + 1) / 2) / (count * (len(bad) - count)))


def _standardised() -> tuple[Reals, Reals, Reals]:
    features, rows, _ = loans()
    seen = seen_rows(features, rows)
    mean, scale = seen.mean(axis=0), seen.std(axis=0)
    return (seen - mean) / scale, mean, scale
