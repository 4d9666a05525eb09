"""Albrecht et al., Homomorphic Encryption Standard 2018 and 2024/463: how hard a ring is to break.

What the public lattice-estimator (commit 27a581b) says of secrets uniform in {-1, 0, 1} and errors
of standard deviation 3.2, in the cost models MATZOV and core-SVP, for the best of its attacks. Its
figures depend on N / log2 Q and hardly on N; between its points they are joined by lines, from
below. A ring with more room than the last point has at least its bits: nothing is said beyond.

They are estimates: attacks on lattices have got better before, and the ring is not made use of.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

LEAST: Final = 128
# The standard's table for 128 classical bits: log2 Q at most, special primes of keys included.
CEILINGS: Final = {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881}
# N, log2 Q and the estimator's bits.
_MATZOV: Final = (
    (4096, 109, 125.1),
    (4096, 106, 128.9),
    (8192, 200, 137.7),
    (4096, 90, 153.8),
)
_CORE: Final = ((8192, 218, 94.6), (8192, 200, 107.3), (4096, 90, 125.0), (8192, 176, 128.8))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bits of work that an attack takes at least, in each model."""

    matzov: float
    core: float


def estimate(degree: int, modulus: int) -> Estimate:
    """Return how many bits of work an attack takes at N coefficients modulo Q."""
    room = Fraction(degree * 1000, _milli_bits(modulus))
    return Estimate(matzov=_least(room, _MATZOV), core=_least(room, _CORE))


def is_allowed(degree: int, modulus: int) -> bool:
    """Return whether a ring is within the standard's table and 2^128 in both models."""
    found = estimate(degree, modulus)
    within = modulus.bit_length() <= CEILINGS.get(degree, 0)
    return within and min(found.matzov, found.core) >= LEAST


def _milli_bits(modulus: int) -> int:
    """Return a thousand times log2, rounded up, from integers: the same on every machine."""
    return (modulus**1000).bit_length()


def _least(room: Fraction, points: tuple[tuple[int, int, float], ...]) -> float:
    """Return the value on the lines through points: 0 before them, the last one behind them."""
    line = [(Fraction(degree, bits), value) for degree, bits, value in points]
    if room < line[0][0]:
        return 0.0
    for (x0, y0), (x1, y1) in pairwise(line):
        if room < x1:
            return y0 + (y1 - y0) * float((room - x0) / (x1 - x0))
    return line[-1][1]
