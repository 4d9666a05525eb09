"""Files of many subjects: CSV, and Parquet and Arrow where pyarrow is installed."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.failures import UsageError
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from unseen.client.subjects import Subject


def each_in(file: Path) -> "Iterator[Subject]":
    """Yield the subjects of a file by the names of its columns; its suffix says what it is.

    Values are texts where the file is CSV, which any other suffix stands for, and else what Arrow
    makes of them. A batch of rows is held at a time.

    Raises:
        UsageError: it is malformed, or needs what is not installed.

    """
    from unseen.client.rows import ARROW, PARQUET, STREAM

    arrow = file.suffix.lower() in PARQUET | ARROW | STREAM
    return _arrow_rows(file) if arrow else _csv_rows(file)


def subjects_in(file: Path) -> "list[Subject]":
    """Return all subjects of a file, as `each_in` does.

    Raises:
        UsageError: it is malformed, holds none, or needs what is not installed.

    """
    found = list(each_in(file))
    if not found:
        raise UsageError(f"{file} holds no subject", clause="subject", remedy="add lines to it")
    return found


def _csv_rows(file: Path) -> "Iterator[dict[str, Any]]":
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            _check_columns(file, reader.fieldnames or ())
            for row in reader:
                if None in row or None in row.values():
                    raise UsageError(
                        f"{file}: line {reader.line_num} has more or fewer values than the header",
                        clause="subject",
                        remedy="correct the file",
                    )
                yield row
    except UnicodeDecodeError:
        raise UsageError(
            f"{file} is not in UTF-8",
            clause="subject",
            remedy='save it anew in UTF-8: as "CSV UTF-8", or by iconv -f GB18030 -t UTF-8',
        ) from None
    except csv.Error as error:
        raise UsageError(f"{file}: {error}", clause="subject", remedy="correct the file") from None


def _arrow_rows(file: Path) -> "Iterator[dict[str, Any]]":
    arrow = _arrow(file, "pyarrow")
    try:
        for batch in _arrow_batches(file):
            _check_columns(file, batch.schema.names)
            yield from batch.to_pylist()
    except arrow.ArrowException as error:
        raise UsageError(
            f"{file} cannot be read: {type(error).__name__}",
            clause="subject",
            remedy="write it again",
        ) from None


def _arrow_batches(file: Path) -> "Iterator[Any]":
    from unseen.client.rows import BATCH, PARQUET, STREAM

    if file.suffix.lower() in PARQUET:
        yield from _arrow(file, "pyarrow.parquet").ParquetFile(file).iter_batches(BATCH)
        return
    with _arrow(file, "pyarrow").memory_map(str(file)) as source:
        if file.suffix.lower() in STREAM:
            yield from _arrow(file, "pyarrow.ipc").open_stream(source)
            return
        reader = _arrow(file, "pyarrow.ipc").open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _arrow(file: Path, name: str) -> Any:
    from unseen.client.rows import arrow_part

    try:
        return arrow_part(name, str(file))
    except InputInvalidError as error:
        raise UsageError(str(error), clause=error.clause, remedy=error.remedy) from None


def _check_columns(file: Path, names: "Sequence[str]") -> None:
    """Refuse two columns of one name: a row would have the last one alone."""
    if len(set(names)) < len(names):
        raise UsageError(
            f"{file}: two columns have one name", clause="subject", remedy="correct the file"
        )
