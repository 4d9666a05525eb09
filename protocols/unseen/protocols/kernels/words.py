"""Vectors over Z_2^32 and Z_2^64, as numpy holds them: wrapping, little-endian on the wire.

Arithmetic that wraps is silent. Nothing here knows whether a sum still fits; see `quantise.py`.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint32] | NDArray[np.uint64]

RINGS: Final = (32, 64)


def zeros(count: int, ring: int) -> Words:
    """Return `count` words of 0 over Z_2^`ring`."""
    return np.zeros(count, np.uint32) if ring == 32 else np.zeros(count, np.uint64)


def wire_bytes(words: "NDArray[Any]") -> memoryview:
    """Return words as bytes for the wire; without a copy where the machine is little-endian."""
    little = np.ascontiguousarray(words, words.dtype.newbyteorder("<"))
    return little.data.cast("B")
