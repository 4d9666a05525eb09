"""2016/421 (CKKS): a table's rows as an encrypted training takes them, in blocks, from -1 to 1.

A constant 1 is the first column. Of a secret model all registered rows come, in any order; in a
vertical training those of the buyer's list, in its order. A row in which anything is missing, or
whose subject does not consent, is not there, or is that of several rows (as where forms make them
so), is one of zeros, the constant too: it adds nothing to any sum, and how many rows there are says
nothing of it. Which rows are zeros, only time may tell: reading takes longer where more is found.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from unseen.evidence.suite import DIGEST_BYTES, suite_of
from unseen.node.data.cells import rows_sql
from unseen.node.data.connection import quoted, reading
from unseen.node.data.featured import batches, features_of, opened, rows_of, spill_of
from unseen.node.data.listed import Listed, Reading
from unseen.node.data.source import changed
from unseen.node.errors import InternalError
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.lookup.match import formed_points
from unseen.protocols.train.rows import clamped, seen_of, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from unseen.protocols.train import Feature

Reals = NDArray[np.float64]
Block = tuple[Reals, Reals]
_EVERYBODY: Final = "true"
_WRITTEN_AT_ONCE: Final = 1 << 15
_READ_AT_ONCE: Final = 2048  # rows: a wide table would take much memory twice
_NO_LABELS: Final = np.zeros(0)
_LISTED: Final = pa.schema([("subject", pa.binary()), ("place", pa.int64())])


class Streamed:
    """A table's rows as `he.training` asks for them: once, in order, a block at a time."""

    def __init__(self, asked: Reading, secret: bytes, progress: "Callable[[int], None]") -> None:
        """Take what is read; `secret` opens the spool's list of those who consent.

        `progress` is told of rows that are handed out.
        """
        self._asked = asked
        self._found = found(asked, secret)
        self._rest: Block = (np.zeros((0, asked.columns)), _NO_LABELS)
        self._next = 0
        self._progress = progress

    @property
    def count(self) -> int:
        """Return how many rows there are."""
        return self._asked.count

    def block(self, start: int, stop: int) -> Block:
        """Return the next rows, n x columns, and their labels; zeros where no more are found.

        Raises:
            TableChangedError: more rows are found than there should be.
            UnseenError: as `found`.

        """
        if start != self._next:
            raise InternalError("rows of a training are read in their order")
        wanted = stop - start
        values, labels = self._taken(wanted)
        self._rest = values[wanted:], labels[wanted:]
        self._next = stop
        if stop == self.count and (len(values) > wanted or next(self._found, None) is not None):
            raise changed()
        self._progress(wanted)
        missing = max(0, wanted - len(values))
        some = np.concatenate([values[:wanted], np.zeros((missing, self._asked.columns))])
        if self._asked.label is None:
            return some, _NO_LABELS
        return some, np.concatenate([labels[:wanted], np.zeros(missing)])

    def close(self) -> None:
        """Stop reading."""
        self._found.close()

    def _taken(self, wanted: int) -> Block:
        """Return `wanted` rows or more, fewer where no more are found."""
        values, labels = [self._rest[0]], [self._rest[1]]
        have = len(values[0])
        while have < wanted and (more := next(self._found, None)) is not None:
            values.append(more[0])
            labels.append(more[1])
            have += len(more[0])
        return np.concatenate(values), np.concatenate(labels)


def found(asked: Reading, secret: bytes) -> Generator[Block, None, None]:
    """Yield rows in blocks of any size: those that serve or, of a list, one for each entry.

    Raises:
        MalformedMessageError: the list has a subject twice.
        TableChangedError: the file is not the registered one.
        TableUnreadableError: it cannot be read within the memory given.
        PredicateFailsError: the label's condition raises an error on a row.

    """
    counting, label = asked.counting, asked.label
    with opened(counting, secret) as (connection, types):
        if asked.listed is not None:
            names = [column.name for column in asked.listed.subject]
            sql = rows_sql(counting, types, "", _EVERYBODY, names)
            yield from _in_order(connection, asked, asked.listed, sql)
            return
        if label is None:
            raise InternalError("a secret model is trained on labels of the table's")
        sql = rows_sql(counting, types, asked.condition, _EVERYBODY)
        condition = label.name if asked.condition else ""
        for batch in batches(connection, sql, condition, _READ_AT_ONCE):
            found_here = rows_of(batch, asked.clause.features, label, condition=bool(condition))
            features, labels = found_here
            yield _seen(asked, features), _labels(asked, label, labels)


