"""Answering about one subject, in the clear: predicates of its row, or whether it agrees whole.

Where the subject's columns have canonical forms, a row is found by those: the first question after
a start or a refresh goes over the table once and keeps 16 bytes of a hash for each row's subject,
and for its id, beside the subject as the table writes it. DuckDB spills what does not fit.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from unseen.node.data import scan, source
from unseen.node.data.connection import VIEW, connect, identifier, reading
from unseen.node.data.hashed import HASH_BYTES, hashes_of, insert
from unseen.node.data.predicates import fails, select_list
from unseen.protocols.errors import DuplicateSubjectError
from unseen.protocols.lookup.subject import SubjectColumn, SubjectType, Value, parse_value

Given = Sequence[str | int | date]
Row = tuple[str | int | date, ...]

_TYPES: dict[SubjectType, str] = {"string": "VARCHAR", "integer": "BIGINT", "date": "DATE"}
_ARROW = {"string": pa.string(), "integer": pa.int64(), "date": pa.date32()}
_open: dict[tuple[source.Source, source.Fingerprint], duckdb.DuckDBPyConnection] = {}
_OPEN_LIMIT = 4
_MOST = 64  # rows of one id that a match looks at


@dataclass(frozen=True, slots=True)
class Where:
    """A registered table as it has to be, and what reading it may take.

    `spill` is a folder of this process's own for what `memory_mb` does not hold.
    """

    file: source.Source
    fingerprint: source.Fingerprint
    memory_mb: int
    spill: Path


def answers(
    where: Where,
    subject: Sequence[SubjectColumn],
    values: Given,
    predicates: Sequence[tuple[str, str]],
) -> tuple[bool | None, ...]:
    """Return each predicate's answer about the subject; None for every one if it is absent.

    The subject is given as the table writes it (`written`), or as it was asked where no column has
    a form.

    Raises:
        TableChangedError: the file is not the registered one.
        PredicateFailsError: an expression raises an error on this row.

    """
    connection = _connection(where)
    condition = " AND ".join(_equals(column) for column in subject)
    sql = f"SELECT {', '.join(select_list(predicates))} FROM {VIEW} WHERE {condition}"  # noqa: S608
    try:
        rows = connection.execute(sql, list(values)).fetchmany(2)
    except duckdb.Error as error:
        names = ", ".join(name for name, _ in predicates)
        raise fails(names, type(error).__name__) from None
    if len(rows) > 1:
        raise DuplicateSubjectError(count=1)
    return tuple(rows[0]) if rows else (None,) * len(predicates)


def written(where: Where, subject: Sequence[SubjectColumn], values: Given) -> Given | None:
    """Return the subject as the table writes it, or None if it has none of that form.

    Raises:
        TableChangedError: the file is not the registered one.
        DuplicateSubjectError: two rows are of that form.

    """
    if all(column.form == "exact" for column in subject):
        return values
    found = _rows(where, tuple(subject), (), values)[0]
    if len(found) > 1:
        raise DuplicateSubjectError(count=1)
    return found[0] if found else None


def matching(
    where: Where, subject: Sequence[SubjectColumn], ids: Sequence[str], values: Given
) -> list[tuple[Given, bool]]:
    """Return the rows of a match, as the table writes their subjects, and whether each agrees.

    Those that agree whole come first, then those of whom only the id agrees.

    Raises:
        TableChangedError: the file is not the registered one.

    """
    whole, own = _rows(where, tuple(subject), tuple(ids), values)
    agreeing = [(row, True) for row in whole]
    return [*agreeing, *((row, False) for row in own if row not in whole)]


def _rows(
    where: Where, subject: tuple[SubjectColumn, ...], ids: tuple[str, ...], values: Given
) -> list[list[Row]]:
    """Return the subjects of the rows at each of the points that `values` have, in one order."""
    connection = _connection(where)
    asked: list[tuple[str, str, list[Any]]]
    names = [identifier(column.name) for column in subject]
    parts = [subject, tuple(column for column in subject if column.name in ids)][: 1 + bool(ids)]
    if all(column.form == "exact" for column in subject):
        given = dict(zip((column.name for column in subject), values, strict=True))
        asked = [
            (VIEW, " AND ".join(map(_equals, part)), [given[column.name] for column in part])
            for part in parts
        ]
    else:
        table = _formed(connection, subject, ids)
        hashes = hashes_of(
            subject, ids, [_read(c, v) for c, v in zip(subject, values, strict=True)]
        )
        names = [f"s{place}" for place in range(len(subject))]
        asked = [(table, f"p{at} = ?", [each]) for at, each in enumerate(hashes or ())]
    with reading():
        return [
            connection.execute(
                f"SELECT {', '.join(names)} FROM {view} WHERE {condition} ORDER BY ALL"  # noqa: S608
                f" LIMIT {_MOST}",
                given_values,
            ).fetchall()
            for view, condition, given_values in asked
        ]


def _formed(
    connection: duckdb.DuckDBPyConnection, subject: tuple[SubjectColumn, ...], ids: tuple[str, ...]
) -> str:
    """Return the name of the table of points and subjects of the rows; make it if it is not there.

    A row without a canonical form is not in it.
    """
    key = hashlib.sha256(repr((subject, ids)).encode()).hexdigest()[:HASH_BYTES]
    name, unfinished = f"formed_{key}", f"filling_{key}"
    with reading():
        if connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]
        ).fetchone():
            return name
        points = [f"p{at} BLOB" for at in range(1 + bool(ids))]
        raw = [f"s{place} {_TYPES[column.type]}" for place, column in enumerate(subject)]
        connection.execute(f"CREATE OR REPLACE TABLE {unfinished} ({', '.join([*points, *raw])})")
        types = [*(pa.binary() for _ in points), *(_ARROW[column.type] for column in subject)]
        for batch in scan.scan(connection, subject, (), ()):
            found = ((hashes_of(subject, ids, row), row) for row in batch.subjects)
            rows = [(*hashes, *row) for hashes, row in found if hashes is not None]
            if rows:
                insert(connection, unfinished, list(zip(*rows, strict=True)), types)
        connection.execute(f"ALTER TABLE {unfinished} RENAME TO {name}")
    return name


def _read(column: SubjectColumn, value: str | int | date) -> Value:
    return parse_value(column, value) if isinstance(value, str) else value


def _equals(column: SubjectColumn) -> str:
    name = identifier(column.name)
    if column.type == "string":  # in normal form C on both sides, as a hidden lookup compares them
        return f"nfc_normalize({name}) = nfc_normalize(CAST(? AS VARCHAR))"
    return f"{name} = CAST(? AS {_TYPES[column.type]})"


def _connection(where: Where) -> duckdb.DuckDBPyConnection:
    source.check_fingerprint(where.file.path, where.fingerprint)
    key = (where.file, where.fingerprint)
    if key not in _open:
        while len(_open) >= _OPEN_LIMIT:
            _open.pop(next(iter(_open))).close()
        where.spill.mkdir(parents=True, exist_ok=True)
        _open[key] = connect(where.file, memory_mb=where.memory_mb, spill=where.spill)
    return _open[key]
