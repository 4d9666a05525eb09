"""A key owner who is after a node's weights: it has all keys, seeds, errors and scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.protocols.he import checks, coefficients, seal, tenseal_scheme, uniform
from unseen.protocols.he.parameters import Demand, Parameters, choose
from unseen.protocols.he.scheme import Wholes
from unseen.protocols.kernels import ntt, residues

PARAMETERS = choose(
    Demand(
        columns=6,
        grid=10,
        weight_bits=12,
        sum_bits=15,
        reach_bits=26,
        precision_bits=14,
        responses=16,
    )
)
WEIGHTS = [4095, -2777, 1, -4000, 0, 1234]
BIAS = -(1 << 20)


def secret_words(owner: tenseal_scheme.SealOwner) -> Any:
    """Return the secret key: a row a prime, transformed."""
    level = seal.Level(owner.parameters.degree, owner.parameters.primes)
    return seal.read_plaintext(owner.secret(), level).words


def product(left: Any, right: Any, primes: tuple[int, ...]) -> Any:
    """Return products of transformed polynomials, in Python's whole numbers."""
    rows = [
        [int(a) * int(b) % prime for a, b in zip(x, y, strict=True)]
        for x, y, prime in zip(left, right, primes, strict=True)
    ]
    return np.array(rows, np.uint64)


@dataclass
class Curious:
    """A key owner with columns it encrypted itself."""

    owner: tenseal_scheme.SealOwner
    columns: Wholes

    def __post_init__(self) -> None:
        """Encrypt, and keep everything."""
        self.parameters: Parameters = self.owner.parameters
        self.level = checks.sent_level(self.parameters)
        self.secret = secret_words(self.owner)[: len(self.level.primes)]
        self.sent = self.owner.encrypt(self.columns)
        read = [checks.read_sent(one, self.parameters) for one in self.sent]
        self.seconds = [uniform.expanded(one.seed, self.level) for one in read]
        shifted = [[int(x) << self.parameters.shift for x in column] for column in self.columns]
        self.errors = np.array(
            [
                np.array(self.phase(np.stack([one.words[0], second])), object)
                - np.array(column + [0] * (self.level.degree - len(column)), object)
                for one, second, column in zip(read, self.seconds, shifted, strict=True)
            ]
        )

    def phase(self, words: Any) -> list[int]:
        """Return what a ciphertext holds, error and all: N whole numbers."""
        primes = self.level.primes
        hidden = product(words[1], self.secret, primes)
        total = residues.weighted([words[0], hidden], [1, 1], primes)
        return coefficients.centred(ntt.inverse(total, primes), primes)

    def weights_by_algebra(self, words: Any) -> list[int]:
        """Return the weights that second halves say: d equations modulo the first prime."""
        prime, count = self.level.primes[0], len(self.seconds)
        rows = [
            [*(int(second[0][place]) for second in self.seconds), int(words[1][0][place])]
            for place in range(count)
        ]
        found = solved(rows, prime)
        return [one - prime if 2 * one > prime else one for one in found]

    def weights_by_noise(self, words: Any) -> Any:
        """Return the weights that errors say, where all rows are one: least squares over N."""
        seen = np.array(self.phase(words), object)
        apart = (seen - sum(int(one) for one in seen) // len(seen)).astype(np.float64)
        errors = self.errors.astype(np.float64).T
        errors = np.hstack([errors, np.ones((len(errors), 1))])
        found, *_ = np.linalg.lstsq(errors, apart, rcond=None)
        return found[:-1]


def solved(rows: list[list[int]], prime: int) -> list[int]:
    """Return the solution of linear equations modulo a prime, by Gauss and Jordan."""
    for place in range(len(rows)):
        pivot = next(i for i in range(place, len(rows)) if rows[i][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        turn = pow(rows[place][place], -1, prime)
        rows[place] = [x * turn % prime for x in rows[place]]
        for i, row in enumerate(rows):
            if i != place:
                rows[i] = [
                    (x - row[place] * y) % prime for x, y in zip(row, rows[place], strict=True)
                ]
    return [row[-1] for row in rows]
