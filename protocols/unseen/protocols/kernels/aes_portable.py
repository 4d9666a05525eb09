"""SP 800-38A section 6.5: AES-128-CTR added into vectors, by OpenSSL through `cryptography`.

The twin of `aes_compiled.py` for machines without numba or without AES instructions, and what the
compiled one is held against. As constant in time as OpenSSL's AES is on this machine.
"""

from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from unseen.protocols.kernels.words import Words

TILE_BYTES: Final = 1 << 16  # what one call expands: no more memory than this, however long


def add(words: Words, keys: bytes, minus: bytes, high: int, low: int) -> None:
    """Add the key stream of each 16-byte key to `words`, or subtract it, in place.

    `words` are contiguous. `keys` are 16 bytes each, `minus` has one byte for each, not zero to
    subtract. The first counter is `high` * 2^64 + `low`.
    """
    counter = modes.CTR(high.to_bytes(8) + low.to_bytes(8))
    streams = [
        Cipher(algorithms.AES(keys[start : start + 16]), counter).encryptor()
        for start in range(0, len(keys), 16)
    ]
    zeros, mask = bytes(TILE_BYTES), bytearray(TILE_BYTES)
    # On the wire and in the stream the least significant byte comes first.
    stream = np.frombuffer(mask, words.dtype.newbyteorder("<"))
    tile = TILE_BYTES // words.itemsize
    for start in range(0, words.size, tile):
        part = words[start : start + tile]
        for encryptor, negative in zip(streams, minus, strict=True):
            encryptor.update_into(zeros[: part.nbytes], mask)
            operation = np.subtract if negative else np.add
            operation(part, stream[: part.size], out=part)
