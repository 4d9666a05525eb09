"""Rows of a table as features and a label, in blocks: read as for statistics, each by itself.

What is read is clamped and rounded to whole numbers in DuckDB (`cells.rows_sql`), which has half of
the memory given and spills the rest. A row in which anything is missing, or in no group, is not
among them, and neither is one whose subject does not consent, where that is asked.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unseen.node.data import scan, source
from unseen.node.data.cells import Types
from unseen.node.data.connection import VIEW, connect, reading
from unseen.node.data.counting import Counting
from unseen.node.data.kept import Rows
from unseen.node.data.names import PERMITTED
from unseen.node.data.permitted import load_permitted
from unseen.node.data.predicates import fails

if TYPE_CHECKING:
    from unseen.protocols.train import Feature

BLOCK: Final = 1 << 14


@contextmanager
def opened(counting: Counting, secret: bytes) -> Iterator[tuple[duckdb.DuckDBPyConnection, Types]]:
    """Yield a connection to a table's rows, and its columns' types.

    `secret` opens the spool's list of those who consent, where only they are read.

    Raises:
        TableChangedError: the file is not the registered one, or is no more at the end.
        TableUnreadableError: it cannot be read.

    """
    source.check_fingerprint(counting.source.path, counting.fingerprint)
    spill = spill_of(counting)
    connection = connect(counting.source, memory_mb=counting.memory_mb // 2, spill=spill)
    try:
        with reading():
            if counting.permitted:
                load_permitted(connection, counting.spool / PERMITTED, secret, counting.permitted)
            types = [{each.name: each.type for each in scan.read_schema(connection, VIEW)}]
        yield connection, types
    finally:
        connection.close()
    source.check_fingerprint(counting.source.path, counting.fingerprint)


def spill_of(counting: Counting) -> Path:
    """Return the one folder that a connection may read and write beside its table."""
    return counting.spool / "duckdb"


def batches(
    connection: duckdb.DuckDBPyConnection, sql: str, label: str = "", rows: int = BLOCK
) -> Iterator[pa.RecordBatch]:
    """Yield what a query finds, `rows` at a time; `label` has a condition of the operator's.

    Raises:
        TableUnreadableError: it cannot be read within the memory given.
        PredicateFailsError: the label's condition raises an error on a row.

    """
    try:
        # A cursor of its own: what is read to no end would be in the way of others.
        yield from connection.cursor().sql(sql).to_arrow_reader(rows)
    except duckdb.OutOfMemoryException as error:
        raise source.unreadable(error) from None
    except duckdb.Error as error:
        if not label:
            raise source.unreadable(error) from None
        raise fails(label, type(error).__name__) from None


def features_of(batch: pa.RecordBatch, features: "Sequence[Feature]") -> NDArray[np.float64]:
    """Return n x the features of a batch, in their units; NaN where a row has none."""
    columns, taken = _columns(batch), []
    axis = amount = 0
    for feature in features:
        if feature.values:
            taken.append(_floats(columns[f"d{axis}"]))
            axis += 1
        else:
            taken.append(_floats(columns[f"v{amount}"]) / 10.0**feature.decimals)
            amount += 1
    return np.stack(taken, axis=1)


def rows_of(
    batch: pa.RecordBatch, features: "Sequence[Feature]", label: "Feature", *, condition: bool
) -> Rows:
    """Return features and labels of a batch, in their units; a label by a condition is 0 or 1."""
    columns = _columns(batch)
    if condition:
        return features_of(batch, features), _floats(columns["l0"])
    amount = sum(not feature.values for feature in features)
    return features_of(batch, features), _floats(columns[f"v{amount}"]) / 10.0**label.decimals


def _columns(batch: pa.RecordBatch) -> dict[str, Any]:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _floats(column: Any) -> NDArray[np.float64]:
    found: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return found
