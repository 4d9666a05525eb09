"""Where a table's rows are, and whether the file is still the one that was registered."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from unseen.evidence.canonical import Json
from unseen.node.errors import TableChangedError, TableUnreadableError

_READ_BYTES = 1 << 20
Format = Literal["parquet", "csv", "duckdb", "onnx"]
MODEL_COLUMNS = ("constant", "place", "value")  # of a table that is a model
_SUFFIXES: dict[str, Format] = {".parquet": "parquet", ".csv": "csv", ".onnx": "onnx"}


@dataclass(frozen=True, slots=True)
class Source:
    """A Parquet or CSV file, one table of a DuckDB file, or the numbers of an ONNX file."""

    format: Format
    path: Path
    table: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PATH.parquet`, `PATH.csv`, `PATH.onnx` or `duckdb:PATH#TABLE`.

        Raises:
            TableUnreadableError: the text names no known format.

        """
        if text.startswith("duckdb:") and "#" in text:
            path, _, table = text.removeprefix("duckdb:").rpartition("#")
            return cls("duckdb", Path(path), table)
        form = _SUFFIXES.get(Path(text).suffix.lower())
        if form is None:
            raise TableUnreadableError(
                "the source names no known format",
                clause="table.source",
                remedy="give PATH.parquet, PATH.csv, PATH.onnx or duckdb:PATH#TABLE",
            )
        return cls(form, Path(text))


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the file was when it was registered: its SHA-256, and what a glance can compare."""

    sha256: str
    size: int
    mtime_ns: int

    def to_json(self) -> Json:
        """Return the JSON that is stored (a float would lose nanoseconds, so text)."""
        return {"sha256": self.sha256, "size": self.size, "mtime_ns": str(self.mtime_ns)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the fingerprint that `to_json` wrote."""
        if not isinstance(value, dict):
            raise TableUnreadableError("the stored fingerprint is malformed")
        return cls(str(value["sha256"]), int(str(value["size"])), int(str(value["mtime_ns"])))


def take_fingerprint(path: Path) -> Fingerprint:
    """Hash the file.

    Raises:
        TableUnreadableError: it is missing or cannot be read.

    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                digest.update(chunk)
            stat = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise unreadable(error) from None
    return Fingerprint(digest.hexdigest(), stat.st_size, stat.st_mtime_ns)


def check_fingerprint(path: Path, expected: Fingerprint) -> None:
    """Raise unless the file is still the registered one; hashes it only if its stat moved.

    Raises:
        TableChangedError: its bytes are others.
        TableUnreadableError: it is missing or cannot be read.

    """
    try:
        stat = path.stat()
    except OSError as error:
        raise unreadable(error) from None
    if (stat.st_size, stat.st_mtime_ns) == (expected.size, expected.mtime_ns):
        return
    if take_fingerprint(path).sha256 != expected.sha256:
        raise changed()


def changed() -> TableChangedError:
    """Return the error for a table that is not the registered one any more."""
    return TableChangedError(
        "the table's rows are not those that were registered",
        clause="table.snapshot",
        remedy="the operator registers the new rows: unseen table refresh NAME",
    )


def unreadable(error: Exception) -> TableUnreadableError:
    """Return the error for a file that is missing, not readable, or not what its name says."""
    return TableUnreadableError(
        f"the table's file cannot be read ({type(error).__name__})",
        clause="table.source",
        remedy="check the path, the format and that the node's user may read the file",
    )
