"""Chaudhuri, Monteleoni, Sarwate 2011, section 2: rows of bounded norm, a block at a time.

Whoever holds rows keeps their bounds; under encryption nobody else can look. Bounds are public and
not made from the rows.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.training.chain import SLOTS
from unseen.protocols.he.training.task import CLAUSE, Task

Reals = NDArray[np.float64]
_INSIDE = 1 - 2.0**-45  # of a norm, for what doubles round


class Rows(Protocol):
    """Rows that lie somewhere: all that is asked of them is a block at a time, in one order."""

    @property
    def count(self) -> int:
        """Return how many."""

    def block(self, start: int, stop: int) -> tuple[Reals, Reals]:
        """Return the values of rows, n x columns, and their labels; none of these if none are."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Rows in memory."""

    values: Reals = field(repr=False)
    labels: Reals = field(repr=False)

    @property
    def count(self) -> int:
        """Return how many."""
        return len(self.values)

    def block(self, start: int, stop: int) -> tuple[Reals, Reals]:
        """Return some."""
        return self.values[start:stop], self.labels[start:stop]


def blocks(count: int) -> list[tuple[int, int]]:
    """Return where each block of up to N / 2 rows begins and ends."""
    return [(start, min(start + SLOTS, count)) for start in range(0, count, SLOTS)]


def kept(values: Reals, columns: int, norm: Fraction) -> Reals:
    """Return rows drawn in to a norm.

    Raises:
        InputInvalidError: another number of columns, or a value that is no finite number: says in
            which column.

    """
    if values.ndim != len(("rows", "columns")) or values.shape[1] != columns:
        raise InputInvalidError(f"rows have {columns} columns", clause=CLAUSE)
    wrong = ~np.isfinite(values)
    if wrong.any():
        column = int(np.flatnonzero(wrong.any(axis=0))[0])
        raise InputInvalidError(f"column {column} has a value that is no finite number")
    # Largest first: the square of a value may be beyond doubles where the value is not.
    largest = np.maximum(np.abs(values).max(axis=1, initial=0.0), np.finfo(float).tiny)
    ratios = values / largest[:, np.newaxis]
    sizes = np.sqrt((ratios * ratios).sum(axis=1))
    limit = float(norm) * _INSIDE
    factors = np.minimum(largest, limit / np.maximum(sizes, 1.0))
    found: Reals = ratios * factors[:, np.newaxis]
    return found


def labels_of(values: Reals, count: int, task: Task) -> Reals:
    """Return labels within their bounds.

    Raises:
        InputInvalidError: another number of them, one that is no finite number, or one beyond 0
            and 1 where the training is logistic.

    """
    if values.shape != (count,) or not np.isfinite(values).all():
        raise InputInvalidError("a row has a label that is a finite number", clause=CLAUSE)
    if task.logistic and not np.isin(values, (0.0, 1.0)).all():
        raise InputInvalidError("labels of a logistic training are 0 and 1", clause=CLAUSE)
    limit = float(task.largest_label)
    found: Reals = np.clip(values, -limit, limit)
    return found


def check_count(count: int, task: Task) -> None:
    """Return if a gradient over so many rows may be given.

    Raises:
        InputInvalidError: they are too few, or more than errors are reckoned for.

    """
    if not task.least_rows <= count <= task.most_rows:
        raise InputInvalidError(
            f"a gradient is over {task.least_rows} to {task.most_rows} rows",
            clause="train_he.rows",
        )
