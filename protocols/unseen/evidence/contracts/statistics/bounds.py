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
        for own, own_keys, numbers in _forms(menu, MAX_CELLS // cells)
    ]
    if menu.partition is not None:
        found.append(shape_of(menu, Question(what="partition")).bits)
    return max(found)


def _bits(rows: int, keys: int, numbers: int) -> int:
    """Return the bits of a table of at most `rows` rows, as `typed.Table` counts them."""
    return rows.bit_length() + rows * (keys + numbers)


def _forms(menu: Menu, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield for each sort of answer: rows of a group, bits of their key, bits of their numbers.

    A group can have `most` rows. Of quantiles, as many as can be asked for are the most bits.
    """
    yield 1, 0, COUNT.bits
    for measure in menu.measures:
        for numbers in _numbers(measure):
            yield 1, 0, sum(cell.bits for cell in numbers)
        if measure.edges and len(measure.bins) <= most:
            bins, asked = len(measure.bins), min(MAX_QUANTILES, most)
            yield bins, (bins - 1).bit_length(), COUNT.bits
            yield asked, (asked - 1).bit_length(), quantile_cell(measure).bits


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
