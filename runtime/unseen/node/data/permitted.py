"""Who consents, as a build reads it: from the spool's sealed file into a table beside the rows.

The node writes the file (`consent/reading.py`), without opening what is in it; the worker that
builds is handed the key. DuckDB joins the two in the memory that it is given, and spills the rest
into the build's own folder, which goes with it.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from unseen.evidence import canonical
from unseen.node.consent.admission import subject_name
from unseen.node.consent.tree import sealer_of
from unseen.node.data.connection import identifier
from unseen.node.errors import InternalError
from unseen.node.jobs import frames
from unseen.protocols.lookup.subject import SubjectColumn, Value, parse_value

_TABLE = "permitted_subjects"
_BATCH = 8192
_TYPES = {"string": pa.string(), "integer": pa.int64(), "date": pa.date32()}
_NAMES = {"string": "VARCHAR", "integer": "BIGINT", "date": "DATE"}


def load_permitted(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    secret: bytes,
    columns: Sequence[SubjectColumn],
) -> None:
    """Put the subjects of the sealed file at `path` into a table of the connection's memory."""
    fields = ", ".join(f"s{place} {_NAMES[column.type]}" for place, column in enumerate(columns))
    connection.execute(f"CREATE TABLE {_TABLE} ({fields})")
    with path.open("rb") as file:
        subjects = _subjects(file, secret, columns)
        while batch := list(islice(subjects, _BATCH)):
            values = list(zip(*batch, strict=True))
            arrays = [
                pa.array(column, _TYPES[subject.type])
                for column, subject in zip(values, columns, strict=True)
            ]
            names = [f"s{place}" for place in range(len(columns))]
            connection.register("permitted_batch", pa.table(arrays, names))
            connection.execute(f"INSERT INTO {_TABLE} SELECT * FROM permitted_batch")  # noqa: S608
            connection.unregister("permitted_batch")


def permitted_only(columns: Sequence[SubjectColumn]) -> str:
    """Return the SQL condition that a row's subject is among those loaded.

    Texts are compared in normal form C, as everywhere.
    """
    equal = " AND ".join(
        f"nfc_normalize({identifier(column.name)}) = p.s{place}"
        if column.type == "string"
        else f"{identifier(column.name)} = p.s{place}"
        for place, column in enumerate(columns)
    )
    return f"EXISTS (SELECT 1 FROM {_TABLE} AS p WHERE {equal})"  # noqa: S608 - quoted


def _subjects(
    file: BinaryIO, secret: bytes, columns: Sequence[SubjectColumn]
) -> Iterator[tuple[Value, ...]]:
    sealer = sealer_of(secret)
    while header := file.read(frames.HEADER_BYTES):
        name, sealed = frames.unpack(file.read(frames.frame_size(header)))
        texts: Any = canonical.decode(sealer.open(subject_name(name.decode()), sealed))
        if len(texts) != len(columns):
            raise InternalError("a consent's subject does not have the table's columns")
        yield tuple(map(parse_value, columns, texts))
