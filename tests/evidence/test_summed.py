"""The exact table over several nodes as a vector: written, added up and read again."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.test_jointly import MENU

from unseen.evidence.contracts.statistics import Measure, Partition
from unseen.evidence.contracts.statistics.summed import (
    AmountSum,
    CellSum,
    TableSum,
    most_summed,
    read_summed,
    sizes_of,
    summed_dimension,
    write_summed,
)
from unseen.evidence.errors import QuestionInvalidError, ReleaseInvalidError

DEBT = Measure(name="debt", text="debt", unit="yuan", decimals=2, low=-500, high=300)
LED = replace(
    MENU,
    measures=(*MENU.measures, DEBT),
    partition=Partition(by=("ward",), where=("acute",), measures=("stay", "debt")),
)
FROZEN = [9]
FROZEN += [4, 3, 0, 7, 2, 0, -5, 15, 3, 0]
FROZEN += [0, 2, 1, 0, 1, 0, 0, 0, 0, 1]
FROZEN += [4, 4, 0, 8, 4, 0, 9, 9, 1, 0]


@st.composite
def tables(draw: st.DrawFn) -> TableSum:
    few = st.integers(0, 50)
    cells = []
    for _ in range(3):
        persons = draw(few)
        stay, debt = draw(few), draw(st.integers(-50, 50))
        amounts = (
            AmountSum(stay, stay, draw(st.integers(0, persons)), draw(st.integers(0, 1))),
            AmountSum(
                debt, abs(debt) + draw(few), draw(st.integers(0, persons)), draw(st.integers(0, 1))
            ),
        )
        cells.append(CellSum(draw(few), persons, draw(st.integers(0, 1)), amounts))
    return TableSum(50 + draw(few), tuple(cells))


def added(one: TableSum, other: TableSum) -> TableSum:
    def amounts(a: AmountSum, b: AmountSum) -> AmountSum:
        return AmountSum(
            a.value + b.value, a.size + b.size, a.persons + b.persons, a.ruled + b.ruled
        )

    def cells(a: CellSum, b: CellSum) -> CellSum:
        both = tuple(amounts(x, y) for x, y in zip(a.amounts, b.amounts, strict=True))
        return CellSum(a.rows + b.rows, a.persons + b.persons, a.crowded + b.crowded, both)

    found = tuple(cells(a, b) for a, b in zip(one.cells, other.cells, strict=True))
    return TableSum(one.population + other.population, found)


@given(tables(), tables())
def test_the_sum_of_vectors_is_the_vector_of_the_sum(one: TableSum, other: TableSum) -> None:
    first, second = write_summed(LED, one), write_summed(LED, other)
    assert len(first) == summed_dimension(LED) == 1 + 3 * (3 + 3 + 4)
    assert read_summed(LED, first, 1) == one
    total = [a + b for a, b in zip(first, second, strict=True)]
    assert read_summed(LED, total, 2) == added(one, other)


def test_the_vector_is_what_it_was() -> None:
    cells = (
        CellSum(4, 3, 0, (AmountSum(7, 7, 2, 0), AmountSum(-5, 15, 3, 0))),
        CellSum(0, 2, 1, (AmountSum(0, 0, 1, 0), AmountSum(0, 0, 0, 1))),
        CellSum(4, 4, 0, (AmountSum(8, 8, 4, 0), AmountSum(9, 9, 1, 0))),
    )
    assert write_summed(LED, TableSum(9, cells)) == FROZEN


GARBAGE = [
    (0, -1),
    (0, 3),  # fewer people in the table than in a cell
    (1, -1),
    (2, -1),
    (2, 10),
    (3, -1),
    (3, 4),  # more nodes than there are
    (4, -7),
    (5, 9),
    (6, -1),
    (6, 4),
    (8, 4),  # less without signs than with them
]


@pytest.mark.parametrize(("at", "number"), GARBAGE)
def test_what_no_tables_add_up_to_is_refused(at: int, number: int) -> None:
    assert read_summed(LED, FROZEN, 3).population == 9
    wrong = [*FROZEN]
    wrong[at] = number
    with pytest.raises(ReleaseInvalidError, match="garbage") as caught:
        read_summed(LED, wrong, 3)
    assert caught.value.clause == "joint.sum"


@pytest.mark.parametrize("size", [0, len(FROZEN) - 1, len(FROZEN) + 1])
def test_a_vector_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ReleaseInvalidError):
        read_summed(LED, [0] * size, 3)


def test_without_an_exact_table_there_is_no_vector() -> None:
    for work in (summed_dimension, sizes_of):
        with pytest.raises(QuestionInvalidError):
            work(replace(LED, partition=None))


@pytest.mark.parametrize(
    ("partition", "sizes", "dimension", "most"),
    [
        ({"by": ("ward",), "measures": ("stay", "debt")}, (3,), 31, 500),
        ({"by": ("ward", "age"), "measures": ("stay",)}, (3, 2), 1 + 6 * 6, 60),
        ({"by": ("age",)}, (2,), 1 + 2 * 3, 1),
        ({"by": (), "measures": ("debt",)}, (), 1 + 7, 500),
    ],
)
def test_sizes_follow_from_the_menu(
    partition: dict[str, Any], sizes: tuple[int, ...], dimension: int, most: int
) -> None:
    menu = replace(LED, partition=Partition(**{"by": (), "where": (), "measures": ()} | partition))
    assert sizes_of(menu) == sizes
    assert summed_dimension(menu) == dimension
    assert most_summed(menu, 7) == 7 * most
