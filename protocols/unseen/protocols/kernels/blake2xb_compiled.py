"""Aumasson and others, BLAKE2X: SEAL's chunks of a seed's stream, several leaves in a vector.

Call only where `features.has_vectors()` says so.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels import objects
from unseen.protocols.kernels.blake2xb_portable import CHUNK_WORDS
from unseen.protocols.kernels.features import compiled_features

LANES: Final = 8 if "avx512f" in compiled_features() else 4


def chunks(seed: bytes, first: int, count: int) -> NDArray[np.uint64]:
    """Return `count` chunks from chunk `first` on: count x 512 words."""
    key = np.frombuffer(seed, "<u8").astype(np.uint64)
    keyed, roots = np.empty(8 * LANES, np.uint64), np.empty((LANES, 8), np.uint64)
    out = np.empty((-(-count // LANES) * LANES, CHUNK_WORDS), np.uint64)
    objects.load("blake2xb_builder", "expand")(
        out.ctypes.data,
        key.ctypes.data,
        keyed.ctypes.data,
        roots.ctypes.data,
        first,
        len(out) // LANES,
    )
    return out[:count]
