"""Subjects as callers give them: one value, a sequence in column order, or a mapping by name."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.canonical import SHAPES
from unseen.protocols.lookup.subject import SubjectColumn, SubjectType, Value, parse_value

_SHAPES: dict[SubjectType, str] = {
    "string": "a text",
    "integer": "a whole number such as 42",
    "date": "a date such as 1990-01-31",
}

Subject: TypeAlias = Value | Sequence[Value] | Mapping[str, Value]


def subject_values(columns: Sequence[SubjectColumn], subject: Subject) -> tuple[Value, ...]:
    """Return the values of `subject` in the order of `columns`, each of its column's type.

    A text given for an integer or a date is read as a person would type it.

    Raises:
        SubjectInvalidError: a value is missing, left over or of another type.

    """
    given = _in_order(columns, subject)
    if len(given) != len(columns):
        wanted = ", ".join(column.name for column in columns)
        raise SubjectInvalidError(
            f"a subject has {len(columns)} values ({wanted}), and {len(given)} were given",
            clause="subject",
            remedy=f"give {wanted}, in this order",
        )
    pairs = zip(columns, given, strict=True)
    return tuple(_value(column, value) for column, value in pairs)


def subject_texts(values: Sequence[Value]) -> tuple[str, ...]:
    """Return values in the one way they are written."""
    return tuple(str(value) for value in values)


def _in_order(columns: Sequence[SubjectColumn], subject: Subject) -> Sequence[Value]:
    if isinstance(subject, Mapping):
        names = [column.name for column in columns]
        if set(subject) != set(names):
            wanted = ",".join(names)
            raise SubjectInvalidError(
                f"a subject has the columns {wanted} and no others",
                clause="subject",
                remedy=f"give these; the first line of a CSV file is then: {wanted}",
            )
        return [subject[name] for name in names]
    if isinstance(subject, (str, int, dt.date)):
        return (subject,)
    return subject


def _value(column: SubjectColumn, value: Value) -> Value:
    try:
        # Written and read again: a bool, a datetime or a number too large does not survive that.
        found = parse_value(column, value if isinstance(value, str) else str(value))
        if isinstance(value, str) or (type(found) is type(value) and found == value):
            return found
    except SubjectInvalidError:
        pass
    if column.form != "exact":
        raise SubjectInvalidError(
            f"the value of column {column.name} has no canonical form {column.form}",
            clause="subject",
            remedy=f"give {column.name} as {SHAPES[column.form]}",
        )
    raise SubjectInvalidError(
        f"the value of column {column.name} is not a {column.type} as it has to be written",
        clause="subject",
        remedy=f"give {column.name} as {_SHAPES[column.type]}",
    )
