"""Items from files of rows, batch by batch, and rows out again: CSV, and Arrow where it is there.

CSV is read with Python alone. Parquet and Arrow files need pyarrow, which a node has and a client
may have: it is asked for by its name when such a file comes. A batch of a Parquet file is read from
a group of its rows, as large as its writer made it.
"""

import csv
import datetime as dt
import importlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn, Value, encode_subject, parse_value
from unseen.streams.records import BinaryWriter

ROWS: Final = 1 << 14
Subjects: TypeAlias = list[tuple[Value, ...]]
_ARROW: Final = frozenset({".arrow", ".arrows", ".feather"})
_PARQUET: Final = frozenset({".parquet", ".pq"})
_TYPES: Final = {"string": str, "integer": int, "date": dt.date}


def read(path: Path, columns: Sequence[SubjectColumn], rows: int = ROWS) -> Iterator[Subjects]:
    """Yield the subjects of a file, up to `rows` at a time; its suffix says what it is.

    Texts are read as a person types them, values of Arrow have to be of their column's type.

    Raises:
        InputInvalidError: the file is not what its suffix says, lacks a column, or needs pyarrow.
        SubjectInvalidError: a value is missing or of another type; says where, never what.

    """
    names, first = [column.name for column in columns], 1
    for batch in _values_of(path, names, rows):
        found = []
        for number, row in enumerate(batch, first):
            try:
                found.append(tuple(map(_value, columns, row)))
            except SubjectInvalidError as error:
                raise SubjectInvalidError(
                    f"{path.name}, row {number}: {error}",
                    clause="subject",
                    remedy="correct the file",
                ) from None
        first += len(batch)
        yield found


def rows_of(path: Path, size: int = ROWS) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a file by the names of its columns, up to `size` at a time.

    Values are texts where the file is CSV, and else what Arrow makes of them.

    Raises:
        InputInvalidError: as `read`, or two columns have one name.

    """
    if path.suffix.lower() == ".csv":
        reader = _csv_rows(path)
        header = next(reader)
        _check_columns(path, header, header)
        for batch in _batched(reader, size):
            yield [dict(zip(header, row, strict=True)) for row in batch]
        return
    for batch in _arrow_batches(path, None, size):
        _check_columns(path, batch.schema.names, batch.schema.names)
        yield batch.to_pylist()


def encoded(
    batches: Iterable[Sequence[Sequence[Value]]], columns: Sequence[SubjectColumn], domain: bytes
) -> Iterator[list[bytes]]:
    """Yield batches of subjects as the items of an intersection (`encode_subject`).

    Raises:
        SubjectInvalidError: a subject has no canonical bytes.

    """
    for batch in batches:
        yield [encode_subject(columns, subject, domain) for subject in batch]


def copy_rows(source: Path, places: Iterable[NDArray[np.int64]], target: Path) -> int:
    """Write the rows of a file at these places, ascending from 0, as a file of the same kind.

    Returns how many there are.

    Raises:
        InputInvalidError: as `read`, or a place is beyond the file.
        OSError: the disk is full; nothing is left of the file.

    """
    chosen = _Chosen(places)
    kind = source.suffix.lower()
    with BinaryWriter(target) as writer:
        if kind == ".csv":
            _copy_csv(source, chosen, writer)
        else:
            _copy_arrow(source, chosen, writer)
        return chosen.finish()


def _copy_csv(source: Path, chosen: "_Chosen", writer: BinaryWriter) -> None:
    reader = _csv_rows(source)
    out = csv.writer(_Encoded(writer), lineterminator="\n")
    out.writerow(next(reader))
    for batch in _batched(reader, ROWS):
        out.writerows(batch[place] for place in chosen.within(len(batch)))


def _copy_arrow(source: Path, chosen: "_Chosen", writer: BinaryWriter) -> None:
    batches = iter(_arrow_batches(source, None, ROWS))
    first = next(batches, None)
    if first is None:
        raise InputInvalidError(f"{source.name} holds no rows")
    if source.suffix.lower() in _PARQUET:
        out = _arrow("pyarrow.parquet").ParquetWriter(writer.file, first.schema)
    else:
        out = _arrow("pyarrow.ipc").new_file(writer.file, first.schema)
    with out:
        while first is not None:
            out.write_batch(first.take(_arrow("pyarrow").array(chosen.within(first.num_rows))))
            first = next(batches, None)


class _Chosen:
    """Places that ascend, as they fall into one batch of rows after another."""

    def __init__(self, places: Iterable[NDArray[np.int64]]) -> None:
        self._more = iter(places)
        self._held = np.empty(0, np.int64)
        self._first = 0
        self._count = 0

    def within(self, rows: int) -> NDArray[np.int64]:
        """Return the places in the next `rows` rows, from the first of them."""
        end, found = self._first + rows, []
        while True:
            cut = int(np.searchsorted(self._held, end))
            found.append(self._held[:cut] - self._first)
            self._held = self._held[cut:]
            if len(self._held):
                break
            more = next(self._more, None)
            if more is None:
                break
            self._held = more
        self._first = end
        together: NDArray[np.int64] = np.concatenate(found)
        self._count += len(together)
        return together

    def finish(self) -> int:
        """Return how many places there were.

        Raises:
            InputInvalidError: there are more than rows.

        """
        if len(self._held) or next(self._more, None) is not None:
            raise InputInvalidError("there are places beyond the rows of the file")
        return self._count


class _Encoded:
    """What `csv.writer` writes to: text as the bytes of a file."""

    def __init__(self, writer: BinaryWriter) -> None:
        self._writer = writer

    def write(self, text: str) -> None:
        self._writer.write_bytes(text.encode())


def _values_of(path: Path, names: Sequence[str], rows: int) -> Iterator[list[Sequence[Any]]]:
    if path.suffix.lower() == ".csv":
        yield from _csv_batches(path, names, rows)
        return
    for batch in _arrow_batches(path, names, rows):
        columns = [batch.column(name).to_pylist() for name in names]
        yield list(zip(*columns, strict=True))


def _csv_batches(path: Path, names: Sequence[str], rows: int) -> Iterator[list[Sequence[Any]]]:
    reader = _csv_rows(path)
    header = next(reader)
    _check_columns(path, names, header)
    wanted = [header.index(name) for name in names]
    for batch in _batched(reader, rows):
        yield [[row[place] for place in wanted] for row in batch]


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """Yield header and rows of a CSV file, each with as many values; empty lines are none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, None)
            if not header:
                raise InputInvalidError(f"{path.name} has no header")
            yield header
            for row in reader:
                if row and len(row) != len(header):
                    line = f"{path.name}, line {reader.line_num}"
                    raise InputInvalidError(
                        f"{line}: more or fewer values than the header",
                        remedy="correct the file",
                    )
                if row:
                    yield row
    except UnicodeDecodeError:
        raise InputInvalidError(
            f"{path.name} is not UTF-8", remedy="save it as UTF-8, or as Parquet"
        ) from None
    except csv.Error as error:
        raise InputInvalidError(f"{path.name}: {error}", remedy="correct the file") from None


