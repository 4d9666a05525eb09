"""Taking a menu into the catalogue: its columns are there and fit, its filters run on every row."""

from unseen.evidence.contracts.statistics.definition import Definition
from unseen.node.catalog.catalogue import Table, entries_of
from unseen.node.catalog.labels import Label
from unseen.node.catalog.menus import (
    MENU,
    beside,
    hidden_beside,
    labels_of,
    misfits,
    persons,
    with_columns,
)
from unseen.node.catalog.snapshots import check_predicates
from unseen.node.context import Node
from unseen.node.errors import (
    FieldInvalidError,
    LabelRefusedError,
    PredicateFailsError,
    PredicateInvalidError,
)
from unseen.node.resources import field_name

MAX_BYTES = 1 << 16  # every contract over the product holds its part of it


async def inspected(node: Node, definition: Definition, table: Table) -> Definition:
    """Return the definition with the columns that its filters read.

    Raises:
        FieldInvalidError: it is too large for contracts to hold, a name may not name an output, or
            two columns would have one name.
        TableNotFoundError: there is no such table to join.
        ColumnUnknownError: a column is not there, or has a type that does not fit.
        PredicateInvalidError: a filter is not one boolean expression over the row.
        PredicateFailsError: a filter raises an error on some rows.
        LabelRefusedError: the join is not of the same people, and reads more than public columns.

    """
    joined = node.catalogue.table(definition.join.table) if definition.join else None
    _check_names(definition, table, joined)
    for error in misfits(definition, definition.menu.names, table, joined):
        raise error
    read: dict[str, list[str]] = {}
    for where, of in ((table, ""), (joined, joined.name if joined else "")):
        if where is not None:
            read |= await _conditions(node, definition, where, of)
    found = with_columns(definition, read)
    if column := hidden_beside(found, table, labels_read(found, table, joined)):
        raise LabelRefusedError(
            f"{column!r} is not public, and the join is not of the same people",
            clause=f"{MENU}.join.on",
            remedy=f"join by {', '.join(persons(found, table))}, or read public columns alone",
        )
    return found


def labels_read(
    definition: Definition, table: Table, joined: Table | None
) -> list[tuple[str, Label]]:
    """Return (column, label) of everything that the menu reads, the subject included."""
    read = {column for entry in entries_of(definition) for column in entry.columns}
    return labels_of(read, table, joined)


async def _conditions(
    node: Node, definition: Definition, table: Table, of: str
) -> dict[str, list[str]]:
    """Run the filters over one of the tables on all of its rows; return the columns each reads."""
    asked = [(each.name, "", each.expression) for each in definition.conditions if each.table == of]
    if not asked:
        return {}
    try:
        found = await check_predicates(node, table, asked, table.snapshot.fingerprint.to_json())
    except (PredicateInvalidError, PredicateFailsError) as error:
        clause = f"{MENU}.filters.{error.clause.rpartition('.')[2]}"
        raise type(error)(str(error), clause=clause, remedy=error.remedy) from None
    return {name: columns for (name, _, _), columns in zip(asked, found, strict=True)}


def _check_names(definition: Definition, table: Table, joined: Table | None) -> None:
    if len(definition.encode()) > MAX_BYTES:
        raise FieldInvalidError(
            f"a menu with what stands behind it has at most {MAX_BYTES:,} bytes",
            clause=MENU,
            remedy="offer fewer values in each dimension, or two products",
        )
    for name in definition.menu.names:
        field_name(name, f"{MENU}.name")
    subject = {column.name for column in table.subject}
    if {*definition.person} == subject:
        raise FieldInvalidError(
            "the columns of person are the table's subject anyway",
            clause=f"{MENU}.person",
            remedy="leave person out, and rows_per_person",
        )
    if joined is not None and joined.name == table.name:
        raise FieldInvalidError(
            "a table is joined with another one", clause=f"{MENU}.join.table", remedy="leave it out"
        )
    own = {column.name for column in table.columns}
    if joined is not None and own & {beside(joined, column.name) for column in joined.columns}:
        raise FieldInvalidError(
            f"a column of {table.name!r} is called like one of {joined.name!r} beside it",
            clause=f"{MENU}.join.table",
            remedy="rename the column, or register the joined table under another name",
        )
