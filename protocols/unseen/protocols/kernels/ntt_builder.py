"""Harvey 2014: butterflies modulo a prime with a quotient known beforehand, in numba and LLVM.

Imported where there is something to compile; `ntt_portable.py` says what it computes. Of a number
that may be too large and the same less a multiple of the prime, the lesser is taken, since words
wrap: nothing branches on a word.
"""

from typing import Any, Final

import numba

from unseen.protocols.kernels.modular_builder import high, read, write

_ZERO: Final = numba.uint64(0)
_ONE: Final = numba.uint64(1)
_EIGHT: Final = numba.uint64(8)


def forward(words: Any, roots: Any, quotients: Any, degree: Any, prime: Any) -> None:
    """Transform `degree` words below 4q in place; all but the last two are addresses."""
    twice = prime + prime
    gap, blocks = degree * _EIGHT, _ONE
    while blocks < degree:
        gap >>= _ONE
        upper = words
        for block in range(blocks):
            place = (blocks + block) * _EIGHT
            root, quotient = read(roots + place), read(quotients + place)
            lower = upper + gap
            for offset in range(_ZERO, gap, _EIGHT):
                base, other = read(upper + offset), read(lower + offset)
                moved = other * root - high(other, quotient) * prime
                base = min(base, base - twice)
                write(upper + offset, base + moved)
                write(lower + offset, base + (twice - moved))
            upper = lower + gap
        blocks += blocks


def inverse(words: Any, roots: Any, quotients: Any, degree: Any, prime: Any) -> None:
    """Transform `degree` words below 2q back in place, but for the factor N."""
    twice = prime + prime
    gap, blocks = _EIGHT, degree >> _ONE
    while blocks > _ZERO:
        upper = words
        for block in range(blocks):
            place = (blocks + block) * _EIGHT
            root, quotient = read(roots + place), read(quotients + place)
            lower = upper + gap
            for offset in range(_ZERO, gap, _EIGHT):
                base, other = read(upper + offset), read(lower + offset)
                total, apart = base + other, base + (twice - other)
                write(upper + offset, min(total, total - twice))
                write(lower + offset, apart * root - high(apart, quotient) * prime)
            upper = lower + gap
        gap += gap
        blocks >>= _ONE
