"""The exact table: what is hidden, what is rounded, and that the gate's rules find nothing left."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.counted import offered

from unseen.evidence import canonical
from unseen.evidence.contracts.cells import Number
from unseen.evidence.contracts.statistics import Partition, Question, shape_of
from unseen.evidence.contracts.typed import decode
from unseen.node.release.examine import examine
from unseen.node.release.facts import AggregateFacts
from unseen.node.release.rules import Case, Finding, Limits, Mode, Outcome
from unseen.node.statistics.exact import (
    answer,
    at_least,
    columns_of,
    decode_hidden,
    encode_columns,
    facts_of,
    hide_encoded,
    rounded,
)
from unseen.node.statistics.found import Behind, Exact, read_exact, write_exact

EXACT = Partition(by=("ward", "urgent"), measures=("days",))
MENU = offered(1, by_visit=False, exact=EXACT).menu
SHAPE = shape_of(MENU, Question(what="partition"))
LIMITS = Limits()
SIZES = (3, 2)
COUNTED = Behind(200, 240, 240, 4, 3)
SUMMED = Behind(190, 5_678, 5_678, 30, 30)
PLAIN = (COUNTED, SUMMED)


@st.composite
def behinds(draw: st.DrawFn) -> Behind:
    parts = draw(
        st.one_of(
            st.lists(st.integers(0, 30), max_size=14),
            st.lists(st.integers(1, 30), min_size=40, max_size=60),
            st.just([5_000, *[1] * 30]),
        )
    )
    most = [*sorted(parts, reverse=True), 0, 0]
    return Behind(len(parts), sum(parts), sum(parts), most[0], most[1])


def released(found: Exact, limits: Limits = LIMITS, *, complement: bool = True) -> Any:
    columns = columns_of(SHAPE, found, limits, complement=complement)
    hidden = decode_hidden(hide_encoded(encode_columns(SIZES, columns)))
    return answer(SHAPE, found, hidden, limits), facts_of(found, complement=complement)


def judged(rows: Any, facts: AggregateFacts) -> Finding:
    value = decode(SHAPE, canonical.encode(rows))
    assert len(value.rows) == SHAPE.max_rows
    return examine(
        Case(
            type="aggregate",
            mode=Mode.PASS,
            bits=SHAPE.bits,
            bits_per_run=SHAPE.bits,
            bits_in_all=SHAPE.bits,
            used=0,
            value=value,
            facts=facts,
        )
    )


@settings(deadline=None)
@given(st.lists(st.tuples(behinds(), behinds()), min_size=6, max_size=6), st.integers(0, 60))
def test_whatever_is_behind_the_gate_finds_nothing_left_to_hide(
    cells: list[tuple[Behind, Behind]], outside: int
) -> None:
    population = sum(counted.persons for counted, _ in cells) + outside
    found = Exact(population, tuple(cells))
    assert read_exact(canonical.decode(canonical.encode(write_exact(found)))) == found
    rows, facts = released(found)
    assert judged(rows, facts) == Finding(Outcome.PASS, ())
    for column in (2, 3):
        shown = [row[column] is not None for row in rows]
        lines = [(0, 1), (2, 3), (4, 5), (0, 2, 4), (1, 3, 5)]
        assert all(sum(not shown[cell] for cell in line) != 1 for line in lines)
    for row, (counted, _) in zip(rows, cells, strict=True):
        assert row[2] is None or counted.persons >= LIMITS.group
        assert row[2] is not None or row[3] is None


@pytest.mark.parametrize(
    ("place", "change", "rule"),
    [
        (0, {"persons": 9}, "cells.group"),
        (0, {"persons": 0, "value": 0, "total": 0, "largest": 0, "second": 0}, "cells.zero"),
        (0, {"largest": 120, "second": 97}, "cells.dominance"),
        (0, {"largest": 215, "second": 4}, "cells.p_ratio"),
        (0, {"persons": 1195}, "cells.complement"),
        (1, {"persons": 9}, "cells.group"),
        (1, {"largest": 5_000, "second": 400}, "cells.dominance"),
        (1, {"largest": 5_000, "second": 200}, "cells.p_ratio"),
    ],
)
def test_a_cell_that_says_too_much_is_hidden_and_would_be_refused(
    place: int, change: dict[str, int], rule: str
) -> None:
    behind = list(PLAIN)
    behind[place] = replace(behind[place], **change)
    found = Exact(1200, (tuple(behind), *(PLAIN,) * 5))
    rows, facts = released(found)
    assert rows[0][2 + place] is None
    assert judged(rows, facts) == Finding(Outcome.PASS, ())
    open_rows = answer(SHAPE, found, [[False] * 6] * 2, LIMITS)
    assert rule in judged(open_rows, facts).rules


@settings(deadline=None)
@given(st.data())
def test_what_is_hidden_says_nothing_of_the_numbers_in_small_cells(data: st.DataObject) -> None:
    sums = [Behind(200, 9_999, 9_999, 99, 98)] * 6
    small = data.draw(st.sets(st.integers(0, 5), min_size=1))

    def drawn() -> list[list[bool]]:
        counts = []
        for place in range(6):
            few = data.draw(st.integers(0, LIMITS.group - 1))
            many = data.draw(st.integers(198 + 5 * place, 202 + 5 * place))  # shown alike
            rows = few if place in small else many
            counts.append(Behind(rows, rows, rows, min(rows, 1), int(rows > 1)))
        found = Exact(5_000, tuple(zip(counts, sums, strict=True)))
        columns = columns_of(SHAPE, found, LIMITS, complement=True)
        return decode_hidden(hide_encoded(encode_columns(SIZES, columns)))

    assert drawn() == drawn()


@given(st.sampled_from(["count", "measure"]), st.integers(0, 10**7), st.integers(0, 10**7))
def test_what_a_cell_holdsat_least_is_seen_from_outside(use: Any, one: int, other: int) -> None:
    cell = Number(use=use, low=0, high=10**9)
    assert 0 <= at_least(cell, one, LIMITS) <= one
    if rounded(cell, one, LIMITS) == rounded(cell, other, LIMITS):
        assert at_least(cell, one, LIMITS) == at_least(cell, other, LIMITS)


def test_what_adds_up_to_zero_says_that_everybody_has_none() -> None:
    none = Behind(190, 0, 0, 0, 0)
    rows, _ = released(Exact(1200, ((COUNTED, none), *(PLAIN,) * 5)))
    assert rows[0][2] == 240
    assert rows[0][3] is None


def test_of_everybody_there_is_no_complement() -> None:
    found = Exact(205, ((COUNTED, SUMMED), *(PLAIN,) * 5))
    assert released(found)[0][0][2] is None
    assert released(found, complement=False)[0][0][2] == 240


def test_a_contract_with_larger_groups_hides_more() -> None:
    found = Exact(5_000, (PLAIN,) * 6)
    assert released(found)[0][0] == ["east", "true", 240, 5678]
    rows, _ = released(found, LIMITS.with_group(195))
    assert [row[2:] for row in rows] == [[240, None]] * 6


def test_if_little_is_shown_all_is_hidden() -> None:
    few = (Behind(3, 3, 3, 1, 1), Behind(3, 9, 9, 5, 4))
    rows, _ = released(Exact(1000, (few,) * 6))
    assert all(row[2:] == [None, None] for row in rows)


@pytest.mark.parametrize(
    ("use", "value", "expected"),
    [
        ("count", 12, 10),
        ("count", 13, 15),
        ("count", 1_237, 1_235),
        ("count", 12_344, 12_340),
        ("count", 99_998, 100_000),
        ("measure", 9_999, 9_999),
        ("measure", 12_345, 12_350),
        ("measure", -12_345, -12_350),
        ("measure", 99_995, 100_000),
        ("measure", 3, 3),
        ("measure", 0, 0),
    ],
)
def test_numbers_are_rounded_as_is_said(use: Any, value: int, expected: int) -> None:
    low = 0 if use == "count" else -(10**9)
    cell = Number(use=use, low=low, high=10**9)
    assert rounded(cell, value, LIMITS) == expected


def test_a_private_answer_is_judged_by_its_size_alone() -> None:
    rows = answer(SHAPE, Exact(10, (PLAIN,) * 6), [[True] + [False] * 5] * 2, LIMITS)
    rows[1] = ["east", "false", 3, 123_457]
    private = AggregateFacts(cells=(), measured=True, private=True)
    assert judged(rows, private) == Finding(Outcome.PASS, ())
    assert "cells.alone" in judged(rows, facts_of(Exact(10, (PLAIN,) * 6), complement=False)).rules
    small = examine(
        Case(
            type="aggregate",
            mode=Mode.PASS,
            bits=SHAPE.bits,
            bits_per_run=SHAPE.bits,
            bits_in_all=SHAPE.bits,
            used=0,
            value=decode(SHAPE, canonical.encode(rows)),
            facts=private,
            limits=Limits(rows=5, cells=10),
        )
    )
    assert small == Finding(Outcome.REFUSE, ("table.rows", "table.cells"))


@pytest.mark.parametrize(
    "facts",
    [
        AggregateFacts(cells=facts_of(Exact(9, (PLAIN,) * 6), complement=False).cells,
                       measured=True, private=True),
        AggregateFacts(cells=(), measured=False, private=True),
    ],
)  # fmt: skip
def test_what_is_private_and_counts_people_contradicts_itself(facts: AggregateFacts) -> None:
    rows = answer(SHAPE, Exact(10, (PLAIN,) * 6), [[False] * 6] * 2, LIMITS)
    assert "facts.missing" in judged(rows, facts).rules
