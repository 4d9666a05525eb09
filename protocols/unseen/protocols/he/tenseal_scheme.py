"""2016/421 (CKKS) over SEAL 4, whole numbers in coefficients: the scheme of `scheme.py`.

Keys, errors and encryptions of zero are SEAL's; sums, flood and division are ours, on the words of
ciphertexts. A node transforms nothing but the flood: a scalar times a ciphertext is the same in
either form, and a bias in every coefficient is one polynomial, transformed once.

Not protected: see privacy.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import CountMismatchError
from unseen.protocols.he import checks, coefficients, contexts, privacy, seal
from unseen.protocols.he import parameters as rings
from unseen.protocols.he.engine import KeyOwner, Ring, Stranger
from unseen.protocols.he.parameters import Parameters
from unseen.protocols.he.scheme import Scores, Wholes, check_columns, check_rows, check_weights
from unseen.protocols.he.uniform import halves
from unseen.protocols.kernels import residues
from unseen.protocols.party import Rng

AT_ONCE: Final = 64
"""Columns whose words are in memory at once: 17 MB of both halves, of two primes at N = 8,192."""


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A weighted sum of ciphertexts: 2 x L x N words. Shows its weights to the key owner."""

    words: NDArray[np.uint64] = field(repr=False)


class SealOwner:
    """A key owner with a key of SEAL's."""

    def __init__(self, parameters: Parameters, secret: bytes | None) -> None:
        """Take a key or draw one; errors as `HeScheme.owner`."""
        rings.check(parameters)
        self.parameters = parameters
        self._level = checks.sent_level(parameters)
        self._keys = KeyOwner(Ring(parameters.degree, parameters.primes), secret)
        self._context = b""

    def secret(self) -> bytes:
        """Return the secret key, to be sealed wherever it is kept."""
        return self._keys.secret()

    def context(self) -> bytes:
        """Return parameters and a public key, the same each time until this object is gone."""
        if not self._context:
            self._context = contexts.write(self.parameters, self._keys.public_key())
        return self._context

    def encrypt(self, columns: Wholes) -> list[bytes]:
        """Return a ciphertext for each column; errors as `Owner.encrypt`."""
        check_columns(self.parameters, columns)
        return [self._encrypted(column) for column in columns]

    def decrypt(self, response: bytes, rows: int) -> Scores:
        """Return scores; errors as `Owner.decrypt`. Not to be sent to whoever computed them."""
        check_rows(self.parameters, rows)
        checks.read_back(response, self.parameters)
        level = checks.back_level(self.parameters)
        plain = seal.read_plaintext(self._keys.decrypt(response), level)
        divided = prod(self.parameters.data_primes[1:])
        scale = Fraction(1 << self.parameters.scale_bits, divided)
        return coefficients.decode(plain.words, level, rows, scale)

    def _encrypted(self, column: NDArray[np.int64]) -> bytes:
        words = coefficients.encode(column, self.parameters.shift, self._level)
        return self._keys.encrypt(seal.write(seal.Plaintext(self._level, checks.SCALE, words)))


class SealNode:
    """A node that computes on words."""

    def __init__(self, parameters: Parameters, context: bytes) -> None:
        """Take a context; errors as `HeScheme.opened`."""
        rings.check(parameters)
        self.parameters = parameters
        self._level = checks.sent_level(parameters)
        key = contexts.read(context, parameters)
        self._stranger = Stranger(Ring(parameters.degree, parameters.primes), key)
        everywhere = np.ones(parameters.degree, np.int64)
        self._ones = coefficients.encode(everywhere, parameters.shift, self._level)

    def check(self, ciphertext: bytes) -> None:
        """Check bytes; errors as `Node.check`."""
        checks.read_sent(ciphertext, self.parameters)

    def weighted(self, ciphertexts: Iterable[bytes], weights: Sequence[int], bias: int) -> Sum:
        """Return a sum that is not for sending; errors as `Node.weighted`."""
        check_weights(self.parameters, weights, bias)
        primes, given, done = self._level.primes, iter(ciphertexts), 0
        total = np.zeros((2, *self._level.shape), np.uint64)
        total[0] = residues.scaled(self._ones, [bias % prime for prime in primes], primes)
        while some := [checks.read_sent(one, self.parameters) for one in islice(given, AT_ONCE)]:
            theirs = weights[done : done + len(some)]
            done += len(some)
            if len(theirs) < len(some):
                break
            total = residues.weighted([total, self._sum(some, theirs)], [1, 1], primes)
        if done != len(weights):
            raise CountMismatchError(found=done, expected=len(weights))
        return Sum(total)

    def private(self, weighted: Sum, rng: Rng) -> bytes:
        """Return a response; `rng` gives the flood, SEAL the encryption of zero."""
        zero = seal.read_ciphertext(self._stranger.zero(), self._level)
        words = privacy.hidden(weighted.words, zero.words, self.parameters, rng)
        level = checks.back_level(self.parameters)
        return seal.write(seal.Ciphertext(level, checks.SCALE, words))

    def _sum(self, read: Sequence[seal.Ciphertext], weights: Sequence[int]) -> residues.Words:
        # Both halves apart: those of a seed are not reduced, and need not be.
        parts = [halves(one) for one in read]
        # The plan's bound, so that no time depends on a weight.
        bits = self.parameters.demand.sum_bits + 1
        each = (
            residues.weighted([part[half] for part in parts], weights, self._level.primes, bits)
            for half in (0, 1)
        )
        return np.stack(list(each))


class SealScheme:
    """Makes key owners and nodes over SEAL."""

    name = "ckks"

    def owner(self, parameters: Parameters, secret: bytes | None = None) -> SealOwner:
        """Return a key owner; errors as `HeScheme.owner`."""
        return SealOwner(parameters, secret)

    def opened(self, parameters: Parameters, context: bytes) -> SealNode:
        """Return a node; errors as `HeScheme.opened`."""
        return SealNode(parameters, context)


SCHEME: Final = SealScheme()
