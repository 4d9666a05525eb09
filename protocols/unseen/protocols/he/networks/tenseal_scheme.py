"""2016/421 (CKKS) over SEAL 4, whole polynomials whose values are rows: networks of squares.

Keys, errors, encryptions of zero, squares and relinearisation are SEAL's; sums, flood and division
are ours. A bias is the same in every slot: a constant polynomial, the same word everywhere.

Not protected: see privacy.py and parameters.py; and keys for products, which are more that a key
owner sends and nobody can check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.he import checks, coefficients, privacy, seal, slots
from unseen.protocols.he.engine import KeyOwner, Ring, Stranger
from unseen.protocols.he.models import WholeSquares
from unseen.protocols.he.networks import contexts
from unseen.protocols.he.networks import parameters as rings
from unseen.protocols.he.networks.parameters import SquaresParameters
from unseen.protocols.he.networks.scheme import (
    Reals,
    check_columns,
    check_count,
    check_model,
    check_rows,
)
from unseen.protocols.he.networks.squaring import Squares
from unseen.protocols.he.uniform import halves
from unseen.protocols.kernels import residues
from unseen.protocols.party import Rng

Words = NDArray[np.uint64]
COLUMNS_AT_ONCE: Final = 16
UNITS_AT_ONCE: Final = 32
"""How many of each are in memory: 1.3 MB each with five primes at N = 16,384. For more units than
that, columns are read again."""

_Unit = tuple[tuple[int, ...], int, int]  # weights, bias, sign


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """A sum of squares: 2 x L x N words. Shows its weights to the key owner."""

    words: Words = field(repr=False)


class SquaresOwner:
    """Whoever holds the secret key: a buyer."""

    def __init__(self, parameters: SquaresParameters, secret: bytes | None = None) -> None:
        """Take a key that `secret` returned, or draw one; errors as `NetworkScheme.owner`."""
        rings.check(parameters)
        self.parameters = parameters
        self._level = checks.sent_level(parameters)
        self._keys = KeyOwner(Ring(parameters.degree, parameters.primes), secret)
        self._context = b""

    def secret(self) -> bytes:
        """Return the secret key, to be sealed wherever it is kept."""
        return self._keys.secret()

    def context(self) -> bytes:
        """Return parameters and keys, the same each time until this object is gone."""
        if not self._context:
            keys = self._keys.public_key(), self._keys.relin_keys()
            self._context = contexts.write(self.parameters, *keys)
        return self._context

    def encrypt(self, columns: Reals) -> list[bytes]:
        """Return a ciphertext for each column; errors as `Owner.encrypt`."""
        check_columns(self.parameters, columns)
        encoded = slots.encode(columns, self.parameters.degree)
        return [self._encrypted(column) for column in encoded]

    def decrypt(self, response: bytes, rows: int) -> Reals:
        """Return scores; errors as `Owner.decrypt`. Not to be sent to whoever computed them."""
        check_rows(self.parameters, rows)
        checks.read_back(response, self.parameters)
        level = checks.back_level(self.parameters)
        plain = seal.read_plaintext(self._keys.decrypt(response), level)
        divided = prod(self.parameters.data_primes[1:])
        scale = Fraction(1 << self.parameters.scale_bits, divided)
        found = coefficients.decode(plain.words, level, self.parameters.degree, scale)
        return slots.decode(found, rows)

    def _encrypted(self, column: NDArray[np.int64]) -> bytes:
        words = coefficients.encode(column, self.parameters.shift, self._level)
        return self._keys.encrypt(seal.write(seal.Plaintext(self._level, checks.SCALE, words)))


class SquaresNode:
    """Whoever computes with what it cannot read: a provider."""

    def __init__(self, parameters: SquaresParameters, context: bytes) -> None:
        """Take a context that an owner returned; errors as `NetworkScheme.opened`."""
        rings.check(parameters)
        self.parameters = parameters
        self._level = checks.sent_level(parameters)
        public, relin = contexts.read(context, parameters)
        ring = Ring(parameters.degree, parameters.primes)
        self._stranger = Stranger(ring, public)
        self._squares = Squares(ring, relin)

    def scored(self, ciphertexts: Sequence[bytes], model: WholeSquares) -> Total:
        """Return the scores of all slots, not for sending; errors as `Node.scored`."""
        check_model(self.parameters, model)
        check_count(self.parameters, ciphertexts)
        units = list(zip(model.weights, model.biases, model.signs, strict=True))
        first = next((sign for weights, _, sign in units if any(weights)), 1)
        total = self._squares.total(self._terms(ciphertexts, units, first))
        words = np.zeros((2, *self._level.shape), np.uint64)
        if total is not None:
            words = seal.read_ciphertext(total, self._level).words
            words = residues.weighted([words], [first], self._level.primes, 1)
        still = [sign * bias**2 for weights, bias, sign in units if not any(weights)]
        constant = model.constant + sum(still)
        moved = constant << (2 * self.parameters.shift)
        return Total(np.stack([self._plus(words[0], moved), words[1]]))

    def private(self, total: Total, rng: Rng) -> bytes:
        """Return a response; `rng` gives the flood, SEAL the encryption of zero."""
        zero = seal.read_ciphertext(self._stranger.zero(), self._level)
        words = privacy.hidden(total.words, zero.words, self.parameters, rng)
        level = checks.back_level(self.parameters)
        return seal.write(seal.Ciphertext(level, checks.SCALE, words))

    def _terms(
        self, sent: Sequence[bytes], units: Sequence[_Unit], turned: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yield each unit's sign, turned or not, and its sum as SEAL reads it.

        A unit of no column is a constant, of which there is no ciphertext: 0, and another sum.
        """
        for start in range(0, len(units), UNITS_AT_ONCE):
            some = units[start : start + UNITS_AT_ONCE]
            live = [any(weights) for weights, _, _ in some]
            instead = (1, *(0,) * (len(sent) - 1))
            used = [one[0] if counts else instead for one, counts in zip(some, live, strict=True)]
            sums = self._sums(sent, used)
            for (_, bias, sign), counts, words in zip(some, live, sums, strict=True):
                words[0] = self._plus(words[0], bias << self.parameters.shift)
                found = seal.Ciphertext(self._level, checks.SCALE, words)
                yield sign * turned * counts, seal.write(found)

    def _sums(self, sent: Sequence[bytes], units: Sequence[tuple[int, ...]]) -> list[Words]:
        """Return the weighted sums of columns, one of 2 x L x N words for each unit."""
        primes = self._level.primes
        bits = self.parameters.demand.sum_bits + 1  # the plan's: no time depends on a weight
        totals = [np.zeros((2, *self._level.shape), np.uint64) for _ in units]
        for start in range(0, len(sent), COLUMNS_AT_ONCE):
            places = range(start, min(start + COLUMNS_AT_ONCE, len(sent)))
            read = [halves(checks.read_sent(sent[at], self.parameters)) for at in places]
            for total, weights in zip(totals, units, strict=True):
                some = [1, *(weights[at] for at in places)]
                for half in (0, 1):
                    parts = [total[half], *(part[half] for part in read)]
                    total[half] = residues.weighted(parts, some, primes, bits)
        return totals

    def _plus(self, words: Words, number: int) -> Words:
        """Return a transformed polynomial with a number in every slot added: L x N words."""
        primes = self._level.primes
        same = [np.full(words.shape[1], number % prime, np.uint64) for prime in primes]
        return residues.weighted([words, np.stack(same)], [1, 1], primes)


class SquaresScheme:
    """Makes key owners and nodes over SEAL."""

    name = "ckks"

    def owner(self, parameters: SquaresParameters, secret: bytes | None = None) -> SquaresOwner:
        """Return a key owner; errors as `NetworkScheme.owner`."""
        return SquaresOwner(parameters, secret)

    def opened(self, parameters: SquaresParameters, context: bytes) -> SquaresNode:
        """Return a node; errors as `NetworkScheme.opened`."""
        return SquaresNode(parameters, context)


SCHEME: Final = SquaresScheme()
