"""Hidden cells against whoever knows all line sums, by trying every table there is."""

from collections.abc import Iterator
from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.node.statistics.hiding import Grid, hide

SIZES = [(1,), (2,), (4,), (2, 2), (2, 3), (3, 3), (1, 3), (2, 2, 2), (2, 1, 3)]


def lines_of(sizes: tuple[int, ...]) -> list[list[int]]:
    """Return every line of two cells or more, found by looking at all pairs of places."""
    places = list(product(*map(range, sizes)))
    found = []
    for axis, size in enumerate(sizes):
        groups: dict[tuple[int, ...], list[int]] = {}
        for cell, place in enumerate(places):
            groups.setdefault(place[:axis] + place[axis + 1 :], []).append(cell)
        found += list(groups.values()) if size > 1 else []
    return found


def tables(values: list[int], hidden: list[bool], lines: list[list[int]]) -> Iterator[list[int]]:
    """Yield every table of zeros and more with the same shown cells and line sums."""
    unknown = [cell for cell, hides in enumerate(hidden) if hides]
    through = {cell: [n for n, line in enumerate(lines) if cell in line] for cell in unknown}
    last = {n: max((c for c in line if hidden[c]), default=-1) for n, line in enumerate(lines)}

    def fill(at: int, table: list[int], left: list[int]) -> Iterator[list[int]]:
        if at == len(unknown):
            yield list(table)
            return
        cell = unknown[at]
        most = min(left[n] for n in through[cell])
        closing = [left[n] for n in through[cell] if last[n] == cell]
        for value in [closing[0]] if closing else range(most + 1):
            if value > most or any(rest != value for rest in closing):
                continue
            table[cell] = value
            for n in through[cell]:
                left[n] -= value
            yield from fill(at + 1, table, left)
            for n in through[cell]:
                left[n] += value

    sums = [sum(values[cell] for cell in line if hidden[cell]) for line in lines]
    yield from fill(0, list(values), sums)


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, ...], list[int], int]:
    sizes = draw(st.sampled_from(SIZES))
    small = st.integers(0, 4)
    values = draw(
        st.lists(st.one_of(small, st.integers(5, 9)), min_size=prod(sizes), max_size=prod(sizes))
    )
    return sizes, values, draw(st.integers(1, 4))


@settings(max_examples=300, deadline=None)
@given(grids())
def test_nobody_who_knows_all_sums_comes_closer_than_stated(
    case: tuple[tuple[int, ...], list[int], int],
) -> None:
    sizes, values, group = case
    lines = lines_of(sizes)
    asked = [group if value < group else 0 for value in values]
    hidden = hide(sizes, values, asked)
    assert all(hides for hides, wanted in zip(hidden, asked, strict=True) if wanted)
    for line in lines:
        assert sum(hidden[cell] for cell in line) != 1
    if not any(hidden) or all(hidden):
        return
    possible = list(tables(values, hidden, lines))
    assert values in possible
    for cell, wanted in enumerate(asked):
        thin = any(
            sum(values[at] for at in line) < max(wanted, 1) for line in lines if cell in line
        )
        if hidden[cell] and not thin:
            found = {table[cell] for table in possible}
            assert max(found) - min(found) >= max(wanted, 1)


@settings(max_examples=200, deadline=None)
@given(grids())
def test_a_proven_width_is_no_wider_than_the_true_one(
    case: tuple[tuple[int, ...], list[int], int],
) -> None:
    sizes, values, group = case
    lines = lines_of(sizes)
    asked = [group if value < group else 0 for value in values]
    if not lines or not any(asked):
        return
    grid = Grid(sizes, values, list(asked))
    possible = list(tables(values, [bool(width) for width in asked], lines))
    for cell, wanted in enumerate(asked):
        if wanted:
            found = {table[cell] for table in possible}
            assert grid.width(cell) <= max(found) - min(found)


def test_a_small_cell_takes_along_what_would_give_it_away() -> None:
    #   3  50  60          the first cell is small: its row and its column each lose another one,
    #  70  20  80          and the corner opposite with them
    hidden = hide((2, 3), [3, 50, 60, 70, 20, 80], [10, 0, 0, 0, 0, 0])
    assert hidden == [True, True, False, True, True, False]


def test_a_line_alone_hides_as_much_as_is_asked() -> None:
    assert hide((4,), [1, 2, 90, 40], [10, 10, 0, 0]) == [True, True, False, True]
    assert hide((4,), [1, 12, 90, 40], [10, 0, 0, 0]) == [True, True, False, False]


def test_two_blocks_joined_by_a_bridge_do_not_give_the_bridge_away() -> None:
    # Every line of this pattern has two hidden cells or more, and yet the sums fix the bridge.
    asked = [0] * 36
    for cell in (0, 1, 6, 7, 8, 20, 26, 27, 32, 33):
        asked[cell] = 1
    values = [20] * 36
    hidden = hide((6, 6), values, asked)
    grid = Grid((6, 6), values, [int(hides) for hides in hidden])
    assert all(grid.width(cell) >= 1 for cell, hides in enumerate(hidden) if hides)


def test_an_empty_group_hides_its_line_and_what_stands_alone_across() -> None:
    hidden = hide((3, 2), [0, 0, 200, 300, 100, 250], [10, 10, 0, 0, 0, 0])
    assert hidden[:2] == [True, True]
    for line in lines_of((3, 2)):
        assert sum(hidden[cell] for cell in line) != 1


@pytest.mark.parametrize(("sizes", "values"), [((), [3]), ((1, 1), [3])])
def test_a_table_of_one_cell_hides_it_or_shows_it(
    sizes: tuple[int, ...], values: list[int]
) -> None:
    assert hide(sizes, values, [10]) == [True]
    assert hide(sizes, values, [0]) == [False]
