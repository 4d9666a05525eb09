"""Predicates: boolean DuckDB expressions over one row, and which columns each of them reads."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from unseen.node.data.connection import VIEW, identifier
from unseen.node.errors import PredicateFailsError, PredicateInvalidError

# What one row's answer must not depend on: other rows, other tables, the time, chance.
_FORBIDDEN_NODES = frozenset({"SUBQUERY", "WINDOW", "STAR", "PARAMETER", "LAMBDA_REF", "DEFAULT"})
# Scalar by DuckDB's own account, and yet they read settings or what the process was given.
_HIDDEN = frozenset({"getenv", "current_setting", "getvariable"})
# Macros are refused but for these: others hide aggregates, subqueries or the clock.
_PURE_MACROS = frozenset(
    {"date_add", "days_in_month", "fdiv", "fmod", "if", "nullif", "split_part"}
)
_PURE_PREFIXES = ("list_", "array_", "map_contains_")
_MAX_CHARS = 2000


def columns_read(
    connection: duckdb.DuckDBPyConnection, name: str, expression: str, columns: Sequence[str]
) -> tuple[str, ...]:
    """Return the table columns that the expression reads, in the table's order.

    Raises:
        PredicateInvalidError: not one boolean expression over `columns` alone.

    """
    tree = _parse(connection, name, expression)
    _check_functions(connection, name, tree)
    referenced = set()
    for node in _nodes(tree):
        if node.get("class") in _FORBIDDEN_NODES:
            raise _invalid(
                name, f"it uses {str(node['class']).lower()}, which reads beyond one row"
            )
        if node.get("class") == "COLUMN_REF":
            referenced.add(".".join(node["column_names"]).lower())
    known = {column.lower(): column for column in columns}
    if unknown := sorted(referenced - known.keys()):
        raise _invalid(name, f"the table has no column {unknown[0]!r}")
    _check_boolean(connection, name, expression)
    return tuple(column for column in columns if column.lower() in referenced)


def check_rows(connection: duckdb.DuckDBPyConnection, name: str, expression: str) -> None:
    """Evaluate the expression on every row, once.

    Raises:
        PredicateFailsError: it raises an error on some rows; their number at most is told.

    """
    wrapped = boolean(expression)
    try:
        connection.execute(f"SELECT count(*) FILTER (WHERE {wrapped}) FROM {VIEW}").fetchone()  # noqa: S608
    except duckdb.Error as error:
        detail = type(error).__name__
        with contextlib.suppress(duckdb.Error):  # not every error is one that TRY catches
            count = connection.execute(
                f"SELECT count(*) FROM {VIEW} WHERE TRY({wrapped}) IS NULL"  # noqa: S608
            ).fetchone()
            detail += f" on at most {count[0] if count else 0} rows"
        raise fails(name, detail) from None


def boolean(expression: str) -> str:
    """Return the expression in brackets; a newline ends a comment that would swallow the rest."""
    return f"({expression}\n)"


def fails(name: str, detail: str) -> PredicateFailsError:
    """Return the error for a predicate that cannot be evaluated on some rows."""
    return PredicateFailsError(
        f"predicate {name!r} fails: {detail}",
        clause=f"product.predicates.{name}",
        remedy="wrap the part that fails in TRY(...): such rows then answer 'no usable result'",
    )


def _parse(connection: duckdb.DuckDBPyConnection, name: str, expression: str) -> dict[str, Any]:
    if not 0 < len(expression) <= _MAX_CHARS:
        raise _invalid(name, f"it has not 1 to {_MAX_CHARS} characters")
    row = connection.execute(
        "SELECT json_serialize_sql(?)", [f"SELECT {boolean(expression)}"]
    ).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        raise _invalid(name, "it is not a DuckDB expression")
    statements = tree["statements"]
    select = statements[0]["node"]
    alone = len(statements) == 1 and len(select.get("select_list", ())) == 1
    if not alone or select.get("from_table", {}).get("type") != "EMPTY":
        raise _invalid(name, "it is more than one expression")
    found: dict[str, Any] = select["select_list"][0]
    return found


def _check_functions(
    connection: duckdb.DuckDBPyConnection, name: str, tree: dict[str, Any]
) -> None:
    calls = [node for node in _nodes(tree) if node.get("class") == "FUNCTION"]
    used = {node["function_name"].lower() for node in calls}
    refused = used & _HIDDEN
    if any(len(node["arguments"]) == 1 for node in calls if node["function_name"] == "age"):
        refused.add("age")  # with one argument it counts from today
    rows = connection.execute(
        "SELECT DISTINCT function_name, function_type = 'macro' FROM duckdb_functions()"
        " WHERE list_contains(?, function_name) AND (function_type <> 'scalar'"
        " OR coalesce(stability, 'CONSISTENT') <> 'CONSISTENT')",
        [sorted(used)],
    ).fetchall()
    for function, is_macro in rows:
        pure = function in _PURE_MACROS or function.startswith(_PURE_PREFIXES)
        if not (is_macro and pure):
            refused.add(function)
    if refused:
        raise _invalid(name, f"{min(refused)}() depends on more than the row")


def _check_boolean(connection: duckdb.DuckDBPyConnection, name: str, expression: str) -> None:
    try:
        row = connection.execute(
            f"DESCRIBE SELECT {boolean(expression)} AS answer FROM {VIEW}"  # noqa: S608
        ).fetchone()
    except duckdb.Error as error:
        raise _invalid(name, f"{type(error).__name__}") from None
    if row is None or row[1] != "BOOLEAN":
        raise _invalid(name, "its type is not BOOLEAN")


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _invalid(name: str, why: str) -> PredicateInvalidError:
    return PredicateInvalidError(
        f"predicate {name!r} cannot be used: {why}",
        clause=f"product.predicates.{name}",
        remedy="write one boolean DuckDB expression over the table's own columns",
    )


def select_list(predicates: Sequence[tuple[str, str]]) -> list[str]:
    """Return the SQL of each (name, expression) as a column of the predicate's name."""
    return [f"{boolean(text)} AS {identifier('p_' + name)}" for name, text in predicates]
