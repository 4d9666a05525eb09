"""SimplePIR (Henzinger et al., USENIX Security 2023, section 4) as it was published, by index.

A baseline of our own making for the bench `lookup`, over the same bytes and with the same kernels:
n = 1024, a secret of uniform words, and hint and answers of whole words. The errors are binomial of
the paper's deviation. Who asks has to know the place of what it wants, and learns sums of cells
that nobody masked: this is retrieval from a public table, and protects no owner. By the same
estimate as ours (`docs/lookup.md`) it has 122 bits (MATZOV), or 95 (core-SVP).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels import aes, matrix
from unseen.protocols.lookup.lwe_pir.client import errors
from unseen.protocols.party import Rng

SECRET: Final = 1024
SECURITY_BITS: Final = (122, 95)
MODEL: Final = "operator sees no question; the table is public; LWE"
_TILE: Final = 256
_SCALE: Final = np.uint32(1 << 24)


def tile(key: bytes, first: int, rows: int) -> NDArray[np.uint32]:
    """Return rows of the public matrix, each of n words."""
    words = aes.stream(key, rows * SECRET, first * SECRET // 4)
    return words.reshape(rows, SECRET)


def hint(key: bytes, rows: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Return the hint: n words for each row of the table."""
    total = np.zeros((SECRET, len(rows)), np.uint32)
    for first in range(0, rows.shape[1], _TILE):
        part = rows[:, first : first + _TILE]
        total += matrix.product(part, np.ascontiguousarray(tile(key, first, part.shape[1]).T))
    return np.ascontiguousarray(total.T)


def query(
    key: bytes, width: int, column: int, rng: Rng
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the secret, and the query for a column."""
    secret = np.frombuffer(rng(4 * SECRET), np.uint32)
    words = errors(width, rng).view(np.uint32).copy()
    for first in range(0, width, _TILE):
        part = tile(key, first, min(_TILE, width - first))
        words[first : first + len(part)] += part @ secret
    words[column] += _SCALE
    return secret, words


def answer(rows: NDArray[np.int8], queries: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the answers, a word for each row of the table."""
    return matrix.product(rows, queries)


def opened(
    secret: NDArray[np.uint32], hint_rows: NDArray[np.uint32], words: NDArray[np.uint32]
) -> NDArray[np.uint8]:
    """Return the bytes of a column in the rows of these parts of hint and answer."""
    left = words - hint_rows @ secret
    return ((left + (_SCALE >> np.uint32(1))) >> np.uint32(24)).astype(np.uint8)
