"""Subjects in every form a caller may give them."""

import datetime as dt

import pytest

from unseen.client.subjects import subject_texts, subject_values
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.canonical import SHAPES, Form
from unseen.protocols.lookup.subject import SubjectColumn

COLUMNS = (
    SubjectColumn("name", "string"),
    SubjectColumn("number", "integer"),
    SubjectColumn("born", "date"),
)
VALUES = ("Zhang San", 42, dt.date(1990, 1, 31))


@pytest.mark.parametrize(
    "subject",
    [
        VALUES,
        list(VALUES),
        {"born": VALUES[2], "name": VALUES[0], "number": 42},
        ("Zhang San", "42", "1990-01-31"),
    ],
)
def test_every_form_gives_the_same_values(subject: object) -> None:
    values = subject_values(COLUMNS, subject)  # type: ignore[arg-type]
    assert values == VALUES
    assert subject_texts(values) == ("Zhang San", "42", "1990-01-31")


def test_one_column_takes_a_bare_value() -> None:
    assert subject_values(COLUMNS[1:2], 7) == (7,)
    assert subject_values(COLUMNS[1:2], "7") == (7,)
    assert subject_values(COLUMNS[:1], "seven") == ("seven",)


@pytest.mark.parametrize(
    "subject",
    [
        ("a", 1),
        ("a", 1, dt.date(2000, 1, 1), 2),
        {"name": "a", "number": 1},
        (1, 1, dt.date(2000, 1, 1)),
        ("a", True, dt.date(2000, 1, 1)),
        ("a", 2**63, dt.date(2000, 1, 1)),
        ("a", 1, dt.datetime(2000, 1, 1, tzinfo=dt.UTC)),
        ("a", "01", "2000-01-01"),
        ("a", 1.5, "2000-01-01"),
    ],
)
def test_anything_else_is_refused_without_naming_the_value(subject: object) -> None:
    with pytest.raises(SubjectInvalidError):
        subject_values(COLUMNS, subject)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "value"),
    [("cn_id", "110105194912310021"), ("date", "1990-02-30"), ("name", " - ")],
)
def test_a_value_without_its_form_is_told_what_the_form_is(form: Form, value: str) -> None:
    with pytest.raises(SubjectInvalidError, match=f"column number has no .* {form}") as refused:
        subject_values([SubjectColumn(name="number", type="string", form=form)], [value])
    assert refused.value.remedy == f"give number as {SHAPES[form]}"
    assert value not in str(refused.value)
