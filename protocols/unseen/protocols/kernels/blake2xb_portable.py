"""Aumasson and others, BLAKE2X: SEAL's chunks of a seed's stream, by numpy's vectors.

The twin of `blake2xb_compiled.py` for machines without numba or without vectors of 256 bits, and
what the compiled one is held against. (Python's hashlib makes the roots; it takes no depth of 0,
which the leaves have.)
"""

import hashlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels.blake2b_rounds import IV, compress

SEED_BYTES: Final = 64
CHUNK_WORDS: Final = 512
CHUNK_BYTES: Final = 8 * CHUNK_WORDS
LEAVES: Final = CHUNK_BYTES // 64
# Words 0 and 2 of a leaf's parameters: digest and leaf of 64 bytes; inner digest of 64 bytes.
LEAF_FIRST: Final = 64 | 64 << 32
LEAF_THIRD: Final = 64 << 8
XOF: Final = CHUNK_BYTES << 32  # in word 1, above the leaf's number


class _Vectors:
    """`blake2b_rounds.Ops` on numpy's words."""

    def const(self, value: int) -> Any:
        return np.uint64(value)

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def xor(self, a: Any, b: Any) -> Any:
        return a ^ b

    def rotate(self, a: Any, bits: int) -> Any:
        return a >> np.uint64(bits) | a << np.uint64(64 - bits)


def chunks(seed: bytes, first: int, count: int) -> NDArray[np.uint64]:
    """Return `count` chunks from chunk `first` on: count x 512 words."""
    roots = b"".join(_root(seed, first + number) for number in range(count))
    message = np.frombuffer(roots, "<u8").astype(np.uint64).reshape(count, 8).T[:, :, np.newaxis]
    state: list[Any] = [np.full((count, LEAVES), word, np.uint64) for word in IV]
    state[0] ^= np.uint64(LEAF_FIRST)
    state[1] ^= np.arange(LEAVES, dtype=np.uint64) | np.uint64(XOF)
    state[2] ^= np.uint64(LEAF_THIRD)
    found = compress(_Vectors(), state, list(message), length=64, last=True)
    return np.stack(found, axis=2).reshape(count, CHUNK_WORDS)


def _root(seed: bytes, number: int) -> bytes:
    counter = number.to_bytes(8, "little")
    return hashlib.blake2b(counter, key=seed, fanout=1, depth=1, node_offset=XOF).digest()
