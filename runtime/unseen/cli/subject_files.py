"""Files of many subjects: CSV, and Parquet and Arrow where pyarrow is installed."""

import csv
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unseen.cli.failures import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from unseen.client.subjects import Subject

_PARQUET: Final = frozenset({".parquet", ".pq"})
_ARROW: Final = frozenset({".arrow", ".arrows", ".feather"})


def subjects_in(file: Path) -> "list[Subject]":
    """Return the subjects of a file by the names of its columns; its suffix says what it is.

    Values are texts where the file is CSV, which any other suffix stands for, and else what Arrow
    makes of them.

    Raises:
        UsageError: it is malformed, holds none, or needs what is not installed.

    """
    kind = file.suffix.lower()
    rows = _arrow_rows(file) if kind in _PARQUET | _ARROW else _csv_rows(file)
    found: list[Subject] = list(rows)
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
                        f"{file}: a line has more or fewer values than the header",
                        clause="subject",
                        remedy="correct the file",
                    )
                yield row
    except (csv.Error, UnicodeDecodeError) as error:
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
    if file.suffix.lower() in _PARQUET:
        yield from _arrow(file, "pyarrow.parquet").ParquetFile(file).iter_batches()
        return
    with _arrow(file, "pyarrow").memory_map(str(file)) as source:
        reader = _arrow(file, "pyarrow.ipc").open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _arrow(file: Path, name: str) -> Any:
    # By its name: a client is whole without it, and its types with it.
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise UsageError(
            f"{file}: files of Parquet and Arrow are read with pyarrow",
            clause="file",
            remedy="install pyarrow, or give a CSV file",
        ) from None


def _check_columns(file: Path, names: "Sequence[str]") -> None:
    """Refuse two columns of one name: a row would have the last one alone."""
    if len(set(names)) < len(names):
        raise UsageError(
            f"{file}: two columns have one name", clause="subject", remedy="correct the file"
        )
