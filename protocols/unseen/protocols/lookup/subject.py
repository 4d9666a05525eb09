"""Canonical bytes of a subject: the tuple of values that a lookup is about. Own format, v1.

    "unseen/subject/v1" 00 | domain | count | (name | type tag | value) for each column

with a 2-byte big-endian length before domain, name and value, and `count` in 2 bytes. A
string is in its column's form (`canonical.py`; NFC unless it says more) in UTF-8, an integer 8
bytes in two's complement, a date its ISO form. Equal subjects give equal bytes, and different ones
different bytes: every part is framed and typed.

Says nothing about meaning: "Zhang San" and "ZHANG SAN" are two subjects, unless a form makes them
one.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.canonical import FORMS_OF, Form, canonical

SubjectType = Literal["string", "integer", "date"]
Value = str | int | dt.date

MAX_SUBJECT_BYTES: Final = 2**16 - 1
_HEADER = b"unseen/subject/v1\x00"
_TAGS: dict[SubjectType, bytes] = {"string": b"\x01", "integer": b"\x02", "date": b"\x03"}
_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_INTEGER_DIGITS = 20
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class SubjectColumn:
    """One column of a subject. `name` is compared byte for byte, without normalising.

    Values are compared in `form`.
    """

    name: str
    type: SubjectType
    form: Form = "exact"

    def __post_init__(self) -> None:
        """Refuse a name that is empty or not encodable, and a type or form that does not exist.

        Raises:
            SubjectInvalidError: name or type is not valid, or values of the type have no such form.

        """
        if self.type not in get_args(SubjectType):
            raise SubjectInvalidError(f"a subject column is one of {get_args(SubjectType)}")
        if self.form not in FORMS_OF[self.type]:
            raise SubjectInvalidError(
                f"a column of type {self.type} has the form {' or '.join(FORMS_OF[self.type])}"
            )
        try:
            encoded = self.name.encode()
        except UnicodeEncodeError:
            encoded = b""
        if not 1 <= len(encoded) <= _MAX_NAME_BYTES:
            raise SubjectInvalidError("a subject column's name is 1 to 255 bytes of Unicode")


def with_forms(
    columns: Sequence[SubjectColumn], forms: Mapping[str, Form]
) -> tuple[SubjectColumn, ...]:
    """Return `columns` with the forms that `forms` has for their names, `exact` for the others.

    Raises:
        SubjectInvalidError: values of a column's type have no such form.

    """
    return tuple(replace(column, form=forms.get(column.name, "exact")) for column in columns)


def encode_subject(
    columns: Sequence[SubjectColumn], values: Sequence[Value], domain: bytes
) -> bytes:
    """Return the canonical bytes of a subject, under 2^16 of them, in the order of `columns`.

    `domain` separates one use from another (see `oprf_table.epoch_domain`).

    Raises:
        SubjectInvalidError: there are no columns, two have one name, there is not one value for
            each column, a value is not of its column's type, or the whole is too long.

    """
    if not columns or len({column.name for column in columns}) != len(columns):
        raise SubjectInvalidError("a subject has columns, and each has its own name")
    if len(values) != len(columns):
        raise SubjectInvalidError(f"found {len(values)} values, expected {len(columns)}")
    parts = [_HEADER, _framed(domain), len(columns).to_bytes(2, "big")]
    for column, value in zip(columns, values, strict=True):
        encoded = _encode_value(column, value)
        parts += [_framed(column.name.encode()), _TAGS[column.type], _framed(encoded)]
    subject = b"".join(parts)
    if len(subject) > MAX_SUBJECT_BYTES:
        raise SubjectInvalidError(f"a subject has at most {MAX_SUBJECT_BYTES} bytes")
    return subject


def parse_value(column: SubjectColumn, text: str) -> Value:
    """Read a value as a person types it: -42, 1990-01-31, a string in its column's form.

    Raises:
        SubjectInvalidError: the text is not the one way to write a value of this type, or has not
            the column's form.

    """
    match column.type:
        case "string":
            return _encode_value(column, text).decode()
        case "integer":
            if len(text) > _INTEGER_DIGITS or not _INTEGER.fullmatch(text):
                raise _refusal(column)
            number = int(text)
            _encode_value(column, number)
            return number
        case "date":
            return _parse_date(column, text)


def _parse_date(column: SubjectColumn, text: str) -> dt.date:
    if column.form == "date":
        text = _formed(column, text)
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        raise _refusal(column) from None
    # fromisoformat also reads 19900131 and 1990-W05-3.
    if date.isoformat() != text:
        raise _refusal(column)
    return date


def _encode_value(column: SubjectColumn, value: Value) -> bytes:
    # type() and not isinstance: a bool is an int and a datetime a date, and neither is meant.
    kind = type(value)
    if column.type == "string" and isinstance(value, str):
        encoded = _encode_string(column, value)
    elif column.type == "integer" and kind is int and isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise _refusal(column)
        encoded = value.to_bytes(8, "big", signed=True)
    elif column.type == "date" and kind is dt.date and isinstance(value, dt.date):
        encoded = value.isoformat().encode()
    else:
        raise _refusal(column)
    if len(encoded) > MAX_SUBJECT_BYTES:
        raise _refusal(column)
    return encoded


def _encode_string(column: SubjectColumn, text: str) -> bytes:
    if column.form != "exact":
        return _formed(column, text).encode()
    try:
        return unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError:  # a lone surrogate, for which UTF-8 has no bytes
        raise _refusal(column) from None


def _formed(column: SubjectColumn, text: str) -> str:
    try:
        return canonical(column.form, text)
    except SubjectInvalidError as error:
        raise SubjectInvalidError(f"column {column.name!r}: {error}") from None


def _refusal(column: SubjectColumn) -> SubjectInvalidError:
    shapes = {
        "string": "a string in valid Unicode, under 64 KiB",
        "integer": "a 64-bit integer in plain decimal",
        "date": "a date like 1990-01-31",
    }
    return SubjectInvalidError(f"the value of column {column.name!r} is not {shapes[column.type]}")


def _framed(part: bytes) -> bytes:
    if len(part) > MAX_SUBJECT_BYTES:
        raise SubjectInvalidError(f"a subject has at most {MAX_SUBJECT_BYTES} bytes")
    return len(part).to_bytes(2, "big") + part
