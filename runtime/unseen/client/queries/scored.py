"""What rows were scored with: numbers that nobody else sees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from unseen.client.cards import Card, Row, Said
from unseen.client.queries.intersected import Cost
from unseen.client.rows import CellType, Rows, free_name
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROW, SCORE, PREDICTED = "row", "score", "predicted"
_COLUMNS: tuple[tuple[str, CellType], ...] = (
    (ROW, "integer"),
    (SCORE, "number"),
    (PREDICTED, "number"),
)


@dataclass(frozen=True, slots=True, repr=False)
class Scored(Card):
    """Scores of rows, in the order in which they were given.

    `scores` are the model's own numbers (log-odds of a `logistic` model, the logarithm of a count
    of a `poisson` one), each within `precision`, a decimal text. `predicted` is what they stand
    for: a probability, a mean count, or the number itself. Both are one number a row. They hold
    what the encryption left of its noise: whoever shows them to the operator rounds them first.
    """

    contract: str
    family: str
    precision: str
    scores: "NDArray[np.float64]" = field(repr=False, compare=False)
    predicted: "NDArray[np.float64]" = field(repr=False, compare=False)
    request_id: str
    receipt_path: Path = field(compare=False)
    cost: Cost

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.scores)

    def rows(self, beside: Mapping[str, Sequence[str]] | None = None) -> Rows:
        """Return number, score and prediction of each row, to be written or handed on.

        Rows are counted from 0. `beside` are columns of texts to stand before them.

        Raises:
            InputInvalidError: a column of `beside` has not a text for each row.

        """
        first = beside or {}
        if any(len(column) != len(self) for column in first.values()):
            raise InputInvalidError("a column has not a text for each row", clause="columns")
        own = tuple((free_name(name, first), kind) for name, kind in _COLUMNS)
        texts: tuple[tuple[str, CellType], ...] = tuple((name, "string") for name in first)
        found = zip(
            *first.values(),
            range(len(self)),
            self.scores.tolist(),
            self.predicted.tolist(),
            strict=True,
        )
        return Rows((*texts, *own), found)

    def _title(self) -> str:
        return f"Scores of rows: {len(self):,}"

    def _rows(self) -> Iterator[Row]:
        yield "predicted", _spread(self.predicted)
        yield "scores", _spread(self.scores)
        yield "precision", Said("scores within {} of the model's own", self.precision)
        yield from self.cost.rows()
        yield "receipt", self.receipt_path


def _spread(values: "NDArray[np.float64]") -> Said:
    return Said("{} to {}, on average {}", *(f"{one:.4g}" for one in _three(values)))


def _three(values: "NDArray[np.float64]") -> tuple[float, float, float]:
    return float(values.min()), float(values.max()), float(values.mean())
