"""What canonical forms make of a table's subjects: which have none, and which become another's.

One pass over the rows. Of each subject 16 bytes of a hash are kept, in DuckDB, which counts them in
the memory it is given and spills the rest.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from unseen.node.data import scan, source
from unseen.node.data.connection import connect, reading
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject

_TABLE = "formed_subjects"
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows have no canonical form, and how many are the subject of another one."""

    unusable: int
    repeated: int


def count(
    where: source.Source,
    fingerprint: source.Fingerprint,
    subject: Sequence[SubjectColumn],
    spill: Path,
    *,
    memory_mb: int,
    progress: Callable[[int], None],
) -> Counted:
    """Return what the columns' forms make of the rows.

    Raises:
        TableChangedError: the file is not the registered one.
        TableUnreadableError: it cannot be read.

    """
    source.check_fingerprint(where.path, fingerprint)
    connection = connect(where, memory_mb=memory_mb, spill=spill)
    unusable = 0
    try:
        with reading():
            connection.execute(f"CREATE TABLE {_TABLE} (subject BLOB)")
            for batch in scan.scan(connection, subject, (), ()):
                hashes = [each for row in batch.subjects if (each := _hash(subject, row))]
                unusable += len(batch.subjects) - len(hashes)
                connection.register("formed_batch", pa.table({"s": pa.array(hashes, pa.binary())}))
                connection.execute(f"INSERT INTO {_TABLE} SELECT s FROM formed_batch")  # noqa: S608
                connection.unregister("formed_batch")
                progress(len(batch.subjects))
            found = connection.execute(
                f"SELECT count(*) - count(DISTINCT subject) FROM {_TABLE}"  # noqa: S608
            ).fetchone()
    finally:
        connection.close()
    return Counted(unusable, int(found[0]) if found else 0)


def _hash(subject: Sequence[SubjectColumn], values: tuple[object, ...]) -> bytes:
    try:
        data = encode_subject(subject, values, b"")  # type: ignore[arg-type]  # as DuckDB gives them
    except SubjectInvalidError:
        return b""
    return hashlib.sha256(data).digest()[:_HASH_BYTES]
