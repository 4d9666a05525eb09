"""Devroye 1986, section III.2.4: a guide table for many draws at once, in numpy.

The twin of `noise_compiled.py` for machines without numba or off x86-64, for wide laws, and what
the compiled one is held against. A draw is looked up at an address that depends on it: a program
on the same core may see which parts of the table are in the cache.
"""

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp.batch import OPEN
from unseen.protocols.kernels.noise_tables import Tables


def decide(table: Tables, words: NDArray[np.unsignedinteger], out: NDArray[np.int64]) -> None:
    """Write the draws that `words` stand for; OPEN for those that they leave open."""
    out[:] = table.signed[words >> table.guide.shift]


def count_below(table: Tables, blocks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many cuts are not above each block."""
    return np.searchsorted(table.lows, blocks, "right").astype(np.int64)


__all__ = ["OPEN", "count_below", "decide"]
