"""Menus of products of kind `statistics`: whether they fit their tables, and what they read. Pure.

A name `TABLE.COLUMN` is a column of the joined table; tables' names hold no dot.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from unseen.evidence.contracts.statistics.definition import Definition, Origin
from unseen.evidence.contracts.statistics.entries import Dimension, Measure
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.catalog.labels import Label
from unseen.node.errors import ColumnUnknownError
from unseen.protocols.errors import UnseenError

MENU = "product.menu"
PUBLIC = "public"
Labels = list[tuple[str, Label]]
_WHOLE = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    }
)
_BOOLEANS = frozenset({"true", "false"})


def beside(joined: Table, column: str) -> str:
    """Return the name under which plans know a column of the joined table."""
    return f"{joined.name}.{column}"


def known_columns(table: Table, joined: Table | None) -> tuple[str, ...]:
    """Return every column that a plan over these tables may name, in their order."""
    own = tuple(column.name for column in table.columns)
    if joined is None:
        return own
    return own + tuple(beside(joined, column.name) for column in joined.columns)


def conditions_over(product: Product, table: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return name, text, expression and columns of what a product asks of the rows of `table`.

    A match asks nothing in SQL, and neither do intersections and scores.
    """
    if product.match or product.intersect is not None or product.score is not None:
        return []
    if product.definition is None:
        found = product.predicates if product.table == table else ()
        return [(each.name, each.text, each.expression, each.columns) for each in found]
    here = "" if product.table == table else table
    return [
        (each.name, each.name, each.expression, each.columns)
        for each in product.definition.conditions
        if each.table == here and (here or product.table == table)
    ]


def with_columns(definition: Definition, read: Mapping[str, Sequence[str]]) -> Definition:
    """Return the definition with the columns that each of its conditions reads."""
    conditions = tuple(
        replace(each, columns=tuple(read[each.name])) for each in definition.conditions
    )
    return replace(definition, conditions=conditions)


def misfits(
    definition: Definition, names: tuple[str, ...], table: Table, joined: Table | None
) -> Iterator[UnseenError]:
    """Yield what of these entries, of the person and of the join does not fit the tables."""
    types = {column.name: column.type for column in table.columns}
    beside = {column.name: column.type for column in joined.columns} if joined else {}
    for dimension in definition.menu.dimensions:
        if dimension.name in names:
            origin = _origin(definition, dimension.name)
            found = (beside if origin.table else types).get(origin.column)
            yield from _dimension_misfits(dimension, origin, found)
    for measure in definition.menu.measures:
        if measure.name in names:
            origin = _origin(definition, measure.name)
            found = (beside if origin.table else types).get(origin.column)
            yield from _measure_misfits(measure, origin, found)
    for column in definition.person:
        if column not in types:
            yield _unfit(f"{MENU}.person", f"column {column!r} does not exist")
    yield from _join_misfits(definition, table, joined)


def same_people(definition: Definition, table: Table) -> bool:
    """Return whether each person of the table is asked about by the same name in the joined one."""
    if definition.join is None:
        return True
    return {*definition.join.here} == {*persons(definition, table)}


def hidden_beside(definition: Definition, table: Table, labels: Labels) -> str:
    """Return the first of the joined columns that only a join of the same people may read.

    Public columns any join may read: nobody is behind them. `labels` are those of all columns read.
    """
    if definition.join is None or same_people(definition, table):
        return ""
    start = f"{definition.join.table}."
    return next((c for c, label in labels if c.startswith(start) and label.category != PUBLIC), "")


def labels_of(columns: Collection[str], table: Table, joined: Table | None) -> Labels:
    """Return (column, label) of what is read by these names, and of the table's subject."""
    found = table.labels(tuple(columns))
    if joined is not None:
        names = [(beside(joined, column.name), column.label) for column in joined.columns]
        found += [(name, label) for name, label in names if name in columns]
    return found


def persons(definition: Definition, table: Table) -> tuple[str, ...]:
    """Return the columns that name a person: the table's subject unless the definition says."""
    return definition.person or tuple(column.name for column in table.subject)


def _origin(definition: Definition, name: str) -> Origin:
    return next(origin for origin in definition.columns if origin.name == name)


def _dimension_misfits(
    dimension: Dimension, origin: Origin, kind: str | None
) -> Iterator[UnseenError]:
    clause, column = f"{MENU}.dimensions.{dimension.name}.column", origin.column
    if kind is None:
        yield _unfit(clause, f"column {column!r} does not exist")
    elif dimension.edges and not _numeric(kind):
        yield _unfit(clause, f"column {column!r} has type {kind}, and edges cut numbers")
    elif dimension.values and kind == "BOOLEAN":
        if not {*dimension.values} <= _BOOLEANS:
            yield _unfit(clause, f"column {column!r} is true or false, and nothing else")
    elif dimension.values and kind != "VARCHAR" and not kind.startswith("ENUM("):
        yield _unfit(clause, f"column {column!r} has type {kind}, and values are texts")


def _measure_misfits(measure: Measure, origin: Origin, kind: str | None) -> Iterator[UnseenError]:
    if kind is None or not _numeric(kind):
        why = "does not exist" if kind is None else f"has type {kind}, which cannot be added up"
        clause = f"{MENU}.measures.{measure.name}.column"
        yield _unfit(clause, f"column {origin.column!r} {why}")


def _join_misfits(
    definition: Definition, table: Table, joined: Table | None
) -> Iterator[UnseenError]:
    join, clause = definition.join, f"{MENU}.join.on"
    if join is None or joined is None:
        return
    if {*join.there} != {column.name for column in joined.subject}:
        yield _unfit(clause, f"the columns of {joined.name!r} are not its subject, all of it")
        return
    types = {column.name: column.type for column in table.columns}
    others = {column.name: column.type for column in joined.columns}
    for here, there in join.on:
        one, other = types.get(here), others[there]
        if one is None:
            yield _unfit(clause, f"column {here!r} does not exist")
        elif one != other and not {one, other} <= _WHOLE:
            yield _unfit(clause, f"{here!r} is {one} and {there!r} is {other}: never the same")


def _numeric(kind: str) -> bool:
    return kind in _WHOLE or kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL(")


def _unfit(clause: str, why: str) -> ColumnUnknownError:
    return ColumnUnknownError(
        f"the menu does not fit its table: {why}",
        clause=clause,
        remedy="see columns and types: unseen table show TABLE; correct the menu, or the table",
    )
