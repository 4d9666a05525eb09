"""Items as they are asked about: each once, in the plan's order of columns, in both its forms."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from unseen.client.subjects import Subject, subject_texts, subject_values
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.intersection import domain_of
from unseen.evidence.contracts.plan import Plan
from unseen.protocols.errors import InputInvalidError, SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectType, encode_subject

Texts: TypeAlias = tuple[str, ...]


def distinct_items(
    terms: Terms, plan: Plan, items: Sequence[Subject]
) -> tuple[tuple[Texts, ...], tuple[bytes, ...]]:
    """Return the distinct items as people read them, and as they are hashed, in their order.

    Two are the same where they are in the forms of the plan's columns.

    Raises:
        InputInvalidError: there are none.
        SubjectInvalidError: one is malformed, or a value of it is empty.

    """
    found: dict[bytes, Texts] = {}
    domain = domain_of(terms.id())
    for item in items:
        if not isinstance(item, (str, int, dt.date, Mapping, Sequence)):
            raise SubjectInvalidError(
                "an item is no value, and no sequence or mapping of values",
                clause="subject",
                remedy="leave out items that are missing",
            )
        values = subject_values(plan.subject_columns, item)
        if "" in values:
            raise SubjectInvalidError(
                "a value of an item is empty",
                clause="subject",
                remedy="leave out items that have no value for a column",
            )
        data = encode_subject(plan.subject_columns, values, domain)
        found.setdefault(data, subject_texts(values))
    if not found:
        raise InputInvalidError(
            "there is nothing to intersect", clause="items", remedy="give one item or more"
        )
    return tuple(found.values()), tuple(found)


def column_names(plan: Plan) -> tuple[str, ...]:
    """Return the names of a subject's columns, in the order of an item's values."""
    return tuple(column.name for column in plan.subject_columns)


def column_types(plan: Plan) -> tuple[SubjectType, ...]:
    """Return the types of a subject's columns, in the same order."""
    return tuple(column.type for column in plan.subject_columns)
