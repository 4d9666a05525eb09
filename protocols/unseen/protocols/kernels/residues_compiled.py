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
VECTORS: Final = LANES // 2  # of a tile: four sums of each stay in registers
TILE: Final = LANES * VECTORS


def sums(parts: Sequence[_Words], weights: Sequence[int]) -> _Words:
    """Return weighted sums of the lower and of the upper halves of all words, and both plain.

    Weights are not negative, and together below 2^32: no sum passes a word. 4 x the parts' shape.
    """
    whole = [np.ascontiguousarray(part) for part in parts]
    shape, size = whole[0].shape, whole[0].size
    found = np.empty((4, size), np.uint64)
    addresses = np.array([part.ctypes.data for part in whole], np.uint64)
    factors = np.array(weights, np.uint64)
    tiled = size // TILE * TILE
    if tiled:
        objects.load("residues_builder", "sums")(
            found.ctypes.data,
            found.strides[0],
            addresses.ctypes.data,
            factors.ctypes.data,
            len(whole),
            tiled // TILE,
        )
    if tiled < size:
        rest = [part.reshape(-1)[tiled:] for part in whole]
        found[:, tiled:] = residues_portable.sums(rest, weights)
    return found.reshape(4, *shape)


def scale(words: _Words, factor: int, quotient: int, prime: int) -> None:
    """Multiply any words by a factor below a prime, modulo the prime, in place."""
    if words.ndim != 1 or not words.flags.c_contiguous or not words.flags.writeable:
        raise InputInvalidError("words to be multiplied stand side by side")
    objects.load("residues_builder", "scale")(
        words.ctypes.data, words.size, factor, quotient, prime
    )
