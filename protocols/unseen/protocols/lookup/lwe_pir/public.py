"""SimplePIR (Henzinger et al. 2023, section 4.1): the public matrix, from a seed nobody chooses.

Row j is words of AES-128 in counter mode, from counter j * n / 4 on, under a key hashed from a
label, the provider's name and the table's shape. A buyer computes it by itself, so that no provider
can plant a matrix with a trapdoor; and each provider has its own, so that work on one helps against
no other. It is as good as AES is as a random oracle here: its key is public.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import aes
from unseen.protocols.lookup.lwe_pir.parameters import SECRET, Shape

TILE: Final = 256  # rows at a time: 1.5 MB
_NAME: Final = b"unseen/lookup/lwe_pir/v1/matrix\x00"
_BLOCKS: Final = SECRET // 4  # of AES in a row


@dataclass(frozen=True, slots=True)
class Public:
    """The matrix of one provider's table: width x n words. Not kept: made where it is needed."""

    key: bytes
    width: int

    @classmethod
    def of(cls, provider: bytes, shape: Shape) -> "Public":
        """Return the matrix for a shape; `provider` is a name of up to 255 bytes, always the same.

        Raises:
            InputInvalidError: the name has another length.

        """
        if not 1 <= len(provider) <= 255:
            raise InputInvalidError("a provider's name has 1 to 255 bytes")
        sizes = (shape.blocks, shape.width, shape.label_bytes)
        framed = bytes([len(provider)]) + provider + b"".join(n.to_bytes(8) for n in sizes)
        return cls(hashlib.sha256(_NAME + framed).digest()[: aes.KEY_BYTES], shape.width)

    def tiles(self) -> Iterator[tuple[int, NDArray[np.uint32]]]:
        """Yield the first row of each tile, and its rows of n words.

        Raises:
            KernelFaultError: this machine computes AES wrongly.

        """
        for first in range(0, self.width, TILE):
            rows = min(TILE, self.width - first)
            words = aes.stream(self.key, rows * SECRET, first * _BLOCKS)
            yield first, words.reshape(rows, SECRET)
