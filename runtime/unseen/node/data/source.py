"""Where a table's rows are, and a locked-down DuckDB connection to read them.

The connection may touch the one file it was opened for: no other file, no network, no extension,
no change of settings. The operator writes the expressions that run here, so this is the inner
of two fences; buyers never send SQL.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import duckdb

from unseen.evidence.canonical import Json
from unseen.node.errors import TableChangedError, TableUnreadableError

VIEW = "registered_table"
_READ_BYTES = 1 << 20
Format = Literal["parquet", "csv", "duckdb"]
_SUFFIXES: dict[str, Format] = {".parquet": "parquet", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class Source:
    """A Parquet or CSV file, or one table of a DuckDB file."""

    format: Format
    path: Path
    table: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PATH.parquet`, `PATH.csv` or `duckdb:PATH#TABLE`.

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
                remedy="give PATH.parquet, PATH.csv or duckdb:PATH#TABLE",
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
        raise _unreadable(error) from None
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
        raise _unreadable(error) from None
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


def connect(source: Source, *, memory_mb: int, spill: Path | None) -> duckdb.DuckDBPyConnection:
    """Open a locked connection in which the table is the view `registered_table`.

    `spill` is a folder for what does not fit into `memory_mb`; without it DuckDB keeps to memory.

    Raises:
        TableUnreadableError: the file is missing or not what its name says.

    """
    if not source.path.is_file():
        raise _unreadable(FileNotFoundError())
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_mb}MB",
            "threads": 1,
            "temp_directory": str(spill or ""),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        _expose(connection, source)
        if spill is not None:
            connection.execute(f"SET allowed_directories=[{_quote(str(spill))}]")
        connection.execute(f"SET allowed_paths=[{_quote(str(source.path))}]")
        connection.execute("SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
    except duckdb.Error as error:
        connection.close()
        raise _unreadable(error) from None
    return connection


@contextmanager
def reading() -> Iterator[None]:
    """Say of whatever DuckDB raises inside that the table cannot be read.

    Raises:
        TableUnreadableError: as said.

    """
    try:
        yield
    except duckdb.Error as error:
        raise _unreadable(error) from None


def identifier(name: str) -> str:
    """Return `name` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _expose(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    path = _quote(str(source.path))
    match source.format:
        case "parquet":
            reader = f"read_parquet({path})"
        case "csv":
            reader = f"read_csv({path}, header=true, sample_size=-1)"
        case "duckdb":
            connection.execute(f"ATTACH {path} AS attached (READ_ONLY)")
            reader = f"attached.{identifier(source.table)}"
    connection.execute(f"CREATE VIEW {VIEW} AS SELECT * FROM {reader}")  # noqa: S608 - all quoted


def _unreadable(error: Exception) -> TableUnreadableError:
    return TableUnreadableError(
        f"the table's file cannot be read ({type(error).__name__})",
        clause="table.source",
        remedy="check the path, the format and that the node's user may read the file",
    )
