"""Small tasks of every family, and rows that fit them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.train import Boosting, Descent, Feature, Privacy, Spec

FEATURES = (
    Feature(name="age", low=180, high=900, decimals=1),
    Feature(name="cost", low=-1000, high=1000, decimals=2),
    Feature(name="ward", values=("a", "b", "c")),
)
LABELS = {
    "logistic": Feature(name="ill"),
    "linear": Feature(name="stay", low=-20, high=60, decimals=1),
    "poisson": Feature(name="visits", high=10),
    "boosting": Feature(name="ill"),
}


def task(family: str = "logistic", **changes: Any) -> Spec:
    """Return a task; `changes` are fields of `Privacy`, or of the steps."""
    steps: dict[str, Any] = {"rounds": 4, "norm": "3", "clip": "3"}
    if family == "boosting":
        steps = {"objective": "logistic", "trees": 3, "depth": 2, "bins": 8, "columns": 3}
    privacy: dict[str, Any] = {"rho": "1", "parties": 3, "honest": 3, "most_rows": 10_000}
    label = changes.pop("label", LABELS[family])
    for name, value in changes.items():
        (privacy if name in Privacy.__dataclass_fields__ else steps)[name] = value
    kind = Boosting if family == "boosting" else Descent
    return Spec(
        family=family,
        features=FEATURES,
        label=label,
        steps=kind(**steps),
        privacy=Privacy(**privacy),
    )


def rows(family: str, count: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return features and labels of so many rows, whose label depends on the features."""
    source = np.random.default_rng(seed)
    age, cost = source.uniform(18, 90, count), source.uniform(-10, 10, count)
    ward = source.integers(-1, 3, count)
    score = (age - 54) / 36 - 0.8 * cost / 10 + 0.5 * (ward == 1) - 0.3
    if family == "linear":
        label = np.clip(2 + 2 * score + source.normal(0, 0.3, count), -2, 6)
    elif family == "poisson":
        label = source.poisson(np.exp(score / 2)).astype(float)
    else:
        label = (source.random(count) < 1 / (1 + np.exp(-2 * score))).astype(float)
    return np.stack([age, cost, ward.astype(float)], axis=1), label
