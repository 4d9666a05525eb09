"""Harvey 2014 and schoolbook: sums of words in halves, and products modulo a prime, by numpy.

The twin of `residues_compiled.py` for machines without numba or without vectors of 256 bits, and
what the compiled one is held against.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels.ntt_portable import scaled

_Words = NDArray[np.uint64]
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


def sums(parts: Sequence[_Words], weights: Sequence[int]) -> _Words:
    """Return weighted sums of the lower and of the upper halves of all words, and both plain.

    Weights are not negative, and together below 2^32: no sum passes a word. 4 x the parts' shape.
    """
    found = np.zeros((4, *parts[0].shape), np.uint64)
    for part, weight in zip(parts, weights, strict=True):
        low, high = part & _LOW, part >> _HALF
        found[2] += low
        found[3] += high
        found[0] += low * np.uint64(weight)
        found[1] += high * np.uint64(weight)
    return found


def scale(words: _Words, factor: int, quotient: int, prime: int) -> None:
    """Multiply any words by a factor below a prime, modulo the prime, in place."""
    words[:] = scaled(words, factor, quotient, prime)
