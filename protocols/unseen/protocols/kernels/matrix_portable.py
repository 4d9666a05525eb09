"""Goto and van de Geijn 2008: matrix products of bytes and words of 32 bits, by numpy's own.

The twin of `matrix_compiled.py` for machines without numba or without vectors of 256 bits, and what
the compiled one is held against. Products are of double precision and exact: a word is split into
halves, and no sum passes 2^53. As constant in time as the library under numpy is.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_TILE_BYTES: Final = 1 << 23  # of doubles at a time: no more memory than this, however many rows


def product(rows: NDArray[np.int8], words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return rows times words: for each of the k rows of `words` a vector of R sums, k x R.

    `rows` is R x W with W up to 2^28, `words` k x W.
    """
    out = np.empty((len(words), len(rows)), np.uint32)
    low, high = (words & np.uint32(0xFFFF)).astype(np.float64), (words >> 16).astype(np.float64)
    step = max(_TILE_BYTES // 8 // max(rows.shape[1], 1), 1)
    for start in range(0, len(rows), step):
        part = rows[start : start + step].astype(np.float64).T
        out[:, start : start + step] = _joined(low @ part, high @ part)
    return out


def dots(words: NDArray[np.uint32], small: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Return small times words: for each of the k rows of `small` a vector of R sums, k x R.

    `words` is R x n with n up to 2^28, `small` k x n.
    """
    out = np.empty((len(small), len(words)), np.uint32)
    vectors = small.astype(np.float64)
    step = max(_TILE_BYTES // 8 // max(words.shape[1], 1), 1)
    for start in range(0, len(words), step):
        part = words[start : start + step]
        low, high = (part & np.uint32(0xFFFF)).astype(np.float64), (part >> 16).astype(np.float64)
        out[:, start : start + step] = _joined(vectors @ low.T, vectors @ high.T)
    return out


def _joined(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.uint32]:
    total = low.astype(np.int64) + (high.astype(np.int64) << 16)
    return total.astype(np.uint64).astype(np.uint32)
