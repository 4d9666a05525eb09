"""The one exact table: what has to be hidden, and the rounding of the rest. SDAP 2019; `rules.py`.

A cell is hidden if fewer than k persons are in it, none included, or fewer than k of the table are
not; if two persons make up too much of it, or the second of them could work out the first; if all
that is added up is zero. Then more is hidden until line sums do not give it away (`hiding.py`).
Counts are rounded to the nearest multiple, sums to significant digits, halves away from zero.

Which cells are hidden is an answer, too: whoever knows the algorithm can try what a hidden cell
must have held for just these to be hidden (Wong et al., "Minimality attack in privacy preserving
data publishing", VLDB 2007). So what is hidden follows from rounded numbers, and from which cells
say too much: not from the numbers in these. Of a sum, how wide an interval remains still follows
from its largest part.

Hiding is the same for everybody and every time, since the contract fixes the table and the node
answers it over one snapshot alone. Two tables over two snapshots, or two partitions, would undo it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import Choice, Number
from unseen.evidence.contracts.typed import Table
from unseen.node.release.facts import AggregateFacts, CellFacts
from unseen.node.release.rules import Limits
from unseen.node.statistics.found import Behind, Exact
from unseen.node.statistics.hiding import hide

_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column of numbers: what may be moved in a cell, and how wide an interval has to remain.

    `values` are no larger than the true ones, and 0 where the cell says too much.
    """

    values: tuple[int, ...]
    asked: tuple[int, ...]


def columns_of(shape: Table, found: Exact, limits: Limits, *, complement: bool) -> list[Column]:
    """Return what has to be hidden at first, column by column; `complement` where others exist.

    An interval of k has to remain for a count, of the p-ratio of the largest part for a sum.
    """
    columns = []
    for place, cell in enumerate(numbers_of(shape)):
        behind = [each[place] for each in found.cells]
        asked = []
        for counts, each in zip((cells[0] for cells in found.cells), behind, strict=True):
            near = complement and found.population - counts.persons < limits.group
            width = limits.group if place == 0 else share_of(each.largest, limits.p_ratio)
            asked.append(width if near or _open(cell, each, limits) else 0)
        sure = (
            0 if wanted else at_least(cell, each.total, limits)
            for each, wanted in zip(behind, asked, strict=True)
        )
        columns.append(Column(tuple(sure), tuple(asked)))
    return columns


def hidden_of(sizes: tuple[int, ...], columns: Sequence[Column]) -> list[list[bool]]:
    """Return which cells of each column are hidden; of the first, the count, in all the others."""
    first = hide(sizes, columns[0].values, columns[0].asked)
    return [first] + [
        hide(
            sizes,
            column.values,
            [max(asked, int(gone)) for asked, gone in zip(column.asked, first, strict=True)],
        )
        for column in columns[1:]
    ]


def encode_columns(sizes: tuple[int, ...], columns: Sequence[Column]) -> Json:
    """Return the JSON that a worker is asked with, numbers as decimal texts."""
    pairs: list[Json] = [
        [list(map(str, column.values)), list(map(str, column.asked))] for column in columns
    ]
    return [list(sizes), pairs]


def hide_encoded(value: Any) -> Json:
    """Return the JSON of `hidden_of`, for what `encode_columns` wrote."""
    sizes, pairs = value
    columns = [Column(tuple(map(int, values)), tuple(map(int, asked))) for values, asked in pairs]
    return [[*column] for column in hidden_of(tuple(sizes), columns)]


def decode_hidden(value: Any) -> list[list[bool]]:
    """Return what `hide_encoded` wrote."""
    return [[bool(cell) for cell in column] for column in value]


def answer(
    shape: Table, found: Exact, hidden: Sequence[Sequence[bool]], limits: Limits
) -> list[Json]:
    """Return the rows of the answer."""
    keys = product(*(cell.of for _, cell in shape.columns if isinstance(cell, Choice)))
    rows: list[Json] = []
    for at, (key, behind) in enumerate(zip(keys, found.cells, strict=True)):
        numbers: list[Json] = [
            None if column[at] else rounded(cell, each.value, limits)
            for cell, each, column in zip(numbers_of(shape), behind, hidden, strict=True)
        ]
        rows.append([*key, *numbers])
    return rows


def facts_of(found: Exact, *, complement: bool) -> AggregateFacts:
    """Return what the gate's rules have to know, cell by cell."""
    return AggregateFacts(
        cells=tuple(
            CellFacts(
                contributors=each.persons,
                total=each.total,
                largest=each.largest,
                second=each.second,
            )
            for behind in found.cells
            for each in behind
        ),
        measured=True,
        population=found.population if complement else None,
    )


def rounded(cell: Number, value: int, limits: Limits) -> int:
    """Return a number as it is shown: a count to a multiple, all to significant digits."""
    excess = len(str(abs(value))) - limits.digits
    if excess > 0:
        value = _to(value, 10**excess)
    return _to(value, limits.rounding) if cell.use == "count" else value


def at_least(cell: Number, value: int, limits: Limits) -> int:
    """Return what a cell of `value`, not below 0, holds at least by what is shown of it."""
    shown = rounded(cell, value, limits)
    slack: int = 10 ** max(len(str(shown)) - limits.digits, 0) // 2
    slack += limits.rounding // 2 if cell.use == "count" else 0
    return max(shown - slack, 0)


def _open(cell: Number, behind: Behind, limits: Limits) -> bool:
    """Return whether a number says too much of few."""
    few = behind.persons < limits.group or behind.total == 0
    too_large = not cell.low <= rounded(cell, behind.value, limits) <= cell.high
    return few or ruled(behind, limits) or too_large


def ruled(behind: Behind, limits: Limits) -> bool:
    """Return whether two make up too much of a number, or the second could work out the first."""
    most = behind.largest + behind.second
    dominated = _WHOLE * most > limits.dominance * behind.total
    guessable = _WHOLE * (behind.total - most) < limits.p_ratio * behind.largest
    return dominated or guessable


def share_of(largest: int, p_ratio: int) -> int:
    """Return how wide an interval has to remain of a sum whose largest part is `largest`."""
    return max(-(-largest * p_ratio // _WHOLE), 1)


def numbers_of(shape: Table) -> list[Number]:
    """Return the cells of a row that are numbers: the count, then the sums."""
    return [cell for _, cell in shape.columns if isinstance(cell, Number)]


def _to(value: int, unit: int) -> int:
    """Return the nearest multiple of `unit`, halves away from zero."""
    size = (2 * abs(value) + unit) // (2 * unit) * unit
    return size if value >= 0 else -size
