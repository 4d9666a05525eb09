"""From noisy counts to what is shown: post-processing, in whole numbers. Dwork and Roth 2014, 2.1.

Whatever is computed of noisy numbers alone costs no more privacy. Ratios are rounded to the
nearest whole number of the cell's unit, halves up, and moved into the cell's bounds. A cell whose
noisy count is below the group is null: the true count has no say in it.

A quantile is where the noisy counts, added up bin by bin, first reach the asked share of their
sum, and within that bin on a straight line. Noise makes all of this inexact, most where few are;
nothing here says by how much (`accuracy.py` of the evidence does, from signed text).
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import Choice, Number
from unseen.evidence.contracts.statistics import Measure, Menu, Question, shape_of
from unseen.evidence.contracts.typed import Table
from unseen.evidence.errors import ReleaseInvalidError

Numbers = list[int | None]


def answer(
    menu: Menu, question: Question, tables: Sequence[Sequence[int]], group: int
) -> list[Json]:
    """Return the rows of the answer, of the shape that follows from menu and question.

    `tables` are the noisy raw tables (`raws_of`), cell by cell, within a cell bin by bin.
    """
    shape = shape_of(menu, question)
    measure = menu.measure(question.of)
    found: list[Numbers]
    if question.what == "quantile" and measure is not None:
        found = _quantiles(measure, question, tables[0], group)
    elif question.what == "sum":
        found = [[total] for total in tables[0]]
    else:
        found = [_row(measure, shape, cell, group) for cell in zip(*tables, strict=True)]
    return _rows(shape, found)


def _row(measure: Measure | None, shape: Table, cell: tuple[int, ...], group: int) -> Numbers:
    """Return count, or count and mean, or count, mean and variance."""
    numbers = [cell for _, cell in shape.columns if isinstance(cell, Number)]
    count, *sums = cell
    if count < group or count < 1:
        return [None] * len(numbers)
    if measure is None or not sums:
        return [count]
    scale = 10 ** (numbers[1].decimals - measure.decimals)
    mean = Fraction(sums[0], count)
    row: Numbers = [count, _nearest((measure.middle + mean) * scale)]
    if len(sums) > 1:
        unit = 10 ** (numbers[2].decimals - 2 * measure.decimals)
        row.append(_nearest((Fraction(sums[1], count) - mean * mean) * unit))
    return row


def _quantiles(
    measure: Measure, question: Question, counts: Sequence[int], group: int
) -> list[Numbers]:
    """Return one row for each cell and each asked place, places within cells."""
    bins = len(measure.bins)
    found: list[Numbers] = []
    for start in range(0, len(counts), bins):
        cell = counts[start : start + bins]
        enough = sum(cell) >= max(group, 1)
        found += [
            [_quantile(measure, cell, Fraction(at)) if enough else None] for at in question.at
        ]
    return found


def _quantile(measure: Measure, counts: Sequence[int], share: Fraction) -> int:
    wanted, before = share * sum(counts), 0
    for (low, high), count in zip(pairwise(measure.edges), counts, strict=True):
        if before + count >= wanted and count > 0:
            part = max((wanted - before) / count, Fraction(0))
            return low + _nearest(part * (high - low))
        before += count
    return measure.edges[-1]


def _rows(shape: Table, found: Sequence[Numbers]) -> list[Json]:
    """Put the keys before the numbers, and every number within its cell's bounds."""
    keys = list(product(*(cell.of for _, cell in shape.columns if isinstance(cell, Choice))))
    cells = [cell for _, cell in shape.columns if isinstance(cell, Number)]
    if len(keys) != len(found) or any(len(row) != len(cells) for row in found):
        raise ReleaseInvalidError(
            "release: counts of another shape than the answer's", clause="value"
        )
    return [
        [*key, *(_within(cell, number) for cell, number in zip(cells, row, strict=True))]
        for key, row in zip(keys, found, strict=True)
    ]


def _within(cell: Number, number: int | None) -> int | None:
    return None if number is None else min(max(number, cell.low), cell.high)


def _nearest(ratio: Fraction) -> int:
    """Return the nearest whole number, of two the upper one."""
    return (2 * ratio.numerator + ratio.denominator) // (2 * ratio.denominator)
