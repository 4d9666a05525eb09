"""Answers from a hidden table's matrix, which is mapped and never read as a whole into memory.

A worker keeps the mappings of the few tables it answered from last, so that their pages are not
looked up anew for every message. One whose file is gone is let go with the next task.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.lookup.lwe_pir import server
from unseen.protocols.lookup.lwe_pir.parameters import Shape

_MAPPED = 4
_mapped: dict[Path, NDArray[np.int8]] = {}


def answers(path: Path, shape: Shape, blocks: range, queries: Sequence[bytes]) -> list[bytes]:
    """Return the part of the answer to each query that is of `blocks`.

    Raises:
        OSError: the matrix is not there, or has another size.
        KernelFaultError: this machine multiplies wrongly.

    """
    rows = _rows(path, shape)[blocks.start * shape.cell_bytes : blocks.stop * shape.cell_bytes]
    words = np.frombuffer(b"".join(queries), "<u4").reshape(-1, shape.width)
    found = server.answer(rows, words.astype(np.uint32, copy=False))
    return [row.astype("<u2").tobytes() for row in found]


def read_queries(path: Path, shape: Shape) -> list[bytes]:
    """Return the queries of a file that holds them end to end."""
    data, size = path.read_bytes(), shape.query_bytes
    return [data[start : start + size] for start in range(0, len(data), size)]


def _rows(path: Path, shape: Shape) -> NDArray[np.int8]:
    known = _mapped.get(path)
    for other in [other for other in _mapped if not other.exists()]:
        del _mapped[other]
    if known is not None and path in _mapped:
        return known
    size = path.stat().st_size
    if size != shape.table_bytes:
        raise OSError(f"a matrix of {size} bytes is not the table's")
    while len(_mapped) >= _MAPPED:
        del _mapped[next(iter(_mapped))]
    rows = np.memmap(path, np.int8, "r", shape=(shape.rows, shape.width))
    _mapped[path] = rows
    return rows
