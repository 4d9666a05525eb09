"""A declared form of a release: rows of cells, as many bits as they can say. Own format.

`typed` has the forms and reads values of them; `modelled` has those of models.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import Cell, CellValue, Number, Use
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.fields import Checker

Row: TypeAlias = tuple[CellValue, ...]

MAX_CELLS = 1 << 16
MAX_COLUMNS = 256

CHECK = Checker(ReleaseInvalidError, "release")


class Shape(ABC):
    """A declared form: rows of cells, of which each row has its own."""

    __slots__ = ()

    @abstractmethod
    def cells_at(self, row: int) -> tuple[Cell, ...]:
        """Return the cells of the row that is `row`-th, from 0."""

    @property
    @abstractmethod
    def most(self) -> int:
        """Return how many rows there are, or may be at most."""

    @abstractmethod
    def to_json(self) -> dict[str, Json]:
        """Return the declaration as an object."""

    @property
    def fewest(self) -> int:
        """Return how many rows there are at least; as many as `most` unless it is a table."""
        return self.most

    @property
    def bits(self) -> int:
        """Return how many bits a value says at most; the number of rows is part of it."""
        return self.count_bits + sum(
            cell.bits for row in range(self.most) for cell in self.cells_at(row)
        )

    @property
    def count_bits(self) -> int:
        """Return how many bits say the number of rows."""
        return (self.most - self.fewest).bit_length()

    @property
    def keys(self) -> tuple[int, ...]:
        """Return the places of the cells that rows are ordered by."""
        return ()

    def rows_of(self, value: Json) -> tuple[Row, ...]:
        """Return `value` as rows; refuse what is no list of lists."""
        return tuple(tuple(CHECK.unlist("row", row)) for row in CHECK.unlist("value", value))

    def json_of(self, rows: Sequence[Row]) -> Json:
        """Return the value that `rows_of` gives `rows` for."""
        return [list(row) for row in rows]

    def check(self, rows: Sequence[Row]) -> None:  # noqa: B027 - most forms ask nothing more
        """Refuse rows whose cells are fine one by one, and that are no value together."""


class Uniform(Shape):
    """A form of which every row has the same cells."""

    __slots__ = ()

    @property
    @abstractmethod
    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of a row."""

    def cells_at(self, row: int) -> tuple[Cell, ...]:  # noqa: ARG002 - of every row
        """Return the cells of a row."""
        return self.cells

    @property
    def bits(self) -> int:
        """Return how many bits a value says at most; the number of rows is part of it."""
        return self.count_bits + self.most * sum(cell.bits for cell in self.cells)


class Listed(Uniform):
    """A form of one cell a row, written as a list of cells."""

    __slots__ = ()

    def rows_of(self, value: Json) -> tuple[Row, ...]:
        """Return `value` as rows; refuse what is no list."""
        return tuple((cell,) for cell in CHECK.unlist("value", value))

    def json_of(self, rows: Sequence[Row]) -> Json:
        """Return the list of cells."""
        return [cell for (cell,) in rows]


def check_cell(cell: object) -> None:
    """Refuse what is no cell."""
    if not isinstance(cell, Cell):
        CHECK.fail("shape.cell", "is not a cell")


def check_names(at: str, names: tuple[str, ...], most: int) -> None:
    """Refuse what is not 1 to `most` distinct texts of at most 64 bytes."""
    CHECK.members(at, names, str, most, 1)
    for name in names:
        CHECK.text(at, name, 64)
    CHECK.distinct(at, names)


def check_use(at: str, cell: object, use: Use) -> None:
    """Refuse what is not a number for `use`."""
    if type(cell) is not Number or cell.use != use:
        CHECK.fail(at, f"is not a number for a {use}")
