"""What only who has all tables can compute, and nobody in the story: to compare with.

The regression is that of McCullagh and Nelder 1989, by Newton steps, on the rows of all hospitals,
without noise. Held out are the same people as at the nodes.
"""

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unseen.cli.demo.hospitals import script
from unseen.cli.demo.stage import data_file
from unseen.protocols.train.attack import area
from unseen.protocols.train.rows import columns_of, products, score, total

if TYPE_CHECKING:
    from unseen.protocols.train import Model

Reals = NDArray[np.float64]

_HELD = "33333333"  # of eight hexadecimal digits, as at the nodes: a fifth of all people
_ROUNDS = 25


def cut() -> dict[str, Any]:
    """Return the rows of each hospital, as tables of pyarrow; the insurer's quarter is left out.

    Raises:
        UsageError: this installation is not a clone of the repository.

    """
    data_file(script.TABLE_FILE)
    spec = importlib.util.spec_from_file_location("cut_into_parties", data_file(script.CUTS))
    if spec is None or spec.loader is None:
        raise ImportError(str(script.CUTS))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name.replace("_", "-"): rows for name, rows in module.hospitals().items()}


@dataclass(frozen=True, slots=True)
class Own:
    """The rows of one hospital, column by column; a missing number is NaN."""

    columns: Mapping[str, Reals]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.columns[script.PERSON])

    @property
    def people(self) -> int:
        """How many people they are about."""
        return len(np.unique(self.columns[script.PERSON]))

    def cells(self) -> list[tuple[int, float]]:
        """Return, for each group of the question, how many rows it has and their sum of visits."""
        share, visits = self.columns["coins"], np.clip(self.columns["mdvis"], 0, script.HIGH)
        inside = [
            (share >= low) & (share < high)
            for low, high in zip(script.EDGES, script.EDGES[1:], strict=False)
        ]
        return [(int(rows.sum()), float(visits[rows].sum())) for rows in inside]


def own(table: Any) -> Own:
    """Return the columns of a pyarrow table that the story is about."""
    names = [script.PERSON, "coins", "mdvis", *script.FEATURES.values()]
    return Own(
        {
            name: np.array([np.nan if x is None else float(x) for x in table[name].to_pylist()])
            for name in names
        }
    )


def means(hospitals: Mapping[str, Own]) -> list[float]:
    """Return the mean visits of each group over all hospitals."""
    every = zip(*(each.cells() for each in hospitals.values()), strict=True)
    return [sum(part[1] for part in cell) / sum(part[0] for part in cell) for cell in every]


def areas(model: "Model", hospitals: Mapping[str, Own]) -> tuple[float, float]:
    """Return the area under the curve, over people held out, of a model and of pooled rows'."""
    columns = [
        np.concatenate([each.columns[name] for each in hospitals.values()])
        for name in (*script.FEATURES.values(), script.PERSON, "mdvis")
    ]
    rows = np.stack(columns, axis=1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    features, people, labels = rows[:, :-2], rows[:, -2].astype(np.int64), rows[:, -1] > 0
    held = np.array([_held(model.spec.digest, person) for person in people])
    seen = columns_of(model.spec, features)
    design = np.concatenate([np.ones((len(seen), 1)), seen], axis=1)
    weights = _newton(design[~held], labels[~held].astype(np.float64))
    found = [scores[held] for scores in (model.score(features), score(design, weights))]
    joint, pooled = (area(each[labels[held]], each[~labels[held]]) for each in found)
    return joint, pooled


def _held(digest: str, person: int) -> bool:
    """Return whether a person is held out of the training with this digest."""
    text = f"{digest}:{len(str(person))}:{person}"
    return hashlib.sha256(text.encode()).hexdigest()[: len(_HELD)] < _HELD


def _newton(design: Reals, labels: Reals) -> Reals:
    """Return the weights of greatest likelihood, under a ridge of 1 as the joint training has."""
    weights: Reals = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        mean = 1 / (1 + np.exp(-np.clip(score(design, weights), -30, 30)))
        second = (mean * (1 - mean))[:, None]
        curvature = products(design, design * second) + np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, total(design, labels - mean) - weights)
    return weights
