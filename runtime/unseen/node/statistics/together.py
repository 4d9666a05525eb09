"""The exact table over several nodes: this node's part, and what a lead shows of all. SDAP 2019.

As `exact.py` for one node: small groups, complements, zeros and totals that give others away are
judged on the sums; that few make up too much of a sum each node judges of its own rows, which is
enough (`summed.py` of the evidence). What has to remain of a hidden sum is the p-ratio of what one
person can have added by the menu, which is public: so what is hidden depends on no largest part.

A person in the tables of two nodes counts as two. Somebody with more rows in a cell than the menu
lets one person have hides the cell, and may be left with less of an interval than the p-ratio.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.statistics.summed import (
    AmountSum,
    CellSum,
    TableSum,
    edge_of,
    measures_of,
    partition_of,
)
from unseen.evidence.contracts.typed import Table
from unseen.node.release.facts import AggregateFacts, CellFacts
from unseen.node.release.rules import Limits
from unseen.node.statistics.exact import (
    Column,
    at_least,
    numbers_of,
    rounded,
    ruled,
    share_of,
)
from unseen.node.statistics.found import Behind, Exact


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of the table; `most` is what one person can have added to it, by the menu."""

    persons: int
    value: int
    size: int
    most: int
    ruled: bool


def part_of(menu: Menu, found: Exact) -> TableSum:
    """Return what this node adds up for the lead, of what it has counted."""
    return TableSum(found.population, tuple(_cell(menu, cell) for cell in found.cells))


def columns_of_sum(shape: Table, menu: Menu, table: TableSum, limits: Limits) -> list[Column]:
    """Return what of the sum has to be hidden at first, column by column."""
    columns = []
    cells = [[*_numbers(menu, cell, limits)] for cell in table.cells]
    complement = has_complement(menu)
    for place, number in enumerate(numbers_of(shape)):
        asked, sure = [], []
        for cell in cells:
            persons, each = cell[0].persons, cell[place]
            near = complement and table.population - persons < limits.group
            few = each.persons < limits.group or each.size == 0
            too_large = not number.low <= rounded(number, each.value, limits) <= number.high
            width = share_of(each.most, limits.p_ratio) if place else limits.group
            hidden = near or few or each.ruled or too_large
            asked.append(width if hidden else 0)
            sure.append(0 if hidden else at_least(number, each.size, limits))
        columns.append(Column(tuple(sure), tuple(asked)))
    return columns


def as_counted(menu: Menu, table: TableSum) -> Exact:
    """Return the sum as one node would have counted it, but for who is the largest in a cell."""
    return Exact(
        table.population,
        tuple(
            tuple(
                Behind(each.persons, each.value, each.size, 0, 0)
                for each in _numbers(menu, cell, Limits())
            )
            for cell in table.cells
        ),
    )


def facts_of_sum(menu: Menu, table: TableSum, limits: Limits) -> AggregateFacts:
    """Return what the gate's rules have to know, cell by cell."""
    return AggregateFacts(
        cells=tuple(
            CellFacts(contributors=each.persons, total=each.size, dominated=each.ruled)
            for cell in table.cells
            for each in _numbers(menu, cell, limits)
        ),
        measured=True,
        population=table.population if has_complement(menu) else None,
    )


def has_complement(menu: Menu) -> bool:
    """Return whether there may be people outside of a cell."""
    exact = partition_of(menu)
    return bool(exact.by or exact.where)


def _cell(menu: Menu, cell: tuple[Behind, ...]) -> CellSum:
    counted, *sums = cell
    crowded = counted.largest > menu.rows_per_person
    return CellSum(
        rows=0 if crowded else counted.value,
        persons=counted.persons,
        crowded=int(crowded),
        amounts=tuple(
            AmountSum(0, 0, 0, 1)
            if ruled(behind, Limits())
            else AmountSum(behind.value, behind.total, behind.persons, 0)
            for behind in sums
        ),
    )


def _numbers(menu: Menu, cell: CellSum, limits: Limits) -> Iterator[_Number]:
    most = menu.rows_per_person
    # Nobody has more rows than that, or a node says so: whoever they are, two have no more.
    worst = Behind(cell.persons, cell.rows, cell.rows, min(most, cell.rows), min(most, cell.rows))
    crowded = cell.crowded > 0 or ruled(worst, limits)
    yield _Number(cell.persons, cell.rows, cell.rows, most, crowded)
    for measure, each in zip(measures_of(menu), cell.amounts, strict=True):
        edge = most * edge_of(measure)
        yield _Number(each.persons, each.value, each.size, edge, each.ruled > 0)
