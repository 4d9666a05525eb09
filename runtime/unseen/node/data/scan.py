"""One pass over a table: subjects, answers and the rows' salted commitment, in bounded memory.

The commitment's scheme is in `evidence/registry/snapshot.py`; here the rows are read as
DuckDB prints them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from unseen.evidence.registry.snapshot import row_leaf, row_salt
from unseen.node.data.connection import VIEW, identifier
from unseen.node.data.predicates import fails, select_list
from unseen.node.errors import ColumnUnknownError, SubjectNullError
from unseen.protocols.errors import DuplicateSubjectError
from unseen.protocols.lookup.subject import SubjectColumn, SubjectType, Value
from unseen.protocols.tlog.tree import Frontier

BATCH_ROWS = 8192  # a power of two: see `blocks.py`
_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column and DuckDB's name of its type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to 8192 rows: subjects, answers in the order asked for, and the rows as text.

    They lie in one block of 8192 rows of all that were read; `first` is the first one's index.
    """

    subjects: list[tuple[Value, ...]]
    answers: list[tuple[bool | None, ...]]
    rows: list[tuple[str | None, ...]]
    first: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """Which blocks of rows one of several readers wants: every `parts`-th, from `part` on."""

    part: int = 0
    parts: int = 1


WHOLE = Share()


def read_schema(connection: duckdb.DuckDBPyConnection, view: str = VIEW) -> tuple[TableColumn, ...]:
    """Return the columns of the table, or of another view, in order."""
    rows = connection.execute(f"DESCRIBE {view}").fetchall()
    return tuple(TableColumn(row[0], row[1]) for row in rows)


def subject_columns(
    schema: Sequence[TableColumn], names: Sequence[str]
) -> tuple[SubjectColumn, ...]:
    """Return the subject's columns with the types a buyer gives values in.

    Raises:
        ColumnUnknownError: a column does not exist or has no type that can name a subject.

    """
    types = {column.name: column.type for column in schema}
    return tuple(SubjectColumn(name, _subject_type(name, types.get(name))) for name in names)


def check_no_nulls(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Raise SubjectNullError if a subject column holds a null; it names the column."""
    for name in names:
        row = connection.execute(
            f"SELECT count(*) FROM {VIEW} WHERE {identifier(name)} IS NULL"  # noqa: S608
        ).fetchone()
        if row and row[0]:
            raise SubjectNullError(
                f"subject column {name!r} holds {row[0]} nulls",
                clause="table.subject",
                remedy="name subject columns that are never null, or clean the table",
            )


def check_no_duplicates(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Raise DuplicateSubjectError if rows share their subject; it counts them."""
    key = ", ".join(identifier(name) for name in names)
    groups = f"SELECT count(*) AS n FROM {VIEW} GROUP BY {key}"  # noqa: S608 - quoted
    row = connection.execute(
        f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM ({groups})"  # noqa: S608
    ).fetchone()
    if row and row[0]:
        error = DuplicateSubjectError(count=int(row[0]))
        error.clause = "table.subject"
        error.remedy = "name columns that together name each subject once, or clean the table"
        raise error


def scan(
    connection: duckdb.DuckDBPyConnection,
    subject: Sequence[SubjectColumn],
    predicates: Sequence[tuple[str, str]],
    columns: Sequence[str],
    only: str = "",
    share: Share = WHOLE,
) -> Iterator[Batch]:
    """Yield the table in batches; `columns` are the ones whose raw text is wanted (may be none).

    `only` is a condition in SQL for the rows that are wanted; then their order means nothing, and
    so does a share of them.

    Raises:
        PredicateFailsError: an expression raises an error on a row.

    """
    selected = [
        *(identifier(column.name) for column in subject),
        *select_list(predicates),
        *(f"CAST({identifier(name)} AS VARCHAR) AS {identifier('r_' + name)}" for name in columns),
    ]
    first, second = len(subject), len(subject) + len(predicates)
    try:
        # A cursor of its own: a result that someone has not read to its end would be in the way.
        relation = connection.cursor().sql(
            f"SELECT {', '.join(selected)} FROM {VIEW} WHERE {only or 'true'}"  # noqa: S608
        )
        reader = relation.to_arrow_reader(BATCH_ROWS)
        for start, batch in _cut(reader, share):
            lists = [column.to_pylist() for column in batch.columns]
            yield Batch(
                _rows(lists[:first], batch.num_rows),
                _rows(lists[first:second], batch.num_rows),
                _rows(lists[second:], batch.num_rows),
                start,
            )
    except duckdb.Error as error:
        if not predicates:
            raise
        names = ", ".join(name for name, _ in predicates)
        raise fails(names, type(error).__name__) from None


class SnapshotHasher:
    """Streams rows into the snapshot's commitment."""

    def __init__(self, salt: bytes) -> None:
        """Start with the snapshot's secret 32-byte salt."""
        self._salt = salt
        self._frontier = Frontier()

    @property
    def rows(self) -> int:
        """Return how many rows were added."""
        return self._frontier.size

    def add(self, rows: Sequence[tuple[str | None, ...]]) -> None:
        """Add the next rows, each a tuple of the columns' values as text."""
        for row in rows:
            own_salt = row_salt(self._salt, self._frontier.size)
            self._frontier.append(row_leaf(own_salt, row))

    def root(self) -> bytes:
        """Return the 32-byte commitment to the rows so far."""
        return self._frontier.root()


def _cut(reader: Iterable[Any], share: Share) -> Iterator[tuple[int, Any]]:
    """Yield what lies in blocks of the share, cut at their ends: however the reader cuts."""
    index = 0
    for batch in reader:
        end = index + batch.num_rows
        start = index
        while start < end:
            block = start // BATCH_ROWS
            stop = min(end, (block + 1) * BATCH_ROWS)
            if block % share.parts == share.part:
                yield start, batch.slice(start - index, stop - start)
            start = stop
        index = end


def _subject_type(name: str, duckdb_type: str | None) -> SubjectType:
    if duckdb_type == "VARCHAR":
        return "string"
    if duckdb_type == "DATE":
        return "date"
    if duckdb_type in _INTEGERS:
        return "integer"
    why = "does not exist" if duckdb_type is None else f"has type {duckdb_type}"
    raise ColumnUnknownError(
        f"subject column {name!r} {why}",
        clause="table.subject",
        remedy="name columns of type VARCHAR, DATE or an integer type of at most 64 bits",
    )


def _rows(columns: list[list[Any]], count: int) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * count
