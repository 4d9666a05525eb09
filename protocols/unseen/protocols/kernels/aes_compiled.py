"""FIPS 197 and SP 800-38A section 6.5: AES-128-CTR added into vectors, compiled by numba.

No table look-up and no branch depends on a key (`aes_builder.py`). Whether that holds against
power, faults or a hypervisor is the processor's matter, and round keys stay in memory until the
interpreter reuses it. Call only where `features.has_aes()` says so.
"""

from typing import Final

import numpy as np

from unseen.protocols.kernels import objects
from unseen.protocols.kernels.features import compiled_features
from unseen.protocols.kernels.words import Words

WIDE: Final = {"vaes", "avx2"} <= compiled_features()
LANES: Final = 2 if WIDE else 1  # blocks of 16 bytes in one vector
UNROLLED: Final = 8  # vectors under way at once: the instruction takes several cycles
CHUNK_BYTES: Final = 16 * LANES * UNROLLED
KEY_BYTES: Final = 11 * 16 * LANES  # a round key for each lane


def add(words: Words, keys: bytes, minus: bytes, high: int, low: int) -> None:
    """Add the key stream of each 16-byte key to `words`, or subtract it, in place.

    `words` are contiguous. `keys` are 16 bytes each, `minus` has one byte for each, not zero to
    subtract. The first counter is `high` * 2^64 + `low`; `low` does not pass 2^64.
    """
    count = len(minus)
    given = np.frombuffer(keys, np.uint8)
    expanded = np.empty(max(count, 1) * KEY_BYTES, np.uint8)
    objects.load("aes_builder", "expand")(given.ctypes.data, count, expanded.ctypes.data)
    signs = np.frombuffer(minus, np.uint8)
    add_each = objects.load("aes_builder", f"add{words.itemsize * 8}")

    def run(part: Words, chunks: int, first: int) -> None:
        add_each(
            part.ctypes.data,
            chunks,
            expanded.ctypes.data,
            signs.ctypes.data,
            count,
            high,
            first,
        )

    chunks, rest_bytes = divmod(words.nbytes, CHUNK_BYTES)
    if chunks:
        run(words, chunks, low)
    if rest_bytes:
        # The end is less than a chunk: in a chunk of its own, and back.
        rest = words[chunks * CHUNK_BYTES // words.itemsize :]
        end = np.zeros(CHUNK_BYTES // words.itemsize, words.dtype)
        end[: rest.size] = rest
        run(end, 1, low + chunks * CHUNK_BYTES // 16)
        rest[:] = end[: rest.size]
    expanded.fill(0)
