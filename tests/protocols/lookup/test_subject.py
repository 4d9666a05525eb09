"""Canonical subjects: frozen bytes, one encoding a subject, and what is refused."""

import datetime as dt
import json
import unicodedata
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.oprf_table import epoch_domain
from unseen.protocols.lookup.subject import (
    SubjectColumn,
    SubjectType,
    Value,
    encode_subject,
    parse_value,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/lookup/subject_v1.json").read_text())
NAME = SubjectColumn("name", "string")
COUNT = SubjectColumn("count", "integer")
BORN = SubjectColumn("born", "date")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values: dict[SubjectType, st.SearchStrategy[Value]] = {
    "string": texts,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "date": st.dates(),
}


@st.composite
def subjects(draw: st.DrawFn) -> tuple[tuple[SubjectColumn, ...], tuple[Value, ...], bytes]:
    names = draw(st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, unique=True))
    columns = tuple(
        SubjectColumn(name, draw(st.sampled_from(get_args(SubjectType)))) for name in names
    )
    return columns, tuple(draw(values[column.type]) for column in columns), draw(st.binary())


def normal(value: Value) -> Value:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: c["name"])
def test_matches_vector(case: dict[str, Any]) -> None:
    columns = [SubjectColumn(**column) for column in case["columns"]]
    parsed = [
        parse_value(column, text) for column, text in zip(columns, case["values"], strict=True)
    ]
    domain = epoch_domain(bytes.fromhex(VECTORS["contract_id"]), VECTORS["epoch"])
    assert domain.hex() == case["domain"]
    assert encode_subject(columns, parsed, domain).hex() == case["bytes"]


@given(subjects(), subjects())
def test_equal_bytes_exactly_for_equal_subjects(
    one: tuple[tuple[SubjectColumn, ...], tuple[Value, ...], bytes],
    other: tuple[tuple[SubjectColumn, ...], tuple[Value, ...], bytes],
) -> None:
    same = (one[0], list(map(normal, one[1])), one[2]) == (
        other[0],
        list(map(normal, other[1])),
        other[2],
    )
    assert (encode_subject(*one) == encode_subject(*other)) == same


@given(subjects())
def test_text_goes_round(
    subject: tuple[tuple[SubjectColumn, ...], tuple[Value, ...], bytes],
) -> None:
    for column, value in zip(*subject[:2], strict=True):
        assert parse_value(column, str(value)) == normal(value)


def test_strings_are_compared_in_nfc() -> None:
    one, other = "Zoe\u0308", "Zo\u00eb"
    assert one != other
    assert encode_subject([NAME], [one], b"") == encode_subject([NAME], [other], b"")


def test_the_order_of_columns_matters() -> None:
    one = encode_subject([NAME, COUNT], ["a", 1], b"")
    other = encode_subject([COUNT, NAME], [1, "a"], b"")
    assert one != other


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (NAME, 1),
        (NAME, b"bytes"),
        (NAME, None),
        (NAME, "lone \ud800 surrogate"),
        (NAME, "x" * 2**16),
        (COUNT, "1"),
        (COUNT, 1.0),
        (COUNT, True),
        (COUNT, 2**63),
        (COUNT, -(2**63) - 1),
        (BORN, "1990-01-31"),
        (BORN, dt.datetime(1990, 1, 31, tzinfo=dt.UTC)),
        (BORN, 19900131),
    ],
    ids=repr,
)
def test_refuses_values_of_another_type_and_does_not_show_them(
    column: SubjectColumn, value: Any
) -> None:
    with pytest.raises(SubjectInvalidError) as caught:
        encode_subject([column], [value], b"")
    message = str(caught.value)
    assert repr(column.name) in message
    assert repr(value) not in message.replace(repr(column.name), "").replace("1990-01-31", "")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *((COUNT, text) for text in ["", "+1", "-0", "01", " 1", "1 ", "1_0", "1e3", "0x1", "1.0"]),
        *((COUNT, text) for text in ["\u0661", "9" * 5000, str(2**63), str(-(2**63) - 1)]),
        *((BORN, text) for text in ["", "1990", "19900131", "1990-1-31", "1990-W05-3"]),
        *(
            (BORN, text)
            for text in ["1990-02-30", "1990-01-31T00:00:00", " 1990-01-31", "0000-01-01"]
        ),
        (NAME, "\udc80"),
    ],
    ids=lambda item: repr(item)[:24],
)
def test_refuses_other_spellings(column: SubjectColumn, text: str) -> None:
    with pytest.raises(SubjectInvalidError, match=column.name):
        parse_value(column, text)


@pytest.mark.parametrize(
    ("columns", "found"),
    [([], []), ([NAME], []), ([NAME], ["a", "b"]), ([NAME, NAME], ["a", "b"])],
    ids=["none", "too few", "too many", "one name twice"],
)
def test_refuses_columns_that_do_not_fit(columns: list[SubjectColumn], found: list[Value]) -> None:
    with pytest.raises(SubjectInvalidError):
        encode_subject(columns, found, b"")


def test_refuses_subjects_of_64_kib_as_a_whole() -> None:
    columns = [SubjectColumn(str(i), "string") for i in range(4)]
    with pytest.raises(SubjectInvalidError, match="65535"):
        encode_subject(columns, ["x" * 2**14] * 4, b"")
    with pytest.raises(SubjectInvalidError, match="65535"):
        encode_subject([NAME], ["x"], bytes(2**16))


@pytest.mark.parametrize("name", ["", "x" * 256, "\ud800"], ids=["empty", "long", "surrogate"])
def test_refuses_column_names(name: str) -> None:
    with pytest.raises(SubjectInvalidError):
        SubjectColumn(name, "string")


def test_refuses_column_types_that_do_not_exist() -> None:
    kind: Any = "float"
    with pytest.raises(SubjectInvalidError):
        SubjectColumn("name", kind)
