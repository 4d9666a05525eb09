"""A locked-down DuckDB connection to one table, or to one and those it is joined with.

The connection may touch the files it was opened for: no other file, no network, no extension,
no change of settings. The operator writes the expressions that run here, so this is the inner
of two fences; buyers never send SQL. Only processes that read tables import this module: workers,
and `unseen node open-rows` beside the node; the one that serves does not.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from unseen.node.data.source import MODEL_COLUMNS, Source, unreadable
from unseen.node.errors import TableUnreadableError
from unseen.protocols.errors import ModelInvalidError

VIEW = "registered_table"


def connect(
    source: Source, *, memory_mb: int, spill: Path | None, joined: Sequence[Source] = ()
) -> duckdb.DuckDBPyConnection:
    """Open a locked connection in which the table is the view `registered_table`.

    `spill` is a folder for what does not fit into `memory_mb`; without it DuckDB keeps to memory.
    `joined` are further tables: the views `joined_view(1)` and so on, in this order.

    Raises:
        TableUnreadableError: the file is missing or not what its name says.

    """
    sources = (source, *joined)
    if not all(each.path.is_file() for each in sources):
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
        # A Parquet file's bounds leave NaN out, and DuckDB would take what is true of the bounds to
        # be true of every row: one row could decide what a condition says of another.
        connection.execute("SET disabled_optimizers='statistics_propagation'")
        for number, each in enumerate(sources):
            _expose(connection, each, joined_view(number) if number else VIEW)
        if spill is not None:
            connection.execute(f"SET allowed_directories=[{quoted(str(spill))}]")
        paths = ", ".join(quoted(str(each.path)) for each in sources)
        connection.execute(f"SET allowed_paths=[{paths}]")
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


def joined_view(number: int) -> str:
    """Return the name of the view of the `number`-th joined table, from 1 on."""
    return f"joined_table_{number}"


def hashed(names: Sequence[str], part: int, parts: int) -> str:
    """Return the SQL condition that a row falls to a part, by the hash of these columns.

    Rows that are alike in them, as DuckDB compares, fall to the same part of `parts`, whoever asks:
    all machines of a cluster have one release of it (`cluster/remote.py`). The lower bits are left
    to the tables that DuckDB itself makes of such hashes.
    """
    columns = ", ".join(map(identifier, names))
    return f"(hash({columns}) >> 32) % {parts} = {part}" if parts > 1 else "true"


def quoted(text: str) -> str:
    """Return `text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _expose(connection: duckdb.DuckDBPyConnection, source: Source, view: str) -> None:
    path = quoted(str(source.path))
    match source.format:
        case "parquet":
            reader = f"read_parquet({path})"
        case "csv":
            reader = f"read_csv({path}, header=true, sample_size=-1)"
        case "duckdb":
            reader = f"{_attach(connection, path)}.{identifier(source.table)}"
        case "onnx":
            reader = _listed(connection, source.path, view)
    connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {reader}")  # noqa: S608 - all quoted


def _listed(connection: duckdb.DuckDBPyConnection, path: Path, view: str) -> str:
    """Copy the numbers of a model into a table of the connection's own, and return its name."""
    from unseen.protocols.he.models.listing import rows_of  # noqa: PLC0415 - needs `unseen[train]`

    try:
        rows = rows_of(path.read_bytes())
    except OSError as error:
        raise unreadable(error) from None
    except ModelInvalidError as error:
        raise TableUnreadableError(
            f"the file is no model: {error}",
            clause="table.source",
            remedy=error.remedy or "export the model as one ONNX file, numbers and all",
        ) from None
    name = f"numbers_of_{view}"
    kinds = zip(MODEL_COLUMNS, ("VARCHAR", "BIGINT", "DOUBLE"), strict=True)
    typed = ", ".join(f"{column} {kind}" for column, kind in kinds)
    connection.execute(f"CREATE TABLE {name} ({typed})")
    texts, places, values = zip(*rows, strict=True)
    columns = "unnest($1::VARCHAR[]), unnest($2::BIGINT[]), unnest($3::DOUBLE[])"
    connection.execute(f"INSERT INTO {name} SELECT {columns}", [texts, places, values])
    return name


def _attach(connection: duckdb.DuckDBPyConnection, path: str) -> str:
    """Attach a database file under a name of ours, once: DuckDB refuses a file a second time."""
    listed = f"SELECT database_name FROM duckdb_databases() WHERE path = {path}"  # noqa: S608
    if found := connection.execute(listed).fetchone():
        return str(found[0])
    rows = connection.execute("SELECT count(*) FROM duckdb_databases()").fetchone()
    name = f"attached_{rows[0] if rows else 0}"
    connection.execute(f"ATTACH {path} AS {name} (READ_ONLY)")
    return name
