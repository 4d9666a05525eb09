"""Cheon, Han, Kim, Kim, Song 2018 (full RNS CKKS), section 4: words divided by a dropped prime.

Each coefficient is rounded to the nearest, so that a ciphertext's error grows by at most
(1 + |s|_1) / 2 of what is left. Public work on a ciphertext: hides nothing that it did not hide
before.
"""

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import ntt, residues

_Words = NDArray[np.uint64]


def divided(words: _Words, primes: tuple[int, ...]) -> _Words:
    """Return polynomials divided by the last prime and rounded: ... x L x N to ... x (L - 1) x N.

    Words are transformed and below their primes.

    Raises:
        InputInvalidError: other words, or one prime alone.
        KernelFaultError: this machine computes wrongly.

    """
    if len(primes) < 2:
        raise InputInvalidError("no prime is left to divide by")
    *kept, last = primes
    half = last // 2
    remainder = ntt.inverse(words[..., -1:, :], (last,))
    remainder += np.uint64(half)
    remainder = np.minimum(remainder, remainder - np.uint64(last))
    # Half the prime more before, half the prime less behind: rounded, not cut.
    each = residues.reduced(np.repeat(remainder, len(kept), axis=-2), tuple(kept))
    limits = np.array(kept, np.uint64)[:, np.newaxis]
    each += np.array([[prime - half % prime] for prime in kept], np.uint64)
    each = np.minimum(each, each - limits)
    apart = words[..., :-1, :] + (limits - ntt.forward(each, tuple(kept)))
    return residues.scaled(apart, [pow(last, -1, prime) for prime in kept], tuple(kept))


def divided_to(words: _Words, primes: tuple[int, ...], left: int) -> _Words:
    """Return polynomials divided by one prime after another, from the last, till `left` are left.

    Raises:
        InputInvalidError: other words, or not so many primes.
        KernelFaultError: this machine computes wrongly.

    """
    if not 1 <= left <= len(primes):
        raise InputInvalidError("a ciphertext keeps one of its primes at least")
    while len(primes) > left:
        words, primes = divided(words, primes), primes[:-1]
    return words
