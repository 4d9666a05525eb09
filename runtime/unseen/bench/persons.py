"""Two trainings on encrypted weights over real people (`examples/data`), a row a person.

NHEFS: who was dead by 1992, a secret model over one provider. RAND health: who saw a physician in
the first year; an insurer has plans and labels, a practice has persons. A fifth of the rows is held
out; delta is 1 / n^1.1 for the n others. Bounds of columns are those of the tables' descriptions.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench import training
from unseen.protocols import dp
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.buyer import Wanted, products
from unseen.protocols.he.training.chain import chain_of
from unseen.protocols.he.training.descent import Descent
from unseen.protocols.he.training.parties import Training
from unseen.protocols.he.training.provider import Provided
from unseen.protocols.he.training.rows import Held, kept
from unseen.protocols.he.training.task import Task
from unseen.protocols.testing import Transcript, drive_pair, seeded_rng
from unseen.protocols.train.attack import area

Reals = NDArray[np.float64]
NHEFS: Final = Path(__file__).parents[3] / "examples/data/nhefs.parquet"
_RATE: Final = 2.0  # of steps: chosen on these tables, for both
_RHO_PARTS: Final = 10**9
_OWN: Final = ("logc", "idp", "lpi", "fmde")  # of the insurer: what a plan is like
_COLUMNS: Final = {
    "age": (25, 74),
    "sex": (0, 1),
    "race": (0, 1),
    "education": (1, 5),
    "ht": (140, 200),
    "wt71": (35, 170),
    "cholesterol": (70, 420),
    "smokeintensity": (0, 80),
    "smokeyrs": (0, 64),
    "active": (0, 2),
    "exercise": (0, 2),
    "asthma": (0, 1),
    "bronch": (0, 1),
    "diabetes": (0, 2),
    "hbp": (0, 2),
    "qsmk": (0, 1),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Area under the curve over rows held out, what was sent, and what it cost."""

    auc: float
    transcript: Transcript = field(repr=False)
    rho: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A table, its values within their norms, and a training of it. `held` are rows held out."""

    name: str
    task: Task
    epsilon: int
    values: Reals = field(repr=False)
    labels: Reals = field(repr=False)
    held: NDArray[np.bool_] = field(repr=False)

    @property
    def rows(self) -> int:
        """Return how many are trained on."""
        return int((~self.held).sum())

    def encrypted(self, seed: int = 0) -> Outcome:
        """Train, both parties in this process."""
        kept_rows = ~self.held
        theirs, own = np.split(self.values[kept_rows], [self.task.columns], axis=1)
        labels, charged = self.labels[kept_rows], list[Fraction]()
        rows = Held(theirs, np.zeros(0) if self.task.vertical else labels)
        wanted = Wanted(self._descent(), Held(own, labels) if self.task.vertical else None)
        (weights, _), transcript = drive_pair(
            Training(chain_of(self.task)),
            (wanted, Provided(rows, charged.append)),
            seeded_rng(seed),
        )
        return Outcome(self._auc(np.asarray(weights)), transcript, sum(charged, Fraction(0)))

    def clear(self) -> float:
        """Return the area of the same steps in the clear: sigmoid itself, and no noise."""
        kept_rows = ~self.held
        values, labels = self.values[kept_rows], self.labels[kept_rows]
        return self._auc(clear.trained(values, labels, self._descent(), clear.sigmoid))

    def _descent(self) -> Descent:
        return Descent(self.task, rate=_RATE)

    def _auc(self, weights: Reals) -> float:
        scores, yes = products(self.values, weights), self.labels == 1
        return float(area(scores[self.held & yes], scores[self.held & ~yes]))


def nhefs(epsilon: int) -> Study:
    """Return NHEFS: 1,613 smokers without a missing value.

    Raises:
        InputInvalidError: no checkout with `examples/data`, or pyarrow is not installed.

    """
    table = _read(NHEFS)
    columns = [np.ones(len(table["age"]))]
    for name, (low, high) in _COLUMNS.items():
        columns.append(2 * (_numbers(table[name]) - low) / (high - low) - 1)
    values, labels = np.stack(columns, axis=1), _numbers(table["death"])
    whole = np.isfinite(values).all(axis=1)
    return _study("nhefs", values[whole], labels[whole], epsilon, iterations=20)


def rand(epsilon: int) -> Study:
    """Return RAND health, a person's first year; errors as `nhefs`."""
    table = training.rand()
    _, first = np.unique(table.people, return_index=True)
    design = training.design_of(table.task("1"), table.rows)[first]
    names = ["", *(feature.name for feature in table.features)]
    own = [names.index(name) for name in _OWN]
    order = [place for place in range(len(names)) if place not in own] + own
    values, labels = design[:, order], table.labels[first]
    return _study("rand", values, labels, epsilon, iterations=40, own=len(own))


def _study(
    name: str, values: Reals, labels: Reals, epsilon: int, *, iterations: int, own: int = 0
) -> Study:
    held = np.zeros(len(values), bool)
    held[np.random.default_rng(0).permutation(len(values))[: len(values) // 5]] = True
    count = int((~held).sum())
    rho = dp.rho_within(epsilon, Fraction(1 / count**1.1)) / iterations
    task = Task(
        family="logistic",
        columns=values.shape[1] - own,
        norm=Fraction(3),
        vertical=own > 0,
        own_columns=own,
        own_norm=Fraction(2 if own else 0),
        least_rows=1000,
        most_rows=count,
        iterations=iterations,
        rho=Fraction(int(rho * _RHO_PARTS), _RHO_PARTS),
    )
    theirs, mine = np.split(values, [task.columns], axis=1)
    parts = [kept(theirs, task.columns, task.norm)]
    if own:
        parts.append(kept(mine, own, task.own_norm))
    return Study(name, task, epsilon, np.concatenate(parts, axis=1), labels, held)


def _read(path: Path) -> dict[str, list[Any]]:
    if not path.exists():
        raise InputInvalidError("this bench needs a checkout with examples/data")
    try:
        from pyarrow import parquet  # noqa: PLC0415 - needs the extra `node`
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs pyarrow", clause="bench.train_he", remedy="install unseen[node]"
        ) from None
    found: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return found


def _numbers(items: list[Any]) -> Reals:
    return np.array([np.nan if item is None else float(item) for item in items])
