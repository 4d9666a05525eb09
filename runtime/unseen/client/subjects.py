"""Subjects as callers give them: one value, a sequence in column order, or a mapping by name."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn, Value, parse_value

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
    return tuple(
        parse_value(column, value) if isinstance(value, str) else _checked(column, value)
        for column, value in pairs
    )


def subject_texts(values: Sequence[Value]) -> tuple[str, ...]:
    """Return values in the one way they are written."""
    return tuple(str(value) for value in values)


def _in_order(columns: Sequence[SubjectColumn], subject: Subject) -> Sequence[Value]:
    if isinstance(subject, Mapping):
        names = [column.name for column in columns]
        if set(subject) != set(names):
            wanted = ", ".join(names)
            raise SubjectInvalidError(
                f"a subject has the columns {wanted}", clause="subject", remedy=f"give {wanted}"
            )
        return [subject[name] for name in names]
    if isinstance(subject, (str, int, dt.date)):
        return (subject,)
    return subject


def _checked(column: SubjectColumn, value: Value) -> Value:
    # Written and read again: a bool, a datetime or a number too large does not survive that.
    if type(value) is int or type(value) is dt.date:
        found = parse_value(column, str(value))
        if found == value:
            return found
    raise SubjectInvalidError(
        f"column {column.name} takes a {column.type}",
        clause="subject",
        remedy=f"give {column.name} as a {column.type}",
    )
