"""Write a table of example data to Parquet, the same bytes each time, and print its digest."""

import hashlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent


def source(package: str, *path: str) -> Path:
    """Return the path of a data file that an installed package carries, without importing it.

    Raises:
        ValueError: the package is not installed, or does not carry the file.

    """
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ValueError(f"the package {package} is not installed: see README.md beside this file")
    file = Path(found.origin).parent.joinpath(*path)
    if not file.is_file():
        raise ValueError(f"the package {package} does not carry {'/'.join(path)}")
    return file


def typed(table: pa.Table, schema: pa.Schema, rows: int, key: Sequence[str]) -> pa.Table:
    """Return the columns of `schema`, exactly cast, in ascending order of `key`.

    Raises:
        ValueError: not `rows` rows, a key that occurs twice, or a value that the type cannot hold
            exactly.

    """
    table = table.select(schema.names).cast(schema).sort_by([(name, "ascending") for name in key])
    keys = set(zip(*(table[name].to_pylist() for name in key), strict=True))
    if table.num_rows != rows or len(keys) != rows:
        raise ValueError(f"found {table.num_rows} rows, {len(keys)} keys; expected {rows} of both")
    return table


def write(table: pa.Table, name: str) -> None:
    """Write `table` to a file beside this one and print the file's digest."""
    target = HERE / name
    # No stored Arrow schema and one row group: what is left in the file is the data, the column
    # types and the name of the writer, which the pinned pyarrow fixes.
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=19,
        store_schema=False,
        row_group_size=table.num_rows,
        version="2.6",
    )
    sys.stdout.write(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target.name}\n")
