"""Whole numbers in the coefficients of a polynomial, exactly: a sample a coefficient.

Values are rounded to a grid of 2^-bits before anything is encrypted. What is computed is defined on
the rounded values, so that encoding adds no error that a flood would have to cover. Only whoever
encrypts can see whether a value keeps its bounds: an evaluator cannot, and takes them on trust.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.seal import Level
from unseen.protocols.kernels import ntt, residues

_Words = NDArray[np.uint64]
_EXACT_BITS: Final = 53  # of a double


def rounded(
    values: NDArray[np.float64], bits: int, low: float = -1.0, high: float = 1.0
) -> NDArray[np.int64]:
    """Return values as whole numbers of 2^-bits.

    Raises:
        InputInvalidError: a value is not finite or outside [low, high]: says where the first one
            is, and not what; or a number on the grid would not be exact.

    """
    column = np.asarray(values, np.float64)
    wrong = ~((column >= low) & (column <= high))  # also what is no number
    if wrong.any():
        place = int(np.flatnonzero(wrong.reshape(-1))[0])
        raise InputInvalidError(f"the value at position {place} is out of its bounds")
    bound = max(abs(low), abs(high))
    if not 0 <= bits <= _EXACT_BITS or not bound * 2.0**bits < 2.0**_EXACT_BITS:
        raise InputInvalidError(f"numbers on a grid have up to {_EXACT_BITS} bits")
    return np.rint(column * 2.0**bits).astype(np.int64)


def encode(numbers: NDArray[np.int64], shift: int, level: Level) -> _Words:
    """Return the polynomial of up to N whole numbers times 2^shift, transformed: L x N words.

    Raises:
        InputInvalidError: too many numbers or none, or one that half the modulus does not hold.
        KernelFaultError: this machine computes wrongly.

    """
    degree = level.degree
    if numbers.ndim != 1 or numbers.dtype != np.int64 or not 0 < numbers.size <= degree:
        raise InputInvalidError(f"a polynomial has 1 to {degree} whole numbers")
    most = max(abs(int(numbers.min())), abs(int(numbers.max())))
    if shift < 0 or 2 * (most << shift) >= prod(level.primes):
        raise InputInvalidError("a number does not fit the modulus")
    sizes = np.zeros(level.shape, np.uint64)
    sizes[:, : numbers.size] = np.abs(numbers).astype(np.uint64)
    found = residues.scaled(sizes, [1 << shift] * len(level.primes), level.primes)
    below = np.zeros(degree, np.bool_)
    below[: numbers.size] = numbers < 0
    return ntt.forward(_signed(found, below, level.primes), level.primes)


def decode(words: _Words, level: Level, count: int, scale: Fraction) -> NDArray[np.float64]:
    """Return the first `count` coefficients of a transformed polynomial, over a scale.

    Raises:
        InputInvalidError: other words, more than N coefficients, or a scale that is not positive.
        KernelFaultError: this machine computes wrongly.

    """
    if words.shape != level.shape or not 0 < count <= level.degree or scale <= 0:
        raise InputInvalidError("a polynomial has a row for each prime and N coefficients")
    rows = ntt.inverse(words, level.primes)[:, :count]
    if len(level.primes) == 1:
        (prime,) = level.primes
        small = rows[0].astype(np.int64)
        small -= np.where(small > prime // 2, prime, 0)
        near: NDArray[np.float64] = small / float(scale)
        return near
    whole = centred(rows, level.primes)
    return np.array([float(number / scale) for number in whole], np.float64)


def centred(rows: _Words, primes: Sequence[int]) -> list[int]:
    """Return the least numbers in magnitude that have these residues, a row a prime."""
    modulus = prod(primes)
    total = np.zeros(rows.shape[1], object)
    for row, prime in zip(rows, primes, strict=True):
        others = modulus // prime
        total += row.astype(object) * (others * pow(others, -1, prime) % modulus)
    found = [int(number) % modulus for number in total]
    return [number - modulus if 2 * number > modulus else number for number in found]


def _signed(sizes: _Words, below: NDArray[np.bool_], primes: tuple[int, ...]) -> _Words:
    """Return residues of numbers, those below 0 turned round."""
    limits = np.array(primes, np.uint64)[:, np.newaxis]
    turned = np.where(below, limits - sizes, sizes)
    return np.minimum(turned, turned - limits)
