"""Results of many subjects as rows: Arrow record batches, and files of Parquet, Arrow or CSV.

Rows are taken from their source a batch at a time, so that whatever is written needs the memory of
one batch. Arrow and Parquet need pyarrow, CSV nothing. A file is there when it is whole.
"""

import csv
import datetime as dt
import errno
import importlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from unseen.protocols.errors import InputInvalidError

BATCH: Final = 1 << 16
"""Rows of a batch."""

PARQUET: Final = frozenset({".parquet", ".pq"})
ARROW: Final = frozenset({".arrow", ".feather"})
STREAM: Final = frozenset({".arrows"})

ExactType = Literal["string", "integer", "date", "boolean"]
CellType = ExactType | Literal["number"]
Exact = str | int | dt.date | bool
Cell = Exact | float

_READ: dict[ExactType, Callable[[str], Exact]] = {
    "string": str,
    "integer": int,
    "date": dt.date.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Named and typed columns, and rows of cells that are gone through once.

    Raises:
        InputInvalidError: two columns have one name.

    """

    columns: tuple[tuple[str, CellType], ...]
    cells: Iterable[Sequence[Cell]] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse two columns of one name: a row would have the last one alone."""
        if len({name for name, _ in self.columns}) != len(self.columns):
            raise InputInvalidError("two columns have one name", clause="columns")

    def batches(self, size: int = BATCH) -> Iterator[Any]:
        """Yield the rows as record batches of pyarrow, of `size` rows but for the last.

        Raises:
            InputInvalidError: pyarrow is not installed.

        """
        arrow, schema = arrow_part("pyarrow", "record batches"), self.schema()
        rest = iter(self.cells)
        while some := list(islice(rest, size)):
            arrays = [
                arrow.array(values, each.type)
                for values, each in zip(zip(*some, strict=True), schema, strict=True)
            ]
            del some
            yield arrow.record_batch(arrays, schema=schema)

    def schema(self) -> Any:
        """Return the columns as a schema of pyarrow.

        Raises:
            InputInvalidError: pyarrow is not installed.

        """
        arrow = arrow_part("pyarrow", "record batches")
        types = {
            "string": arrow.string(),
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "date": arrow.date32(),
            "boolean": arrow.bool_(),
        }
        return arrow.schema(
            [arrow.field(name, types[kind], nullable=False) for name, kind in self.columns]
        )

    def write(self, path: Path, size: int = BATCH) -> int:
        """Write all rows into a file, by its suffix, and return how many they are.

        `.parquet` and `.pq` are Parquet, `.arrow` and `.feather` Arrow files, `.arrows` a stream of
        Arrow; any other is CSV, with a header.

        Raises:
            InputInvalidError: pyarrow is needed, and is not installed; nothing is written.
            OSError: it cannot be written; what was there before is still there.

        """
        kind = path.suffix.lower()
        with _whole(path) as part:
            if kind in PARQUET | ARROW | STREAM:
                return self._write_arrow(path, part, kind, size)
            return self._write_csv(part)

    def _write_arrow(self, path: Path, part: Path, kind: str, size: int) -> int:
        arrow_part("pyarrow", path.name)
        schema, count = self.schema(), 0
        with _opened(path, part, kind, schema) as sink:
            for batch in self.batches(size):
                sink.write_batch(batch)
                count += batch.num_rows
        return count

    def _write_csv(self, part: Path) -> int:
        count = 0
        with part.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(name for name, _ in self.columns)
            for row in self.cells:
                writer.writerow(_written(cell) for cell in row)
                count += 1
        return count


def check_target(path: Path) -> None:
    """Refuse a file that could not be written, before anything is paid for.

    Raises:
        InputInvalidError: its suffix needs pyarrow, which is not installed.
        OSError: it is a folder, or there is none for it.

    """
    if path.suffix.lower() in PARQUET | ARROW | STREAM:
        arrow_part("pyarrow", path.name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))


def cells_of(texts: Sequence[str], types: Sequence[ExactType]) -> tuple[Exact, ...]:
    """Return the values of a subject that were written as `texts`."""
    return tuple(_READ[kind](text) for text, kind in zip(texts, types, strict=True))


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return `name`, with as many underscores behind it as tell it from those that are `taken`."""
    known = frozenset(taken)
    while name in known:
        name += "_"
    return name


def arrow_part(module: str, what: str) -> Any:
    """Return a module of pyarrow; by its name: a client is whole without it, its types too.

    Raises:
        InputInvalidError: it is not installed; says that `what` needs it.

    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise InputInvalidError(
            f"{what}: Arrow and Parquet need pyarrow",
            clause="file",
            remedy="install pyarrow, or use a CSV file",
        ) from None


def _written(cell: Cell) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _opened(path: Path, part: Path, kind: str, schema: Any) -> Any:
    if kind in PARQUET:
        return arrow_part("pyarrow.parquet", path.name).ParquetWriter(str(part), schema)
    ipc = arrow_part("pyarrow.ipc", path.name)
    return (ipc.new_stream if kind in STREAM else ipc.new_file)(str(part), schema)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a name for a file in the making, which becomes `path` where the block ends well.

    What is no file, such as a pipe, is written to as it is.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        # Arrow's errors name no file.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        part.unlink(missing_ok=True)
