"""All rows in one place: what nobody in the story could do, computed here for comparison alone.

Reads every party's file as the nodes read their own (clamps, groups, who is held out), adds no
noise, and asks nobody's permission. The buyer of the story never sees any of this.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from unseen.bench.training import Judged, design_of, judge, likeliest
from unseen.evidence.contracts.statistics import Dimension
from unseen.evidence.contracts.statistics.definition import Condition, Definition
from unseen.protocols.train import Model, Spec
from unseen.protocols.train.rows import score
from unseen.protocols.train.sides import held_out

Reals = NDArray[np.float64]


class Pooled:
    """The rows of some parties, as the entries of one menu. `subject` says what names a row."""

    def __init__(
        self, files: Iterable[Path], definition: Definition, subject: tuple[str, ...]
    ) -> None:
        """Take the files."""
        self._files = [str(file) for file in files]
        self._definition = definition
        self._person = definition.person or subject

    def means(self, of: str, by: str) -> dict[str, float]:
        """Return the true mean of a measure by the groups of a dimension, values clamped."""
        measure, dimension = self._definition.menu.measure(of), self._dimension(by)
        if measure is None:
            raise SystemExit(f"{of} is no measure of the menu")
        found: dict[str, list[float]] = {label: [] for label in dimension.bins}
        scale = 10.0**measure.decimals
        for value, code in self._rows([of, by]):
            label = _code(dimension, code)
            if value is not None and label >= 0:
                clamped = min(max(round(value * scale), measure.low), measure.high)
                found[dimension.bins[label]].append(clamped / scale)
        return {label: float(np.mean(values)) for label, values in found.items()}

    def table(self, spec: Spec) -> tuple[Reals, Reals, NDArray[np.bool_]]:
        """Return features and labels of all rows that lack nothing, and which are held out."""
        names = [each.name for each in (*spec.features, spec.label)]
        side = lru_cache(maxsize=None)(lambda person: held_out(spec, person))
        kept, held = [], []
        dimensions = [self._definition.menu.dimension(name) for name in names]
        for *values, person in self._rows(names, person=True):
            row = [
                float("nan") if value is None else _code(of, value) if of else float(value)
                for of, value in zip(dimensions, values, strict=True)
            ]
            there = all(
                value >= 0 if of else np.isfinite(value)
                for of, value in zip(dimensions, row, strict=True)
            )
            if there:
                kept.append(row)
                held.append(side(tuple(person)))
        table = np.array(kept, np.float64)
        return table[:, :-1], table[:, -1], np.array(held)

    def _rows(self, names: Sequence[str], *, person: bool = False) -> list[tuple[Any, ...]]:
        taken = [self._expression(name) for name in names]
        if person:
            texts = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in self._person)
            taken.append(f"[{texts}]")
        with duckdb.connect() as connection:
            sql = f"SELECT {', '.join(taken)} FROM read_parquet(?)"  # noqa: S608 - of our own menu
            return connection.execute(sql, [self._files]).fetchall()

    def _expression(self, name: str) -> str:
        behind = self._definition.behind(name)
        if isinstance(behind, Condition):
            return f"({behind.expression})"
        return f'"{behind.column}"'

    def _dimension(self, name: str) -> Dimension:
        found = self._definition.menu.dimension(name)
        if found is None:
            raise SystemExit(f"{name} is no dimension of the menu")
        return found


class Comparison:
    """Models on the rows that were held out, beside the same regression on pooled rows."""

    def __init__(self, pooled: Pooled, spec: Spec) -> None:
        """Fit the pooled one: greatest likelihood, without noise."""
        self._features, labels, held = pooled.table(spec)
        self._labels, self._held = labels[held], held
        design = design_of(spec, self._features)
        weights = likeliest(design[~held], labels[~held])
        self.rows = int(held.sum())
        self.pooled = judge(score(design[held], weights), self._labels)

    @property
    def features(self) -> Reals:
        """The features of the rows that were held out."""
        return self._features[self._held]

    def of(self, model: Model) -> Judged:
        """Return how good a model is on the same rows."""
        return judge(model.score(self.features), self._labels)


def _code(dimension: Dimension, value: object) -> int:
    """Return which group of a dimension a value is in, -1 for none."""
    if dimension.values:
        return dimension.values.index(str(value)) if str(value) in dimension.values else -1
    place = bisect_right(dimension.edges, float(str(value))) - 1
    return place if place < len(dimension.edges) - 1 else -1
