"""Answering predicates about one subject, in the clear."""

from collections.abc import Sequence
from datetime import date

import duckdb

from unseen.node.data import source
from unseen.node.data.connection import VIEW, connect, identifier
from unseen.node.data.predicates import fails, select_list
from unseen.protocols.errors import DuplicateSubjectError

_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "date": "DATE"}
_open: dict[tuple[source.Source, source.Fingerprint], duckdb.DuckDBPyConnection] = {}
_OPEN_LIMIT = 4


def answers(
    where: source.Source,
    fingerprint: source.Fingerprint,
    subject: Sequence[tuple[str, str]],
    values: Sequence[str | int | date],
    predicates: Sequence[tuple[str, str]],
    *,
    memory_mb: int,
) -> tuple[bool | None, ...]:
    """Return each predicate's answer about the subject; None for every one if it is absent.

    Raises:
        TableChangedError: the file is not the registered one.
        PredicateFailsError: an expression raises an error on this row.

    """
    source.check_fingerprint(where.path, fingerprint)
    connection = _connection(where, fingerprint, memory_mb)
    condition = " AND ".join(_equals(name, form) for name, form in subject)
    sql = f"SELECT {', '.join(select_list(predicates))} FROM {VIEW} WHERE {condition}"  # noqa: S608
    try:
        rows = connection.execute(sql, list(values)).fetchmany(2)
    except duckdb.Error as error:
        names = ", ".join(name for name, _ in predicates)
        raise fails(names, type(error).__name__) from None
    if len(rows) > 1:
        raise DuplicateSubjectError(count=1)
    return tuple(rows[0]) if rows else (None,) * len(predicates)


def _equals(name: str, form: str) -> str:
    if form == "string":  # in normal form C on both sides, as a hidden lookup compares them
        return f"nfc_normalize({identifier(name)}) = nfc_normalize(CAST(? AS VARCHAR))"
    return f"{identifier(name)} = CAST(? AS {_TYPES[form]})"


def _connection(
    where: source.Source, fingerprint: source.Fingerprint, memory_mb: int
) -> duckdb.DuckDBPyConnection:
    key = (where, fingerprint)
    if key not in _open:
        while len(_open) >= _OPEN_LIMIT:
            _open.pop(next(iter(_open))).close()
        _open[key] = connect(where, memory_mb=memory_mb, spill=None)
    return _open[key]
