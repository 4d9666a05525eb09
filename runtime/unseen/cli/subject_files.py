"""Files of many subjects: CSV, and Parquet and Arrow where pyarrow is installed."""

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unseen.cli.failures import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from unseen.client.subjects import Subject

_NEEDED: Final = ("numpy", "pyarrow")


def subjects_in(file: Path) -> "list[Subject]":
    """Return the subjects of a file by the names of its columns.

    Raises:
        UsageError: it is malformed, holds none, or needs what is not installed.
        InputInvalidError: a file of Parquet or Arrow cannot be read.

    """
    found: list[Subject] = _csv_subjects(file) if _is_csv(file) else [*_arrow_rows(file)]
    if not found:
        raise UsageError(f"{file} holds no subject", clause="subject", remedy="add lines to it")
    return found


def _is_csv(file: Path) -> bool:
    """Whether a file is read as CSV, which anything is that has no suffix of the other kinds."""
    return file.suffix.lower() not in {".parquet", ".pq", ".arrow", ".arrows", ".feather"}


def _csv_subjects(file: Path) -> "list[Subject]":
    subjects: list[Subject] = []
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream, strict=True):
                if None in row or None in row.values():
                    raise UsageError(
                        f"{file}: a line has more or fewer values than the header",
                        clause="subject",
                        remedy="correct the file",
                    )
                subjects.append(dict(row))
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}", clause="subject", remedy="correct the file") from None
    return subjects


def _arrow_rows(file: Path) -> "Iterator[dict[str, Any]]":
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{file}: files of Parquet and Arrow are read with {' and '.join(missing)}",
            clause="file",
            remedy=f"install {' and '.join(missing)}, or give a CSV file",
        )
    from unseen.streams.items import rows_of

    for batch in rows_of(file):
        yield from batch