def _in_order(
    connection: duckdb.DuckDBPyConnection, asked: Reading, listed: Listed, sql: str
) -> Iterator[Block]:
    """Yield a row for each entry of a list: zeros where none is found that serves, or several.

    Both sides lie in files, which go with the spool: what DuckDB has as tables it would keep.
    """
    names = [f"d{at}" for at in range(len(asked.counting.axes))]
    names += [f"v{at}" for at in range(len(asked.counting.amounts))]
    folder = spill_of(asked.counting)
    folder.mkdir(mode=0o700, exist_ok=True)
    with reading():
        ours = f"read_parquet({quoted(str(folder / 'listed'))}) AS ours"
        _write(folder / "listed", _LISTED, _entries(listed, asked.count))
        _check_once(connection, ours, asked.count)
        kinds = pa.schema([("subject", pa.binary()), *((name, pa.int64()) for name in names)])
        found = batches(connection, sql, rows=_READ_AT_ONCE)
        _write(folder / "named", kinds, (_named(each, listed, kinds) for each in found))
    theirs = f"read_parquet({quoted(str(folder / 'named'))}) AS theirs"
    # Were one of several rows to serve, another would take its place when that one goes.
    several = (
        f"SELECT subject FROM {theirs} SEMI JOIN {ours} USING (subject)"  # noqa: S608 - ours
        " GROUP BY subject HAVING count(*) > 1"
    )
    ordered = (
        f"SELECT {', '.join(names)} FROM {ours} LEFT JOIN"  # noqa: S608 - ours
        f" (SELECT * FROM {theirs} ANTI JOIN ({several}) AS several USING (subject)) AS single"
        " USING (subject) ORDER BY place"
    )
    for batch in batches(connection, ordered, rows=_READ_AT_ONCE):
        yield _seen(asked, features_of(batch, asked.clause.features)), _NO_LABELS


def _write(path: Path, kinds: pa.Schema, found: Iterator[pa.RecordBatch]) -> None:
    """Write batches as a file of larger ones."""
    with parquet.ParquetWriter(path, kinds) as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in found:
            waiting.append(batch)
            if sum(each.num_rows for each in waiting) >= _WRITTEN_AT_ONCE:
                writer.write_table(pa.Table.from_batches(waiting, kinds))
                waiting.clear()
        writer.write_table(pa.Table.from_batches(waiting, kinds))


def _entries(listed: Listed, many: int) -> Iterator[pa.RecordBatch]:
    with listed.file.open("rb") as file:
        for start in range(0, many, _WRITTEN_AT_ONCE):
            count = min(_WRITTEN_AT_ONCE, many - start)
            data = file.read(count * DIGEST_BYTES)
            if len(data) < count * DIGEST_BYTES:
                raise MalformedMessageError("the list of subjects is cut off")
            hashes = [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]
            places = pa.array(range(start, start + count), pa.int64())
            yield pa.record_batch([pa.array(hashes, pa.binary()), places], schema=_LISTED)


def _check_once(connection: duckdb.DuckDBPyConnection, ours: str, many: int) -> None:
    """Return if each subject is listed once: else a row would count as often as it is asked for.

    Raises:
        MalformedMessageError: one is listed twice.

    """
    found = connection.execute(f"SELECT count(DISTINCT subject) FROM {ours}").fetchall()  # noqa: S608
    if found != [(many,)]:
        raise MalformedMessageError("the list of subjects has one twice")


def _named(batch: pa.RecordBatch, listed: Listed, kinds: pa.Schema) -> pa.RecordBatch:
    """Return a batch's rows beside the hash of their subjects; who has none is nobody."""
    suite = suite_of(listed.suite)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    subjects = [columns[f"s{at}"].to_pylist() for at in range(len(listed.subject))]
    hashes = []
    for subject in zip(*subjects, strict=True):
        points = formed_points(listed.subject, (), subject, listed.domain)
        hashes.append(None if points is None else suite.digest(points[0]))
    whole = [columns[name].cast(pa.int64()) for name in kinds.names[1:]]
    return pa.record_batch([pa.array(hashes, pa.binary()), *whole], schema=kinds)


def _seen(asked: Reading, features: Reals) -> Reals:
    """Return rows from -1 to 1 behind a constant; zeros where a feature is missing."""
    here = ~np.isnan(features).any(axis=1)
    rows = np.zeros((len(features), asked.columns))
    rows[here, 0] = 1.0
    rows[here, 1:] = seen_of(asked.clause.features, features[here])
    return rows


def _labels(asked: Reading, label: "Feature", values: Reals) -> Reals:
    """Return labels of a training: 0 and 1, or from -1 to 1."""
    logistic = asked.clause.family == "logistic"
    return clamped(label, values) if logistic else spread(label, values)
