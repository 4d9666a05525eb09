"""Microsoft SEAL 4 (`rlwe.cpp`): the uniform polynomial that a ciphertext's seed stands for.

The stream of the seed gives a word for each coefficient of each prime in turn. A word from which a
residue would not be uniform is replaced by the next one behind all of them. Whoever has a
ciphertext has its seed: nothing of this is secret.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.he.seal import Ciphertext, Level
from unseen.protocols.kernels import blake2xb, residues

_Words = NDArray[np.uint64]
_LARGEST: Final = (1 << 64) - 1


def expanded(seed: bytes, level: Level) -> _Words:
    """Return the polynomial of a seed, transformed, below its primes: L x N words.

    Raises:
        InputInvalidError: the seed is not 64 bytes.
        KernelFaultError: this machine computes wrongly.

    """
    return residues.reduced(raw(seed, level), level.primes)


def raw(seed: bytes, level: Level) -> _Words:
    """Return the same, not reduced: words of 64 bits, as weighted sums take them.

    Raises:
        InputInvalidError: the seed is not 64 bytes.
        KernelFaultError: this machine computes wrongly.

    """
    rows, degree = level.shape
    place = rows * degree
    found = blake2xb.words(seed, place).reshape(rows, degree)
    for row, prime in zip(found, level.primes, strict=True):
        limit = _LARGEST - _LARGEST % prime - 1
        if int(row.max()) < limit:
            continue
        for wrong in np.flatnonzero(row >= np.uint64(limit)):
            word = limit
            while word >= limit:
                word = int(blake2xb.words(seed, 1, place)[0])
                place += 1
            row[wrong] = word
    return found


def halves(value: Ciphertext) -> tuple[_Words, _Words]:
    """Return both polynomials of a ciphertext, the second one not reduced if it was a seed.

    Raises:
        KernelFaultError: this machine computes wrongly.

    """
    if value.seed:
        return value.words[0], raw(value.seed, value.level)
    return value.words[0], value.words[1]
