"""Devroye 1986, section III.2: inversion by comparing with every cut, compiled by numba.

What is drawn decides no branch and no address up to which draws their first 15 bits leave open:
that some three in a thousand are open, and which, can be seen by whoever can time a block, and an
open draw lies beside a cut. For those all cuts are compared as well. LLVM is free to undo this, and
a processor to take longer over some numbers; neither does today. The handful of draws in 2^50
that 64 bits leave in doubt take visibly longer (`dp/inversion.py`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp.batch import OPEN
from unseen.protocols.kernels import objects
from unseen.protocols.kernels.noise_tables import MARK, Tables

GROUP: Final = 64  # draws that the kernel takes at a time, as in `noise_builder.py`
_SLICE: Final = 1 << 16  # comparisons at a time, so that they stay in the cache


def decide(table: Tables, words: NDArray[np.unsignedinteger], out: NDArray[np.int64]) -> None:
    """Write the draws that `words` stand for; OPEN for those that they leave open.

    `table` has edges. Memory: 2 bytes a draw.
    """
    groups = -(-words.size // GROUP)
    if words.size % GROUP or words.dtype != np.uint16 or not words.flags.aligned:
        padded = np.zeros(groups * GROUP, np.uint16)
        padded[: words.size] = words
        words = padded
    small = np.empty(groups * GROUP, np.int16)
    objects.load("noise_builder", "scan")(
        words.ctypes.data,
        small.ctypes.data,
        groups,
        table.edges.size,
        table.edges.ctypes.data,
        table.weights.ctypes.data,
    )
    small = small[: out.size]
    out[:] = small
    out[np.abs(small) == MARK] = OPEN


def count_below(table: Tables, blocks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many cuts are not above each block."""
    found = np.empty(blocks.size, np.int64)
    step = max(_SLICE // table.lows.size, 1)
    for start in range(0, blocks.size, step):
        part = blocks[start : start + step, np.newaxis]
        found[start : start + step] = (table.lows <= part).sum(axis=1)
    return found
