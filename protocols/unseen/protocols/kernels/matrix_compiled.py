"""Goto and van de Geijn 2008: matrix products of bytes and words of 32 bits, compiled by numba.

Takes the same time for all numbers of the same shapes. Call only where `features.has_vectors()`
says so.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels import objects
from unseen.protocols.kernels.features import compiled_features

_WIDE: Final = {"avx512f", "avx512bw"} <= compiled_features()
COLUMNS: Final = 32 if _WIDE else 16  # bytes in one vector, as 16 bits each
WORDS: Final = COLUMNS // 2
ROWS: Final = 4 if _WIDE else 2  # of a group, times
QUERIES: Final = 2  # vectors of a group: their sums stay in registers
_ROW_TILE: Final = 256
_COLUMN_TILE: Final = 1024
_QUERY_TILE: Final = 32


def product(rows: NDArray[np.int8], words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return rows times words: for each of the k rows of `words` a vector of R sums, k x R.

    `rows` is R x W and contiguous in each row, `words` k x W.
    """
    count, width = words.shape
    padded = -(-width // COLUMNS) * COLUMNS
    queries = -(-count // QUERIES) * QUERIES
    low = np.zeros((queries, padded), np.int16)
    high = np.zeros((queries, padded), np.int16)
    low[:count, :width] = words.astype(np.uint16).view(np.int16)
    carried = words - low[:count, :width].astype(np.int32).view(np.uint32)
    high[:count, :width] = (carried >> np.uint32(16)).astype(np.uint16).view(np.int16)
    whole = len(rows) // ROWS * ROWS if padded == width else 0
    out = np.zeros((queries, -(-len(rows) // ROWS) * ROWS), np.uint32)
    if whole:
        _tiles(out[:, :whole], rows[:whole], low, high)
    if whole < len(rows):
        rest = np.zeros((out.shape[1] - whole, padded), np.int8)
        rest[: len(rows) - whole, :width] = rows[whole:]
        _tiles(out[:, whole:], rest, low, high)
    return out[:count, : len(rows)]


def dots(words: NDArray[np.uint32], small: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Return small times words: for each of the k rows of `small` a vector of R sums, k x R.

    `words` is R x n, `small` k x n.
    """
    height, width = words.shape
    count = -(-len(small) // QUERIES) * QUERIES
    padded = -(-width // WORDS) * WORDS
    vectors = np.zeros((count, padded), np.int32)
    vectors[: len(small), :width] = small
    rows = -(-height // ROWS) * ROWS
    if (rows, padded) != words.shape or not words.flags.c_contiguous:
        whole = np.zeros((rows, padded), np.uint32)
        whole[:height, :width] = words
        words = whole
    out = np.empty((count, rows), np.uint32)
    objects.load("dots_builder", "dots")(
        out.ctypes.data,
        out.strides[0],
        words.ctypes.data,
        words.strides[0],
        rows // ROWS,
        vectors.ctypes.data,
        vectors.strides[0],
        count // QUERIES,
        padded // WORDS,
    )
    return out[: len(small), :height]


def _tiles(
    out: NDArray[np.uint32],
    rows: NDArray[np.int8],
    low: NDArray[np.int16],
    high: NDArray[np.int16],
) -> None:
    run = objects.load("matrix_builder", "product")
    height, width = rows.shape
    for query in range(0, len(low), _QUERY_TILE):
        queries = min(_QUERY_TILE, len(low) - query)
        # One vector alone passes over whole rows: nothing is used twice.
        column_tile = _COLUMN_TILE if queries > QUERIES else width
        for row in range(0, height, _ROW_TILE):
            for column in range(0, width, column_tile):
                part = rows[row : row + _ROW_TILE, column : column + column_tile]
                run(
                    out[query:, row:].ctypes.data,
                    out.strides[0],
                    part.ctypes.data,
                    rows.strides[0],
                    len(part) // ROWS,
                    low[query:, column:].ctypes.data,
                    high[query:, column:].ctypes.data,
                    low.strides[0],
                    queries // QUERIES,
                    part.shape[1] // COLUMNS,
                )
