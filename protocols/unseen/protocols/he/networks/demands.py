"""Dowlin et al., ICML 2016, in exact plaintexts: what a network of squares asks of a ring.

Of the precision a half is the flood's at least, and the rest is left for the rounding of weights: a
score is off by less than both together, at any row within bounds. What is demanded is public, so it
has powers of two in place of what depends on weights; they still say how large weights are.
"""

from fractions import Fraction
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models import Model, WholeSquares, squares
from unseen.protocols.he.networks.parameters import SquaresDemand

_LEAST: Final = Fraction(1, 1 << 20)


def demanded(
    model: Model, precision: Fraction, responses: int
) -> tuple[WholeSquares, SquaresDemand]:
    """Return a network in whole numbers, which is secret, and what it asks for, which is public.

    A half of the precision is for what comes back at least, the rest for rounding weights.

    Raises:
        InputInvalidError: the precision is not from 2^-20 to 1, or the responses are none or too
            many.
        ModelInvalidError: it is not one hidden layer of squares, or its weights need too many bits.

    """
    if not _LEAST <= precision <= 1:
        raise InputInvalidError("a precision is from 2^-20 to 1", clause="score.precision")
    bits = (-(-2 * precision.denominator // precision.numerator) - 1).bit_length()
    found = squares(model, precision - Fraction(1, 1 << bits))
    return found, SquaresDemand(
        columns=len(found.shifts),
        units=len(found.weights),
        weight_bits=found.bits,
        sum_bits=_bits(found.absolute),
        unit_bits=_bits(found.farthest),
        reach_bits=_bits(max(found.largest, abs(found.constant))),
        precision_bits=bits,
        responses=responses,
    )


def _bits(number: int) -> int:
    """Return the least b with a number at most 2^b."""
    return max(number - 1, 0).bit_length()
