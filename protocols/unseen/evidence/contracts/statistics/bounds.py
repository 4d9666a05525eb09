"""How many bits the answer to one question of a menu can have at most: what a contract grants. Own.

The shape of an answer follows from the question, which only buyer and node see; the log holds a
commitment to it. So that everybody counts the same bits, each question counts as many as the
largest that the menu allows.
"""

from collections.abc import Iterator

from unseen.evidence.contracts.cells import Cell
from unseen.evidence.contracts.statistics.entries import Measure
from unseen.evidence.contracts.statistics.menu import MAX_CELLS, Menu
from unseen.evidence.contracts.statistics.question import MAX_QUANTILES, Question
from unseen.evidence.contracts.statistics.shapes import (
    COUNT,
    mean_cell,
    quantile_cell,
    shape_of,
    sum_cell,
    variance_cell,
)
from unseen.evidence.errors import QuestionInvalidError


def largest_bits(menu: Menu) -> int:
    """Return the bits of the largest answer that `menu` allows; every shape of it has no more."""
    found = [
        _bits(cells * own, keys + own_keys, numbers)
        for cells, keys in _key_bits(menu).items()
        for own, own_keys, numbers, counted in _forms(menu)
        if cells * counted <= MAX_CELLS
    ]
    if menu.partition is not None:
        found.append(shape_of(menu, Question(what="partition")).bits)
    return max(found)


def _bits(rows: int, keys: int, numbers: int) -> int:
    """Return the bits of a table of at most `rows` rows, as `typed.Table` counts them."""
    return rows.bit_length() + rows * (keys + numbers)


def _forms(menu: Menu) -> Iterator[tuple[int, int, int, int]]:
    """Yield for each sort of answer: rows of a cell, bits of their key, of the numbers, cells."""
    yield 1, 0, COUNT.bits, 1
    for measure in menu.measures:
        for numbers in _numbers(measure):
            yield 1, 0, sum(cell.bits for cell in numbers), 1
        if measure.edges:
            bins, quantile = len(measure.bins), quantile_cell(measure).bits
            yield bins, (bins - 1).bit_length(), COUNT.bits, bins
            for asked in range(1, MAX_QUANTILES + 1):
                yield asked, (asked - 1).bit_length(), quantile, max(bins, asked)


def _numbers(measure: Measure) -> Iterator[tuple[Cell, ...]]:
    yield (sum_cell(measure),)
    yield (COUNT, mean_cell(measure))
    try:
        yield (COUNT, mean_cell(measure), variance_cell(measure))
    except QuestionInvalidError:  # its clamp is too wide: nobody can ask for it
        return


def _key_bits(menu: Menu) -> dict[int, int]:
    """Return by number of cells the most bits that the keys of a row have, over all groupings."""
    found = {1: 0}
    for dimension in menu.dimensions:
        bins = len(dimension.bins)
        own = (bins - 1).bit_length()
        for cells, keys in list(found.items()):
            if cells * bins <= MAX_CELLS:
                found[cells * bins] = max(found.get(cells * bins, 0), keys + own)
    return found
