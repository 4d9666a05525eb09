"""What canonical forms make of a table's subjects: which have none, and which become another's.

One pass over the rows. Of each subject 16 bytes of a hash are kept, in DuckDB, which counts them in
the memory it is given and spills the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from unseen.node.data import scan, source
from unseen.node.data.connection import connect, reading
from unseen.node.data.hashed import hashes_of, insert
from unseen.protocols.lookup.subject import SubjectColumn

_TABLE = "formed_subjects"


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
    columns, unusable = tuple(subject), 0
    try:
        with reading():
            connection.execute(f"CREATE TABLE {_TABLE} (subject BLOB)")
            for batch in scan.scan(connection, subject, (), ()):
                found = (hashes_of(columns, (), row) for row in batch.subjects)
                hashes = [each[0] for each in found if each is not None]
                unusable += len(batch.subjects) - len(hashes)
                insert(connection, _TABLE, [hashes], [pa.binary()])
                progress(len(batch.subjects))
            repeated = connection.execute(
                f"SELECT count(*) - count(DISTINCT subject) FROM {_TABLE}"  # noqa: S608
            ).fetchone()
    finally:
        connection.close()
    return Counted(unusable, int(repeated[0]) if repeated else 0)
