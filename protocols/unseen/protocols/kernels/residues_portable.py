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


def sums(parts: Sequence[_Words], weights: Sequence[int]) -> tuple[_Words, _Words]:
    """Return the weighted sums of the lower and of the upper halves of all words.

    Weights are not negative, and together below 2^32: no sum passes a word.
    """
    low, high = np.zeros(parts[0].shape, np.uint64), np.zeros(parts[0].shape, np.uint64)
    for part, weight in zip(parts, weights, strict=True):
        low += (part & _LOW) * np.uint64(weight)
        high += (part >> _HALF) * np.uint64(weight)
    return low, high


def scale(words: _Words, factor: int, quotient: int, prime: int) -> None:
    """Multiply any words by a factor below a prime, modulo the prime, in place."""
    words[:] = scaled(words, factor, quotient, prime)