def _arrow_batches(path: Path, names: Sequence[str] | None, rows: int) -> Iterator[Any]:
    """Yield record batches of a Parquet or Arrow file."""
    kind = path.suffix.lower()
    if kind not in _ARROW | _PARQUET:
        raise InputInvalidError(
            f"{path.name} is no file of rows that is known",
            remedy="give .csv, or with pyarrow .parquet or .arrow",
        )
    arrow = _arrow("pyarrow")
    try:
        if kind in _PARQUET:
            file = _arrow("pyarrow.parquet").ParquetFile(path)
            _check_columns(path, names or (), file.schema_arrow.names)
            yield from file.iter_batches(batch_size=rows, columns=names and list(names))
            return
        with arrow.memory_map(str(path)) as source:
            reader = _arrow("pyarrow.ipc").open_file(source)
            _check_columns(path, names or (), reader.schema.names)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)
    except arrow.ArrowException as error:
        raise InputInvalidError(
            f"{path.name} cannot be read: {type(error).__name__}", remedy="write it again"
        ) from None


def _arrow(name: str) -> Any:
    # By its name: a client is whole without it, and nothing that imports this module needs it.
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise InputInvalidError(
            "files of Parquet and Arrow are read with pyarrow, which is not installed",
            remedy="install pyarrow, or give the items as CSV",
        ) from None


def _check_columns(path: Path, names: Sequence[str], header: Sequence[str]) -> None:
    for name in names:
        if list(header).count(name) != 1:
            raise InputInvalidError(
                f"{path.name} has no column {name!r}, or more than one",
                remedy=f"name the columns {', '.join(names)}",
            )


def _value(column: SubjectColumn, value: Any) -> Value:
    if isinstance(value, str):
        return parse_value(column, value)
    if type(value) is not _TYPES[column.type]:  # a bool is no integer, a datetime no date
        what = "is missing" if value is None else f"is not a {column.type}"
        raise SubjectInvalidError(f"the value of column {column.name} {what}")
    return cast("Value", value)


def _batched(rows: Iterator[list[str]], size: int) -> Iterator[list[list[str]]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
