"""The exact table over several nodes: what a lead shows holds the rules over all people at once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.counted import offered
from tests.node.test_exact import LIMITS, SIZES, judged

from unseen.evidence.contracts.statistics import Menu, Partition, Question, shape_of
from unseen.evidence.contracts.statistics.summed import TableSum, read_summed, write_summed
from unseen.node.release.facts import AggregateFacts, CellFacts
from unseen.node.release.rules import Limits, Outcome
from unseen.node.statistics.exact import answer, decode_hidden, encode_columns, hide_encoded
from unseen.node.statistics.found import Behind, Exact
from unseen.node.statistics.together import as_counted, columns_of_sum, facts_of_sum, part_of

EXACT = Partition(by=("ward", "urgent"), measures=("days",))
MENU = offered(2, by_visit=False, exact=EXACT).menu
SHAPE = shape_of(MENU, Question(what="partition"))
Cell = dict[str, list[int]]
"""Of each person, the values of the rows."""


def behind(parts: Sequence[int]) -> Behind:
    most = [*sorted(map(abs, parts), reverse=True), 0, 0]
    return Behind(len(parts), sum(parts), sum(map(abs, parts)), most[0], most[1])


def counted(cells: Sequence[Cell], outside: int = 0) -> Exact:
    """Return what a node counts of these people, and so many in no cell."""
    people = {person for cell in cells for person in cell}
    return Exact(
        len(people) + outside,
        tuple(
            (
                behind([len(values) for values in cell.values()]),
                behind([sum(values) for values in cell.values()]),
            )
            for cell in cells
        ),
    )


def together(nodes: Sequence[Exact], menu: Menu = MENU) -> TableSum:
    vectors = [write_summed(menu, part_of(menu, each)) for each in nodes]
    return read_summed(menu, [sum(each) for each in zip(*vectors, strict=True)], len(nodes))


def shown(table: TableSum, limits: Limits = LIMITS, menu: Menu = MENU) -> Any:
    columns = columns_of_sum(SHAPE, menu, table, limits)
    hidden = decode_hidden(hide_encoded(encode_columns(SIZES, columns)))
    return answer(SHAPE, as_counted(menu, table), hidden, limits)


@st.composite
def worlds(draw: st.DrawFn) -> list[list[Cell]]:
    """Return for each of three nodes the people in six cells; some are at several nodes."""
    nodes = []
    for node in range(3):
        cells: list[Cell] = []
        for place in range(6):
            size = draw(st.sampled_from([0, 1, 2, 9, 30, 60]))
            sort = draw(st.sampled_from(["even", "zero", "ruled", "crowded"]))
            cell = {f"{place}-{node}-{n}": [4 + n % 3] for n in range(size)}
            if draw(st.booleans()):
                cell[f"{place}-everywhere"] = [draw(st.integers(0, 30))]
            if sort == "zero":
                cell = {person: [0] for person in cell}
            for n, person in enumerate(cell):
                if sort == "ruled" and n == 0:
                    cell[person] = [30, 30]
                if sort == "crowded" and n == 0:
                    cell[person] = [1] * draw(st.integers(3, 200))
            cells.append(cell)
        nodes.append(cells)
    return nodes


def pooled(nodes: Sequence[Sequence[Cell]], outside: int) -> Exact:
    """Return what one node would count that had all rows, each person once."""
    cells: list[Cell] = []
    for place in range(6):
        all_rows: Cell = {}
        for node in nodes:
            for person, values in node[place].items():
                all_rows[person] = [*all_rows.get(person, ()), *values]
        cells.append(all_rows)
    return counted(cells, outside)


def facts_of(found: Exact) -> AggregateFacts:
    return AggregateFacts(
        cells=tuple(
            CellFacts(contributors=b.persons, total=b.total, largest=b.largest, second=b.second)
            for cell in found.cells
            for b in cell
        ),
        measured=True,
        population=found.population,
    )


@settings(deadline=None, max_examples=150)
@given(worlds(), st.integers(0, 40))
def test_what_is_shown_would_be_shown_by_whoever_had_all_rows(
    nodes: list[list[Cell]], outside: int
) -> None:
    table = together([counted(cells, outside) for cells in nodes])
    rows = shown(table)
    assert judged(rows, facts_of_sum(MENU, table, LIMITS)).outcome is Outcome.PASS
    truth = pooled(nodes, 3 * outside)
    for cell, row in zip(truth.cells, rows, strict=True):
        for value, each in zip(row[2:], cell, strict=True):
            if value is not None:
                assert abs(value - each.value) <= max(5, each.value // 100)
    # Of people at several nodes each counts as one there: groups may be that much smaller.
    twice = any(
        one.persons > counted.persons
        for one, (counted, _) in zip(table.cells, truth.cells, strict=True)
    )
    fired = judged(rows, facts_of(truth)).rules
    assert {*fired} <= ({"cells.group", "cells.complement"} if twice else set())


def test_three_even_parts_make_one_even_table() -> None:
    cells = [[{f"{n}-{p}-{i}": [5, 7] for i in range(20)} for p in range(6)] for n in range(3)]
    table = together([counted(each) for each in cells])
    assert [row[2:] for row in shown(table)] == [[120, 720]] * 6


PLAIN: Cell = {str(person): [5] for person in range(40)}


@pytest.mark.parametrize("node", range(3))
def test_a_sum_that_one_node_finds_ruled_is_hidden_and_none_of_that_node_is_in_it(
    node: int,
) -> None:
    nodes = [[dict(PLAIN) for _ in range(6)] for _ in range(3)]
    nodes[node][0] = {"rich": [30], "poor": [1], "third": [1]}
    parts = [part_of(MENU, counted(cells, 500)) for cells in nodes]
    assert parts[node].cells[0].amounts[0].ruled == 1
    assert parts[node].cells[0].amounts[0].value == 0
    table = together([counted(cells, 500) for cells in nodes])
    assert table.cells[0].amounts[0].value == 2 * 200
    rows = shown(table)
    assert rows[0][2] is not None
    assert rows[0][3] is None
    open_rows = answer(SHAPE, as_counted(MENU, table), [[False] * 6] * 2, LIMITS)
    assert "cells.dominance" in judged(open_rows, facts_of_sum(MENU, table, LIMITS)).rules


def test_more_rows_of_one_person_than_the_menu_allows_hide_the_cell() -> None:
    nodes = [[dict(PLAIN) for _ in range(6)] for _ in range(3)]
    nodes[1][0] = PLAIN | {"0": [5, 5, 5]}
    part = part_of(MENU, counted(nodes[1], 500))
    assert (part.cells[0].crowded, part.cells[0].rows, part.cells[0].persons) == (1, 0, 40)
    table = together([counted(cells, 500) for cells in nodes])
    assert shown(table)[0][2:] == [None, None]
    wider = replace(MENU, rows_per_person=3)
    assert shown(together([counted(cells, 500) for cells in nodes], wider), menu=wider)[0][2] == 120


def test_small_groups_of_all_nodes_are_hidden_though_each_would_show_them_or_none() -> None:
    nodes = [[dict(PLAIN) for _ in range(6)] for _ in range(3)]
    for cells in nodes:
        cells[2] = {str(person): [5] for person in range(3)}
    assert shown(together([counted(cells, 500) for cells in nodes]))[2][2:] == [None, None]
    for cells in nodes:
        cells[2] = {str(person): [5] for person in range(4)}
    assert shown(together([counted(cells, 500) for cells in nodes]))[2][2:] == [10, 60]


def test_the_group_of_the_contract_is_that_of_all_nodes_together() -> None:
    nodes = [[dict(PLAIN) for _ in range(6)] for _ in range(3)]
    table = together([counted(cells, 500) for cells in nodes])
    assert shown(table, LIMITS.with_group(120))[0][2] == 120
    hidden = shown(table, LIMITS.with_group(121))
    assert all(row[2:] == [None, None] for row in hidden)
