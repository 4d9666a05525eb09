"""Devroye 1986, section III.2: the tables of `dp/batch.py`, laid out for vectors.

Tables are public: they depend on the law alone.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp.batch import OPEN, Guide, guide
from unseen.protocols.dp.laws import Law

MARK: Final = 1 << 14
"""Stands for an open cell in 16 bits, with either sign. No narrow law has such a draw."""

MAX_EDGES: Final = 512
"""Up to here every threshold is compared with; sigma up to some 60."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A law's tables. `edges` is empty where a law is too wide for comparing with each.

    |X| of a cell is the sum of `weights` over all `edges` that are not above the cell; MARK if
    the cell is open.
    """

    guide: Guide
    signed: NDArray[np.int32]
    lows: NDArray[np.uint64]
    edges: NDArray[np.int16]
    weights: NDArray[np.int16]

    @property
    def words(self) -> "np.dtype[Any]":
        """Return how the words of the first step lie in the stream."""
        return np.dtype("<u2" if self.guide.word_bytes == 2 else "<u4")


@lru_cache(maxsize=16)
def tables(law: Law) -> Tables:
    """Return the tables of a law; kept for laws that come again.

    Raises:
        InputInvalidError: the law is too wide for a table.

    """
    found = guide(law)
    signed = np.array(found.signed, np.int32)
    lows = np.array(found.cuts.lows, np.uint64)
    empty = np.zeros(0, np.int16)
    if found.word_bytes != 2:
        return Tables(found, signed, lows, empty, empty)
    sizes = np.where(signed[::2] == OPEN, MARK, signed[::2])
    steps = np.diff(sizes, prepend=0)
    edges = np.flatnonzero(steps)
    if not 1 <= edges.size <= MAX_EDGES:
        return Tables(found, signed, lows, empty, empty)
    return Tables(found, signed, lows, edges.astype(np.int16), steps[edges].astype(np.int16))
