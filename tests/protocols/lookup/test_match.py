"""Points of a match: three answers over every small table, domains apart, hostile labels."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, SubjectInvalidError
from unseen.protocols.lookup.match import (
    EVALUATIONS,
    check_ids,
    encode_points,
    formed_points,
    match_of,
    row_labels,
)
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject

NUMBER, NAME, AGE = (
    SubjectColumn("number", "string", "id"),
    SubjectColumn("name", "string", "name"),
    SubjectColumn("age", "integer"),
)
COLUMNS = (NUMBER, NAME, AGE)
IDS = ("number",)
PEOPLE = list(itertools.product(("1", "2"), ("a", "b"), (30,)))


def table(rows: Sequence[tuple[str, str, int]]) -> dict[bytes, bytes]:
    """Return the points of a table; rows that share one agree on its label."""
    found: dict[bytes, bytes] = {}
    for row in rows:
        points = encode_points(COLUMNS, IDS, row, b"epoch")
        for data, label in zip(points, row_labels(IDS, (), 1), strict=True):
            assert found.setdefault(data, label) == label
    return found


def test_three_answers_over_every_table_of_four_people() -> None:
    for size in range(len(PEOPLE) + 1):
        for rows in itertools.combinations_with_replacement(PEOPLE, size):
            points = table(rows)
            for person in PEOPLE:
                asked = encode_points(COLUMNS, IDS, person, b"epoch")
                own = any(row[0] == person[0] for row in rows)
                expected = True if person in rows else (False if own else None)
                assert match_of([points.get(data) for data in asked]) == (expected, False)


def test_rows_written_otherwise_are_the_same_points() -> None:
    one = encode_points(COLUMNS, IDS, ("ab-1", "ZHANG  San", 30), b"")
    assert one == encode_points(COLUMNS, IDS, ("\uff21\uff22 1", "zhang san", 30), b"")
    assert len(one) == EVALUATIONS == len(row_labels(IDS, (), 1))


@given(st.text("ab", max_size=3), st.text("ab", min_size=1, max_size=3), st.integers(0, 3))
def test_no_tuple_is_an_id(number: str, name: str, age: int) -> None:
    plain = (SubjectColumn("number", "string"), SubjectColumn("name", "string"), AGE)
    values = (number, name, age)
    seen = {
        encode_points(plain, ids, values, b"")[1]: ids
        for ids in (("number",), ("name",), ("age",), ("number", "name"), ("name", "age"))
    }
    assert len(seen) == 5
    assert encode_points(plain, IDS, values, b"")[0] not in seen
    assert encode_points(plain, (), values, b"") == (encode_subject(plain, values, b""),)


@pytest.mark.parametrize(
    "ids", [(), ("number", "name", "age"), ("x",), ("number", "number"), ("name", "number")]
)
def test_an_id_is_a_proper_part_in_order(ids: tuple[str, ...]) -> None:
    with pytest.raises(InputInvalidError):
        check_ids([column.name for column in COLUMNS], ids)
    check_ids([column.name for column in COLUMNS], ("number", "age"))


def test_an_id_without_a_form_has_no_points() -> None:
    with pytest.raises(SubjectInvalidError):
        encode_points(COLUMNS, IDS, (" - ", "a", 1), b"")
    with pytest.raises(InputInvalidError):
        encode_points(COLUMNS, IDS, ("1", "a"), b"")


@given(st.text(max_size=4), st.text(max_size=4), st.booleans())
def test_points_are_there_just_where_values_have_a_form(
    number: str, name: str, matched: bool
) -> None:
    ids, values = IDS if matched else (), (number, name, 1)
    try:
        wanted: tuple[bytes, ...] | None = encode_points(COLUMNS, ids, values, b"d")
    except SubjectInvalidError:
        wanted = None
    assert formed_points(COLUMNS, ids, values, b"d") == wanted
    assert formed_points(COLUMNS, ids, (" - ", name, 1), b"d") is None
    with pytest.raises(InputInvalidError):
        formed_points(COLUMNS, ids, (number, name), b"d")


@given(st.lists(st.none() | st.binary(min_size=1, max_size=1), min_size=2, max_size=2))
def test_any_other_label_says_nothing_and_is_told(labels: list[bytes | None]) -> None:
    verdict, malformed = match_of(labels)
    right = labels[0] in {None, b"\x02"} and labels[1] in {None, b"\x01"}
    assert malformed is not right
    if malformed:
        assert verdict is None
    elif labels[0] is not None:
        assert verdict is True
    else:
        assert verdict is (None if labels[1] is None else False)


def test_labels_come_in_twos() -> None:
    for labels in ([], [None], [None] * 3):
        with pytest.raises(InputInvalidError):
            match_of(labels)
    assert row_labels((), (True, None), 1) == (b"\x02",)
