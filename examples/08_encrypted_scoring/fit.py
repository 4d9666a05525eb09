"""Fit both models of this example to two thirds of the loans, and write what a provider has.

    .venv/bin/python examples/08_encrypted_scoring/fit.py [FOLDER]

`credit.onnx` is a logistic regression, `network.onnx` four squares in place of softplus; columns
and their bounds, which are public, are `columns.json`. Not needed to run the example: the files are
here. Their last digits are those of the machine they were fitted on.
"""

import json
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unseen.protocols.he.models import Feature, Fit, Layer, Model, fitted, line, to_onnx
from unseen.protocols.he.models.columns import seen_rows
from unseen.protocols.train import coding

HERE: Final = Path(__file__).resolve().parent
DATA: Final = HERE.parent / "data/german_credit.parquet"
# Bounds of the code book, not of the rows: a year to six years, and so on.
NUMBERS: Final = {
    "duration_in_month": (1, 72),
    "credit_amount": (1, 20_000),
    "installment_rate_in_percentage_of_disposable_income": (1, 4),
    "age_in_years": (18, 100),
    "number_of_existing_credits_at_this_bank": (1, 4),
}
TEXTS: Final = (
    "status_of_existing_checking_account",
    "credit_history",
    "savings_account_and_bonds",
    "present_employment_since",
    "housing",
)
UNITS: Final = 4
Reals = NDArray[np.float64]


def main() -> int:
    """Write three files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    features, rows, bad = loans()
    inner = np.arange(len(bad)) % 3 != 0  # each third loan is held out
    seen = seen_rows(features, rows)
    mean, scale = seen[inner].mean(axis=0), seen[inner].std(axis=0)
    standard = (seen[inner] - mean) / scale
    models = {
        "credit": logistic(features, standard, bad[inner], mean, scale),
        "network": network(features, standard, bad[inner], mean, scale),
    }
    columns = json.dumps([coding.to_json(one) for one in features], indent=2, ensure_ascii=False)
    (folder / "columns.json").write_text(columns + "\n", encoding="utf-8")
    for name, model in models.items():
        (folder / f"{name}.onnx").write_bytes(to_onnx(model, {"data": "German credit"}))
    return 0


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
    bad = [one == "bad" for one in table["creditability"].to_pylist()]
    return tuple(features), np.stack(parts, axis=1), np.array(bad, np.float64)


def logistic(
    features: tuple[Feature, ...], rows: Reals, bad: Reals, mean: Reals, scale: Reals
) -> Model:
    """Return a logistic regression with a ridge, by Newton's steps."""
    ones = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    weights = np.zeros(ones.shape[1])
    for _ in range(20):
        chance = 1 / (1 + np.exp(-ones @ weights))
        curvature = (ones * (chance * (1 - chance))[:, None]).T @ ones + np.eye(len(weights))
        weights += np.linalg.solve(curvature, ones.T @ (bad - chance) - weights)
    inside = weights[:-1] / scale
    return line("logistic", features, inside.tolist(), float(weights[-1] - mean @ inside))


def network(
    features: tuple[Feature, ...], rows: Reals, bad: Reals, mean: Reals, scale: Reals
) -> Model:
    """Return a logistic model over squares, by gradient steps through the polynomial itself."""
    low, middle, high = fitted("softplus", Fit(degree=2, reach=4))
    rng = np.random.default_rng(3)
    first, second = rng.normal(0, 0.3, (rows.shape[1], UNITS)), rng.normal(0, 0.3, UNITS)
    bias, last = np.zeros(UNITS), 0.0
    for _ in range(600):
        sums = rows @ first + bias
        units = low + middle * sums + high * sums**2
        missed = 1 / (1 + np.exp(-(units @ second + last))) - bad
        slope = missed[:, None] * second * (middle + 2 * high * sums) / len(bad)
        first -= 0.3 * (rows.T @ slope + 0.02 * first)
        bias -= 0.3 * slope.sum(axis=0)
        second -= 0.3 * (units.T @ missed / len(bad) + 0.02 * second)
        last -= 0.3 * float(missed.mean())
    weights = first / scale[:, None]
    hidden = Layer(
        tuple(tuple(map(float, row)) for row in weights),
        tuple(map(float, bias - mean @ weights)),
        ((low, middle, high),) * UNITS,
    )
    end = Layer(tuple((float(one),) for one in second), (float(last),))
    return Model("logistic", features, (hidden, end))


if __name__ == "__main__":
    sys.exit(main())
