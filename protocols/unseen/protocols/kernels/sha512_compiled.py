"""FIPS 180-4 section 6.4: SHA-512 of messages of one length, a message in each lane of a vector.

No table look-up and no branch depends on a message. Call only where `features.has_vectors()` says
so.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels import objects
from unseen.protocols.kernels.features import compiled_features

LANES: Final = 8 if "avx512f" in compiled_features() else 4
BATCH: Final = 128 * LANES  # messages at a time: what they take stays in the cache
STATE_WORDS: Final = 8
BLOCK_WORDS: Final = 16
_BUILDER: Final = "sha512_builder"
_LENGTH_BYTES: Final = 16  # of the message's length, behind it
# The first 64 bits of the fraction of the square roots of the first eight primes.
_INITIAL: Final = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)


def is_ready() -> bool:
    """Return whether the kernel is there without a compiler."""
    return objects.is_ready(_BUILDER, "compress")


def digests(rows: NDArray[np.uint8], prefix: bytes) -> NDArray[np.uint8]:
    """Return the digests of `prefix`, whole blocks, and each row: n x 64 bytes."""
    count, length = rows.shape
    start = np.array(_INITIAL, np.uint64)
    if prefix:
        start = _compressed(_words(np.frombuffer(prefix, np.uint8)[np.newaxis]), start)[:, 0]
    blocks = -(-(length + 1 + _LENGTH_BYTES) // 128)
    out = np.empty((count, 8 * STATE_WORDS), np.uint8)
    padded = np.zeros((BATCH, 128 * blocks), np.uint8)
    padded[:, length] = 0x80
    size = (8 * (len(prefix) + length)).to_bytes(_LENGTH_BYTES, "big")
    padded[:, -_LENGTH_BYTES:] = np.frombuffer(size, np.uint8)
    for first in range(0, count, BATCH):
        part = rows[first : first + BATCH]
        padded[: len(part), :length] = part
        groups = -(-len(part) // LANES)
        state = _compressed(_words(padded[: groups * LANES]), start)
        found = np.ascontiguousarray(state.T[: len(part)]).astype(">u8", copy=False)
        out[first : first + BATCH] = found.view(np.uint8)
    return out


def _words(padded: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return messages, whole blocks each, as words in lanes: groups x words x lanes."""
    words = np.ascontiguousarray(padded).view(">u8").astype("<u8")
    groups = -(-len(words) // LANES)
    full = np.zeros((groups * LANES, words.shape[1]), np.uint64)
    full[: len(words)] = words
    return np.ascontiguousarray(full.reshape(groups, LANES, -1).transpose(0, 2, 1))


def _compressed(words: NDArray[np.uint64], start: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the states after all blocks: 8 x messages."""
    groups, size, _ = words.shape
    states = np.empty((groups, STATE_WORDS, LANES), np.uint64)
    begin = np.ascontiguousarray(start)
    objects.load(_BUILDER, "compress")(
        states.ctypes.data, words.ctypes.data, groups, size // BLOCK_WORDS, begin.ctypes.data
    )
    found: NDArray[np.uint64] = states.transpose(1, 0, 2).reshape(STATE_WORDS, groups * LANES)
    return found
