"""Subjects of rows as short hashes of their points, in tables of DuckDB, which spills what is many.

16 bytes of a hash of each point: two subjects of 2^40 rows share one with a chance of 2^-49.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import duckdb
import pyarrow as pa

from unseen.protocols.lookup.match import Columns, formed_points
from unseen.protocols.lookup.subject import Value

HASH_BYTES: Final = 16


def hashes_of(columns: Columns, ids: Sequence[str], values: Sequence[Value]) -> list[bytes] | None:
    """Return 16 bytes for each point of a subject, or None if it has no canonical form."""
    points = formed_points(columns, ids, values, b"")
    if points is None:
        return None
    return [hashlib.sha256(point).digest()[:HASH_BYTES] for point in points]


def insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[Sequence[object]],
    types: Sequence[pa.DataType],
) -> None:
    """Append rows, given by columns, to a table of ours."""
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    names = [f"c{place}" for place in range(len(arrays))]
    connection.register("formed_batch", pa.table(arrays, names))
    connection.execute(f"INSERT INTO {table} SELECT * FROM formed_batch")  # noqa: S608 - ours
    connection.unregister("formed_batch")
