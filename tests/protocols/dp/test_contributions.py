"""What one person can do to an answer, by brute force over small tables."""

from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.dp import Clamp, Sensitivity, kept
from unseen.protocols.errors import InputInvalidError

people = st.lists(st.tuples(st.integers(0, 4), st.integers(-50, 50)), max_size=30)


@given(people, st.integers(1, 4), st.integers(-30, 0), st.integers(0, 30))
def test_nobody_moves_a_sum_or_a_count_by_more_than_the_sensitivity(
    rows: list[tuple[int, int]], most: int, low: int, high: int
) -> None:
    clamp = Clamp(low, high)
    whole = list(kept(rows, most, clamp))
    for person in range(5):
        without = list(kept([row for row in rows if row[0] != person], most, clamp))
        assert abs(sum(whole) - sum(without)) <= Sensitivity.of_sum(clamp, most).l1
        assert 0 <= len(whole) - len(without) <= Sensitivity.of_cells(1, most).l1


@pytest.mark.parametrize(("cells", "most"), [(1, 1), (1, 3), (3, 1), (2, 2)])
def test_nobody_moves_a_histogram_by_more(cells: int, most: int) -> None:
    bound = Sensitivity.of_cells(cells, most)
    vectors = [
        [found.count(cell) for cell in range(4)]
        for size in range(cells * most + 1)
        for found in combinations_with_replacement(range(4), size)
        if len(set(found)) <= cells and all(found.count(cell) <= most for cell in found)
    ]
    assert max(sum(vector) for vector in vectors) == bound.l1
    assert max(sum(each * each for each in vector) for vector in vectors) == bound.l2_squared


def test_rows_beyond_the_bound_are_dropped_person_by_person() -> None:
    rows = [("a", 1), ("b", 20), ("a", 2), ("a", 3), ("b", -20)]
    assert list(kept(rows, 2, Clamp(-5, 10))) == [1, 10, 2, -5]


@pytest.mark.parametrize("value", [1.0, True, "1", None])
def test_a_value_that_is_not_whole_is_refused_also_where_it_would_be_dropped(value: Any) -> None:
    with pytest.raises(InputInvalidError, match="a value is of type") as caught:
        list(kept([("a", 1), ("a", value)], 1, Clamp(0, 1)))
    assert caught.value.clause == "dp.exact"


@pytest.mark.parametrize(
    ("low", "high"), [(1, 0), (0.0, 1), (0, 1.0), (False, 1), (0, 1 << 63), (-(1 << 63), 0)]
)
def test_a_clamp_is_two_whole_numbers_in_order(low: Any, high: Any) -> None:
    with pytest.raises(InputInvalidError, match="clamp"):
        Clamp(low, high)


@pytest.mark.parametrize("most", [0, -1, 1.0, True])
def test_a_bound_is_a_whole_number_above_zero(most: Any) -> None:
    with pytest.raises(InputInvalidError):
        list(kept([("a", 1)], most, Clamp(0, 1)))
    with pytest.raises(InputInvalidError):
        Sensitivity.of_cells(1, most)
    with pytest.raises(InputInvalidError):
        Sensitivity.of_sum(Clamp(0, 1), most)


@pytest.mark.parametrize(("l1", "l2_squared"), [(2, 1), (1, 2), (0, 1), (3, 10), (1.0, 1), (-1, 1)])
def test_norms_that_no_vector_has_are_refused(l1: Any, l2_squared: Any) -> None:
    with pytest.raises(InputInvalidError):
        Sensitivity(l1, l2_squared)


def test_an_answer_that_nobody_is_in_has_no_sensitivity() -> None:
    assert Sensitivity(0, 0).l1 == 0
