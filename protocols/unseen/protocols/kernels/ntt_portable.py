"""Harvey 2014: butterflies modulo a prime with a quotient known beforehand, by numpy's own.

The twin of `ntt_compiled.py` for machines without numba, and what the compiled one is held against.
Nothing branches on a word.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_Words = NDArray[np.uint64]
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


def forward(words: _Words, table: _Words, prime: int) -> None:
    """Transform N words below 4q in place; they are below 4q behind, and in turned-round order."""
    degree, blocks = words.size, 1
    twice = np.uint64(2 * prime)
    while blocks < degree:
        pairs = words.reshape(blocks, 2, -1)
        upper, lower = pairs[:, 0], pairs[:, 1]
        roots = table[:, blocks : 2 * blocks, np.newaxis]
        moved = times(lower, roots[0], roots[1], prime)
        base = np.minimum(upper, upper - twice)
        pairs[:, 1] = base + (twice - moved)
        pairs[:, 0] = base + moved
        blocks *= 2


def inverse(words: _Words, table: _Words, prime: int) -> None:
    """Transform N words below 2q back in place, but for the factor N; below 2q behind."""
    blocks = words.size // 2
    twice = np.uint64(2 * prime)
    while blocks:
        pairs = words.reshape(blocks, 2, -1)
        upper, lower = pairs[:, 0], pairs[:, 1]
        roots = table[:, blocks : 2 * blocks, np.newaxis]
        total = upper + lower
        pairs[:, 1] = times(upper + (twice - lower), roots[0], roots[1], prime)
        pairs[:, 0] = np.minimum(total, total - twice)
        blocks //= 2


def reduced(words: _Words, prime: int) -> _Words:
    """Return words below 4q as words below q."""
    twice, once = np.uint64(2 * prime), np.uint64(prime)
    words = np.minimum(words, words - twice)
    found: _Words = np.minimum(words, words - once)
    return found


def scaled(words: _Words, factor: int, quotient: int, prime: int) -> _Words:
    """Return any words times a factor below q, modulo q."""
    found = times(words, np.uint64(factor), np.uint64(quotient), prime)
    less: _Words = np.minimum(found, found - np.uint64(prime))
    return less


def times(
    words: _Words, factor: _Words | np.uint64, quotient: _Words | np.uint64, prime: int
) -> _Words:
    """Return any words times factors below q, as words below 2q."""
    found: _Words = words * factor - high(words, quotient) * np.uint64(prime)
    return found


def high(left: _Words, right: _Words | np.uint64) -> _Words:
    """Return the upper 64 bits of products."""
    left_low, left_high = left & _LOW, left >> _HALF
    right_low, right_high = right & _LOW, right >> _HALF
    first = left_high * right_low + (left_low * right_low >> _HALF)
    second = left_low * right_high + (first & _LOW)
    found: _Words = left_high * right_high + (first >> _HALF) + (second >> _HALF)
    return found
