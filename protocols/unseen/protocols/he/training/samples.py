"""2020/015 (Chen, Dai, Kim, Song), LWE samples out of RLWE ciphertexts: what a key owner gets.

The mean of a polynomial's slots is its coefficient 0 (canonical embedding, 2016/421): a constant
takes its own value at every root, and all other powers of X add up to zero over them. So a sum over
rows is one coefficient, and of a ciphertext that decrypts to it only this is sent:

    1. a fresh encryption of zero under the owner's public key is added,
    2. of the first half coefficient 0 alone is kept: of the others nobody learns anything, as if
       each had got a uniform number of its own,
    3. exact Gaussian noise is added to it, for the sum and for the errors of 1 and of arithmetic,
    4. it and the whole second half are divided down to one prime, last: public work.

Without 1 the second halves are the owner's own times a column, and columns fall out by division;
without 2 it decrypts all products of residuals and values, row by row. See the tests.

Not protected: whoever made the public key otherwise than it should can take 1 off again.
"""

from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp import Law
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import seal
from unseen.protocols.he.division import divided
from unseen.protocols.he.training.chain import DEGREE, RESIDUALS, Chain
from unseen.protocols.kernels import ntt, residues
from unseen.protocols.party import Rng

Words = NDArray[np.uint64]
_WORD: Final = 8
SAMPLE_BYTES: Final = _WORD * (DEGREE + 1)
_LOW: Final = np.uint64(0xFFFFFFFF)


def released(words: Words, zero: Words, law: Law, chain: Chain, rng: Rng) -> bytes:
    """Return a sum as its key owner may see it: a word, and N of the second half.

    Args:
        words: 2 x 2 x N, transformed, of a ciphertext that decrypts to the sum.
        zero: as many, of a fresh encryption of zero, used for nothing else.
        law: the noise of one number.
        chain: the primes.
        rng: for the noise.

    """
    primes = chain.primes[:RESIDUALS]
    total = residues.weighted([words, zero], [1, 1], primes)
    noisy = (first_coefficient(total[0], primes) + law.sample(rng)) % prod(primes)
    small, last = primes
    centred = noisy - prod(primes) if 2 * noisy > prod(primes) else noisy
    head = (2 * centred + last) // (2 * last) % small
    second = ntt.inverse(divided(total[1], primes), (small,))[0]
    return head.to_bytes(_WORD, "little") + bytes(second.astype("<u8").data)


def first_coefficient(rows: Words, primes: tuple[int, ...]) -> int:
    """Return coefficient 0 of a transformed polynomial, below the product of two primes."""
    modulus, found = prod(primes), 0
    for row, prime in zip(rows, primes, strict=True):
        total = (int((row >> np.uint64(32)).sum()) << 32) + int((row & _LOW).sum())
        mean = total * pow(row.size, -1, prime) % prime
        others = modulus // prime
        found += mean * others * pow(others, -1, prime)
    return found % modulus


class Opener:
    """Whoever opens samples: a secret key's coefficients, -1, 0 and 1."""

    def __init__(self, secret: bytes, chain: Chain) -> None:
        """Take a secret key as `KeyOwner.secret` returns it."""
        level = chain.level(len(chain.primes))
        row = seal.read_plaintext(secret, level).words[:1]
        key = ntt.inverse(row, level.primes[:1])[0]
        self._prime = level.primes[0]
        # Coefficient 0 of c s is c_0 s_0 less the sum of c_i s_(N - i).
        turned = np.concatenate([key[:1], self._negated(key[:0:-1])])
        self._plus = turned == 1
        self._minus = turned == self._prime - 1

    def open(self, sample: bytes) -> int:
        """Return the number in a sample, centred.

        Raises:
            MalformedMessageError: it has another length, or a word is not below the prime.

        """
        if len(sample) != SAMPLE_BYTES:
            raise MalformedMessageError("a sample has another length than its ring gives it")
        words = np.frombuffer(sample, "<u8").astype(np.uint64)
        if int(words.max()) >= self._prime:
            raise MalformedMessageError("a word of a sample is not below its prime")
        second = words[1:]
        found = int(words[0]) + _total(second[self._plus]) - _total(second[self._minus])
        found %= self._prime
        return found - self._prime if 2 * found > self._prime else found

    def _negated(self, words: Words) -> Words:
        found: Words = (np.uint64(self._prime) - words) % np.uint64(self._prime)
        return found


def _total(words: Words) -> int:
    return (int((words >> np.uint64(32)).sum()) << 32) + int((words & _LOW).sum())
