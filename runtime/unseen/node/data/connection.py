"""A locked-down DuckDB connection to one table.

The connection may touch the one file it was opened for: no other file, no network, no extension,
no change of settings. The operator writes the expressions that run here, so this is the inner
of two fences; buyers never send SQL. Only worker processes import this module.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from unseen.node.data.source import Source, unreadable

VIEW = "registered_table"


def connect(source: Source, *, memory_mb: int, spill: Path | None) -> duckdb.DuckDBPyConnection:
    """Open a locked connection in which the table is the view `registered_table`.

    `spill` is a folder for what does not fit into `memory_mb`; without it DuckDB keeps to memory.

    Raises:
        TableUnreadableError: the file is missing or not what its name says.

    """
    if not source.path.is_file():
        raise unreadable(FileNotFoundError())
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
        raise unreadable(error) from None
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
        raise unreadable(error) from None


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
