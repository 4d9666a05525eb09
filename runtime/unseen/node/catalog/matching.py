"""The part of a product that says how subjects are compared: forms of values, whole tuples. Pure.

A match (要素核验) has no expression that the operator writes: what a row answers follows from the
columns of the subject, their forms and the id among them. Those, in canonical JSON, stand where
other products have an expression: two products with the same ask the same question.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.intersection import KIND as INTERSECT
from unseen.evidence.contracts.intersection import Summed
from unseen.evidence.contracts.plan import BY_MATCH, columns_to_json
from unseen.node.catalog.catalogue import Predicate, Table
from unseen.node.errors import ColumnUnknownError, FieldInvalidError
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.canonical import FORMS_OF, Form
from unseen.protocols.lookup.match import OUTPUT, check_ids
from unseen.protocols.lookup.subject import with_forms

FORMS = "product.canonical"
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$|DECIMAL|DOUBLE$|FLOAT$")
MATCH = "product.match.id"
TEXT = (
    "does the whole subject agree (consistent 一致), or is only its id known (inconsistent 不一致),"
    " or neither (no usable result 库无)"
)


def check_forms(forms: Mapping[str, str], kind: str, table: Table) -> dict[str, Form]:
    """Return the forms that say something, by column.

    Raises:
        FieldInvalidError: the kind is not about one subject, or values of a column's type have no
            such form.
        ColumnUnknownError: a column is none of the table's subject.

    """
    if forms and kind not in (*BY_MATCH, INTERSECT):
        raise FieldInvalidError(
            f"a product of kind {kind} compares no subjects", clause=FORMS, remedy="leave it out"
        )
    types = {column.name: column.type for column in table.subject}
    for name, form in forms.items():
        if name not in types:
            raise ColumnUnknownError(
                f"the subject of table {table.name!r} has no column {name!r}",
                clause=FORMS,
                remedy=f"name one of: {', '.join(types)}",
            )
        if form not in FORMS_OF[types[name]]:
            raise FieldInvalidError(
                f"column {name!r} has type {types[name]}, whose values have no form {form!r}",
                clause=FORMS,
                remedy=f"one of: {', '.join(FORMS_OF[types[name]])}; or register a file that has"
                " the column as text: Parquet and DuckDB say so, CSV of digits alone does not",
            )
    return {name: cast("Form", form) for name, form in forms.items() if form != "exact"}


def check_match(ids: Sequence[str], kind: str, table: Table) -> None:
    """Return if `ids` may be the id of a match over the table's subject.

    Raises:
        FieldInvalidError: they are no proper part of it, or the kind does not match tuples.

    """
    if kind not in BY_MATCH:
        raise FieldInvalidError(
            f"a product of kind {kind} matches no tuples",
            clause=MATCH,
            remedy=f"offer it as {' or '.join(BY_MATCH)}",
        )
    columns = [column.name for column in table.subject]
    try:
        check_ids(columns, ids)
    except InputInvalidError as error:
        raise FieldInvalidError(
            f"{error}: {', '.join(ids)} of {', '.join(columns)}",
            clause=MATCH,
            remedy="name the columns of the id, and have more in the table's subject than those",
        ) from None


def matched(
    table: Table, forms: Mapping[str, Form], ids: Sequence[str]
) -> tuple[Predicate, dict[str, Json]]:
    """Return the one output of a match, and what stands of it in a product's definition.

    It reads every column of the subject.
    """
    columns = with_forms(table.subject, forms)
    names = tuple(column.name for column in columns)
    body: dict[str, Json] = {"match": {"id": list(ids)}}
    whole = canonical.encode(body | {"subject": columns_to_json(columns)}).decode()
    return Predicate(OUTPUT, TEXT, whole, names), body


def check_summed(summed: Summed | None, table: Table) -> None:
    """Return if the column of a sum is there and holds numbers.

    Raises:
        ColumnUnknownError: it is not, or does not.

    """
    types = {column.name: column.type for column in table.columns}
    if summed is not None and not _NUMBERS.match(types.get(summed.column, "")):
        raise ColumnUnknownError(
            f"table {table.name!r} has no column {summed.column!r} of numbers",
            clause="product.intersect.sum.column",
            remedy="name a column of whole numbers, decimals or floats",
        )
