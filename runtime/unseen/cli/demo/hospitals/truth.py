"""What only who has all tables can compute, and nobody in the story: to compare with.

The regression is that of the benches, on the rows of all hospitals and without noise. Held out are
the same people as at the nodes.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unseen.bench.training import design_of, likeliest
from unseen.cli.demo.hospitals import script
from unseen.cli.demo.stage import data_file
from unseen.protocols.train.attack import area
from unseen.protocols.train.rows import score
from unseen.protocols.train.sides import held_out

if TYPE_CHECKING:
    from unseen.protocols.train import Model

Reals = NDArray[np.float64]


def cut() -> dict[str, Any]:
    """Return the rows of each hospital, as tables of pyarrow; the insurer's are left out.

    Raises:
        UsageError: this installation is not a clone of the repository.

    """
    data_file(script.TABLE_FILE)
    spec = importlib.util.spec_from_file_location("cut_into_parties", data_file(script.CUTS))
    if spec is None or spec.loader is None:
        raise ImportError(str(script.CUTS))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    every = {name.replace("_", "-"): rows for name, rows in module.hospitals().items()}
    return {name: every[name] for name in script.HOSPITALS}


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
    held = np.array([held_out(model.spec, [str(person)]) for person in people])
    design = design_of(model.spec, features)
    weights = likeliest(design[~held], labels[~held].astype(np.float64))
    found = [scores[held] for scores in (model.score(features), score(design, weights))]
    joint, pooled = (area(each[labels[held]], each[~labels[held]]) for each in found)
    return joint, pooled
