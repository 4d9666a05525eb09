"""A question over several nodes: its vector, one node's share of the noise, and what it costs."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unseen.evidence.contracts.statistics import (
    Dimension,
    Filter,
    Measure,
    Menu,
    Partition,
    Question,
    raws_of,
)
from unseen.evidence.contracts.statistics.jointly import dimension_of, parts_of, split, task_of
from unseen.evidence.errors import QuestionInvalidError
from unseen.evidence.suite import INTL

MENU = Menu(
    dimensions=(
        Dimension(name="ward", text="ward", values=("a", "b", "c")),
        Dimension(name="age", text="age", edges=(0, 40, 120)),
    ),
    measures=(
        Measure(
            name="stay", text="days", unit="day", decimals=0, low=0, high=60, edges=(0, 7, 30, 60)
        ),
    ),
    filters=(Filter(name="acute", text="came as an emergency"),),
    partition=Partition(by=("ward",)),
)
SIZES = [
    ({"what": "count"}, [1]),
    ({"what": "count", "by": ("ward", "age")}, [6]),
    ({"what": "sum", "of": "stay", "by": ("ward",)}, [3]),
    ({"what": "mean", "of": "stay", "by": ("age",), "where": ("acute",)}, [2, 2]),
    ({"what": "variance", "of": "stay"}, [1, 1, 1]),
    ({"what": "histogram", "of": "stay", "by": ("ward",)}, [9]),
    ({"what": "quantile", "of": "stay", "at": ("0.5",)}, [3]),
]


@pytest.mark.parametrize(("said", "sizes"), SIZES)
def test_a_vector_has_a_part_for_each_raw_table(said: dict[str, Any], sizes: list[int]) -> None:
    question = Question(**said, rho="0.01")
    parts = parts_of(MENU, question, 3)
    assert [part.size for part in parts] == sizes
    assert [part.spread.dimension for part in parts] == sizes
    assert [part.raw for part in parts] == list(raws_of(MENU, question))
    numbers = list(range(dimension_of(parts)))
    tables = split(parts, numbers)
    assert [len(table) for table in tables] == sizes
    assert [number for table in tables for number in table] == numbers


@given(
    st.sampled_from([said for said, _ in SIZES]),
    st.integers(3, 67),
    st.integers(1, 200_000_000),
)
def test_the_noise_of_the_honest_costs_what_the_question_says_and_hardly_less(
    said: dict[str, Any], honest: int, rho: int
) -> None:
    text = f"{rho // 10**9}.{rho % 10**9:09}".rstrip("0")
    question = Question(**said, rho=text)
    least = min(raw.sigma2 for raw in raws_of(MENU, question)) / honest
    assume(not Fraction(1, 5) < least < 2)
    if least < 1:  # a node's noise would be next to nothing
        with pytest.raises(QuestionInvalidError, match="rho"):
            parts_of(MENU, question, honest)
        return
    parts = parts_of(MENU, question, honest)
    spent = sum(part.spread.rho(part.raw.sensitivity) for part in parts)
    assert question.cost * Fraction(9, 10) < spent <= question.cost
    for part in parts:
        assert part.spread.honest == honest
        assert part.spread.sigma2 * honest >= part.raw.sigma2


def test_an_exact_table_is_no_sum_that_a_buyer_receives() -> None:
    with pytest.raises(QuestionInvalidError, match="what"):
        parts_of(MENU, Question(what="partition"), 3)


def test_what_the_menu_does_not_offer_has_no_parts() -> None:
    with pytest.raises(QuestionInvalidError, match="of"):
        parts_of(MENU, Question(what="sum", of="cost", rho="0.1"), 3)


def test_a_task_is_the_menu_and_nothing_else() -> None:
    other = Menu(
        dimensions=MENU.dimensions, measures=MENU.measures, filters=MENU.filters, partition=None
    )
    assert len(task_of(MENU, INTL)) == 32
    assert task_of(MENU, INTL) == task_of(Menu.from_json(MENU.to_json()), INTL)
    assert task_of(MENU, INTL) != task_of(other, INTL)
