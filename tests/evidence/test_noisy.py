"""Answers made of noisy numbers: whole numbers, rounded as is said, always in the declared form."""

from fractions import Fraction
from statistics import mean, pvariance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.node.counted import COST, DAYS, offered

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import Question, raws_of, shape_of
from unseen.evidence.contracts.statistics.noisy import answer
from unseen.evidence.contracts.typed import decode
from unseen.evidence.errors import ReleaseInvalidError

MENU = offered(1, by_visit=True).menu
HUGE = st.integers(-(10**40), 10**40)


def ask(what: str, of: str = "", **more: Any) -> Question:
    return Question(what=what, of=of, rho="1", **more)


ASKED = st.one_of(
    st.sampled_from([ask("count"), ask("count", by=("ward", "plan"))]),
    st.builds(
        lambda what, of: ask(what, of, by=("urgent",)),
        st.sampled_from(["sum", "mean", "variance", "histogram"]),
        st.sampled_from(["cost", "days"]),
    ),
    st.just(ask("quantile", "cost", by=("ward",), at=("0.25", "0.5", "0.999"))),
)


@given(ASKED, st.data(), st.integers(0, 50))
def test_whatever_the_noise_the_answer_has_its_form(
    question: Question, data: st.DataObject, group: int
) -> None:
    measure = MENU.measure(question.of)
    bins = len(measure.bins) if measure and question.what in ("histogram", "quantile") else 1
    size = MENU.cells(question.by) * bins
    number = st.one_of(HUGE, st.integers(-20, 20))
    table = st.lists(number, min_size=size, max_size=size)
    tables = [data.draw(table) for _ in raws_of(MENU, question)]
    shape = shape_of(MENU, question)
    rows = answer(MENU, question, tables, group)
    value = decode(shape, canonical.encode(rows))
    assert len(value.rows) == shape.max_rows
    if question.what in ("count", "histogram"):
        for row, count in zip(value.rows, tables[0], strict=True):
            assert (row[-1] is None) == (count < max(group, 1))


@given(st.lists(st.integers(COST.low, COST.high), min_size=1, max_size=50))
def test_mean_and_variance_are_those_of_the_values(values: list[int]) -> None:
    shifted = [value - COST.middle for value in values]
    tables = [[len(values)], [sum(shifted)], [sum(step * step for step in shifted)]]
    rows: Any = answer(MENU, ask("mean", "cost"), tables[:2], 1)
    count, average = rows[0]
    assert count == len(values)
    assert abs(Fraction(average, 1000) - mean(map(Fraction, values))) <= Fraction(1, 2000)
    rows = answer(MENU, ask("variance", "cost"), tables, 1)
    spread = rows[0][2]
    assert abs(spread - pvariance(map(Fraction, values))) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("counts", "at", "expected"),
    [
        ([100, 100], "0.5", 7),
        ([100, 100], "0.25", 4),  # 3.5, and of two the upper
        ([100, 100], "0.75", 19),
        ([100, 0], "0.999", 7),
        ([0, 100], "0.001", 7),
        ([-50, 200], "0.5", 22),  # 75 of 150 wanted, 50 more are owed: 125 of 200
        ([200, -50], "0.5", 3),  # 75 of 200
        ([200, -150], "0.9", 2),  # 45 of 200: 1.575
        ([4, 5], "0.5", None),
    ],
)
def test_quantiles_lie_where_the_counts_reach_them(
    counts: list[int], at: str, expected: int | None
) -> None:
    assert DAYS.edges == (0, 7, 31)
    assert answer(MENU, ask("quantile", "days", at=(at,)), [counts], 10) == [[at, expected]]


def test_a_mean_is_null_by_its_noisy_count_alone() -> None:
    question = ask("mean", "days", by=("urgent",))
    rows = answer(MENU, question, [[9, 10], [90, -10]], 10)
    assert rows == [["true", None, None], ["false", 10, 14_000]]


def test_a_sum_has_no_count_and_is_moved_into_its_bounds() -> None:
    question = ask("sum", "days", by=("urgent",))
    assert answer(MENU, question, [[-5, 10**30]], 10) == [["true", 0], ["false", 30 * 10**9]]


def test_counts_of_another_shape_are_no_answer() -> None:
    with pytest.raises(ReleaseInvalidError):
        answer(MENU, ask("count", by=("urgent",)), [[1, 2, 3]], 10)
