"""The exact table over several nodes: what each adds up, for the lead alone. Own format.

    population | for each cell: rows, persons, crowded | for each measure: sum, size, persons, ruled

These are whole numbers, end to end: a vector of a round with a lead. `size` is the sum without
signs; a measure that is never below zero has none, as it is the sum. `crowded` counts the nodes of
which somebody has more rows in the cell than the menu lets one person have, `ruled` those at which
two persons make up too much of the sum, or the second could work out the first; such a node adds
nothing else in its place, and the lead shows nothing there.

That is enough. With T, l, s a node's total and its two largest, any two persons p and q have
p + q <= sum(l + s) <= 0.9 sum(T) over all nodes, and sum(T) - p - q >= sum(T - l - s) >=
sum(0.1 l) >= 0.1 p, be p and q at one node or at several: what holds at each node, holds of them
all. (Of a measure of both signs only if nobody's values at two nodes cancel.)

It does not find out that a person is in the tables of two nodes, and counts two; nor a node whose
numbers are made up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unseen.evidence.contracts.statistics.entries import Measure, Partition
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.errors import QuestionInvalidError, ReleaseInvalidError


@dataclass(frozen=True, slots=True)
class AmountSum:
    """One measure in one cell: its sum, the same without signs, how many persons it is of."""

    value: int
    size: int
    persons: int
    ruled: int


@dataclass(frozen=True, slots=True)
class CellSum:
    """One cell: its rows and persons, and each measure's."""

    rows: int
    persons: int
    crowded: int
    amounts: tuple[AmountSum, ...]


@dataclass(frozen=True, slots=True)
class TableSum:
    """A whole table, of one node or added up: persons in and outside of it, and its cells."""

    population: int
    cells: tuple[CellSum, ...]


def partition_of(menu: Menu) -> Partition:
    """Return the menu's one exact table.

    Raises:
        QuestionInvalidError: it has none.

    """
    if menu.partition is None:
        raise QuestionInvalidError("question: the menu fixes no exact table", clause="what")
    return menu.partition


def measures_of(menu: Menu) -> tuple[Measure, ...]:
    """Return the measures of the exact table, in the menu's order. Raises as `partition_of`."""
    wanted = partition_of(menu).measures
    return tuple(measure for measure in menu.measures if measure.name in wanted)


def sizes_of(menu: Menu) -> tuple[int, ...]:
    """Return how many bins the exact table has along each dimension. Raises as `partition_of`."""
    by = partition_of(menu).by
    return tuple(len(entry.bins) for entry in menu.dimensions if entry.name in by)


def summed_dimension(menu: Menu) -> int:
    """Return how many coordinates the vector has. Raises as `partition_of`."""
    of_cell = 3 + sum(4 if _signed(measure) else 3 for measure in measures_of(menu))
    return 1 + menu.cells(partition_of(menu).by) * of_cell


def most_summed(menu: Menu, rows: int) -> int:
    """Return the largest coordinate that a table of so many rows can add. As `partition_of`."""
    return rows * max([1, *(edge_of(measure) for measure in measures_of(menu))])


def edge_of(measure: Measure) -> int:
    """Return how far a value of the measure can be from zero."""
    return max(abs(measure.low), abs(measure.high))


def write_summed(menu: Menu, table: TableSum) -> list[int]:
    """Return a table as a vector."""
    return [table.population, *(each for cell in table.cells for each in _numbers(menu, cell))]


def read_summed(menu: Menu, vector: Sequence[int], nodes: int) -> TableSum:
    """Return the table that a vector of so many nodes holds.

    Raises:
        ReleaseInvalidError: it holds what no tables add up to: a node has sent garbage.
        QuestionInvalidError: the menu fixes no exact table.

    """
    if len(vector) != summed_dimension(menu):
        raise ReleaseInvalidError("sum: has another number of coordinates", clause="joint.sum")
    population, *rest = map(int, vector)
    numbers, measures = iter(rest), measures_of(menu)
    cells = []
    for _ in range(menu.cells(partition_of(menu).by)):
        rows, persons, crowded = next(numbers), next(numbers), next(numbers)
        amounts = tuple(_amount(measure, numbers) for measure in measures)
        cells.append(CellSum(rows, persons, crowded, amounts))
    table = TableSum(population, tuple(cells))
    if not _adds_up(table, nodes):
        raise ReleaseInvalidError(
            "sum: is of no tables; one of the nodes has sent garbage", clause="joint.sum"
        )
    return table


def _adds_up(table: TableSum, nodes: int) -> bool:
    return table.population >= 0 and all(
        0 <= cell.persons <= table.population
        and cell.rows >= 0
        and 0 <= cell.crowded <= nodes
        and all(
            0 <= each.ruled <= nodes
            and 0 <= each.persons <= cell.persons
            and abs(each.value) <= each.size
            for each in cell.amounts
        )
        for cell in table.cells
    )


def _numbers(menu: Menu, cell: CellSum) -> Iterator[int]:
    yield from (cell.rows, cell.persons, cell.crowded)
    for measure, each in zip(measures_of(menu), cell.amounts, strict=True):
        yield each.value
        if _signed(measure):
            yield each.size
        yield from (each.persons, each.ruled)


def _amount(measure: Measure, numbers: Iterator[int]) -> AmountSum:
    value = next(numbers)
    size = next(numbers) if _signed(measure) else value
    return AmountSum(value, size, next(numbers), next(numbers))


def _signed(measure: Measure) -> bool:
    return measure.low < 0
