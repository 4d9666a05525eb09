"""2016/421 (CKKS), section 3.2: N / 2 numbers as the values of a polynomial, rounded to whole ones.

A product of such polynomials has the products of the values: that is what squares need. Values are
times 2^GRID, coefficients rounded to whole numbers, so that a value moves by N 2^-GRID at most
and doubles are enough. What is computed is defined on the rounded polynomial, exactly, as
with coefficients: encoding adds no error that a flood would have to cover, and needs no more digits
than the scores do. A polynomial that is no encoding of real numbers from -1 to 1 encrypts as well.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.parameters import SLOT_BITS

GRID: Final = SLOT_BITS
MAX_DEGREE: Final = 1 << 15


def encode(values: NDArray[np.float64], degree: int) -> NDArray[np.int64]:
    """Return coefficients of the polynomials with such values: d x n to d x N, of 2^-GRID.

    Values that are not given are 0. A coefficient is no larger than the largest value.

    Raises:
        InputInvalidError: over N / 2 values or none, or one that is not from -1 to 1.

    """
    _check(degree)
    given = np.asarray(values, np.float64)
    if given.ndim != 2 or not given.shape[0] or not 1 <= given.shape[1] <= degree // 2:
        raise InputInvalidError(f"a polynomial takes 1 to {degree // 2} values")
    wrong = ~((given >= -1) & (given <= 1))  # also what is no number
    if wrong.any():
        row = int(np.argwhere(wrong)[0][1])
        raise InputInvalidError(f"a value in row {row} is out of bounds", clause="features.bounds")
    found = np.empty((len(given), degree), np.int64)
    for place, one in enumerate(given):  # one at a time: memory does not grow with columns
        whole = np.zeros(degree)
        whole[: len(one)] = one
        whole[degree - len(one) :] = one[::-1]
        coefficients = (np.fft.fft(whole) / degree * np.conj(_turns(degree))).real
        found[place] = np.rint(np.ldexp(coefficients, GRID)).astype(np.int64)
    return found


def decode(coefficients: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Return the first values of a polynomial of real coefficients.

    Raises:
        InputInvalidError: another degree, or over N / 2 rows.

    """
    degree = len(coefficients)
    _check(degree)
    if not 1 <= rows <= degree // 2:
        raise InputInvalidError(f"a polynomial has 1 to {degree // 2} values")
    values = np.fft.ifft(coefficients * _turns(degree)) * degree
    found: NDArray[np.float64] = values.real[:rows].copy()
    return found


def moved(degree: int) -> float:
    """Return how far a value lies from what was given, at most: N 2^-GRID.

    Rounding moves a coefficient by half of 2^-GRID, the errors of doubles by less than that again.
    """
    _check(degree)
    return float(np.ldexp(degree, -GRID))


def _turns(degree: int) -> NDArray[np.complex128]:
    """Return powers of the root of order 2N: values are those at its odd powers."""
    found: NDArray[np.complex128] = np.exp(1j * np.pi * np.arange(degree) / degree)
    return found


def _check(degree: int) -> None:
    if not 2 <= degree <= MAX_DEGREE or degree & (degree - 1):
        raise InputInvalidError(f"a degree is a power of two up to {MAX_DEGREE}")
