"""Harvey 2014 and schoolbook: sums of words in halves, and products modulo a prime, compiled.

Call only where `features.has_vectors()` says so. Nothing branches on a word or a weight.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import objects, residues_portable
from unseen.protocols.kernels.features import compiled_features

_Words = NDArray[np.uint64]
LANES: Final = 8 if "avx512f" in compiled_features() else 4
VECTORS: Final = 4  # of a tile: their sums stay in registers
TILE: Final = LANES * VECTORS


def sums(parts: Sequence[_Words], weights: Sequence[int]) -> tuple[_Words, _Words]:
    """Return the weighted sums of the lower and of the upper halves of all words.

    Weights are not negative, and together below 2^32: no sum passes a word.
    """
    whole = [np.ascontiguousarray(part) for part in parts]
    shape, size = whole[0].shape, whole[0].size
    low, high = np.empty(shape, np.uint64), np.empty(shape, np.uint64)
    addresses = np.array([part.ctypes.data for part in whole], np.uint64)
    factors = np.array(weights, np.uint64)
    tiled = size // TILE * TILE
    if tiled:
        objects.load("residues_builder", "sums")(
            low.ctypes.data,
            high.ctypes.data,
            addresses.ctypes.data,
            factors.ctypes.data,
            len(whole),
            tiled // TILE,
        )
    if tiled < size:
        rest = residues_portable.sums([part.reshape(-1)[tiled:] for part in whole], weights)
        low.reshape(-1)[tiled:], high.reshape(-1)[tiled:] = rest
    return low, high


def scale(words: _Words, factor: int, quotient: int, prime: int) -> None:
    """Multiply any words by a factor below a prime, modulo the prime, in place."""
    if words.ndim != 1 or not words.flags.c_contiguous or not words.flags.writeable:
        raise InputInvalidError("words to be multiplied stand side by side")
    objects.load("residues_builder", "scale")(
        words.ctypes.data, words.size, factor, quotient, prime
    )
