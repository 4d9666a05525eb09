"""Opening drawn rows of a table: one pass over all rows, whatever the file says of itself.

The glance at size and time of the file that spares other readers a hash is left out on purpose:
what counts here is whether the rows lead to the registered commitment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from unseen.evidence.registry.snapshot import OpenedRow, Values, row_leaf, row_salt
from unseen.node.data import scan, source
from unseen.node.data.connection import connect
from unseen.protocols.tlog.paths import Paths


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows of which table: the columns in their order, how many rows were registered."""

    where: source.Source
    columns: tuple[str, ...]
    rows: int
    chosen: tuple[int, ...]
    memory_mb: int
    spill: Path


@dataclass(frozen=True, slots=True)
class Found:
    """What the table holds now: its number of rows, their root, and the drawn ones.

    `opened` is empty where the number of rows is another than the registered one: then there is
    no path.
    """

    rows: int
    root: bytes
    opened: tuple[OpenedRow, ...] = field(repr=False)


def open_rows(asked: Asked, salt: bytes) -> Found:
    """Read the whole table and return the drawn rows with their paths.

    Raises:
        TableUnreadableError: the file is missing or not what its name says.
        TableChangedError: it has other columns.

    """
    paths, kept = Paths(asked.chosen, asked.rows), dict[int, Values]()
    wanted = frozenset(asked.chosen)
    connection = connect(asked.where, memory_mb=asked.memory_mb // 2, spill=asked.spill)
    try:
        for batch in scan.scan(connection, (), (), asked.columns):
            _take(batch.rows, salt, paths, wanted, kept)
    except duckdb.Error:
        raise source.changed() from None
    finally:
        connection.close()
    whole = paths.size == asked.rows
    opened = (
        OpenedRow(index, row_salt(salt, index), kept[index], tuple(paths.path(index)))
        for index in (asked.chosen if whole else ())
    )
    return Found(paths.size, paths.root(), tuple(opened))


def _take(
    rows: Sequence[Values],
    salt: bytes,
    paths: Paths,
    wanted: frozenset[int],
    kept: dict[int, Values],
) -> None:
    for values in rows:
        index = paths.size
        paths.append(row_leaf(row_salt(salt, index), values))
        if index in wanted:
            kept[index] = values
