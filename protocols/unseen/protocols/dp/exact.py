"""Whole numbers and ratios only: the attack of Mironov, CCS 2012, section 3, on everything else.

The low bits of floating-point noise give away the answer that it was added to. What comes in as a
float has been rounded before anybody could look at it, so it is refused, not converted. Says
nothing about how a caller came by its whole numbers.
"""

from fractions import Fraction
from operator import index
from typing import Final, SupportsIndex

from unseen.protocols.errors import InputInvalidError

Exact = int | Fraction
"""A number that is what it says: no float, no Decimal, no bool."""

MAX_BITS: Final = 256  # of a numerator or denominator; far above any use, and bounds the work


def whole(value: object, name: str, *, low: int | None = None, high: int | None = None) -> int:
    """Return `value` as an int if it is a whole number in [low, high].

    Integers of other libraries are taken as Python takes them for an index; floats and bools
    are not.

    Raises:
        InputInvalidError: it is not. The message names the input and never shows its value.

    """
    found = _index(value, name, "a whole number")
    if found.bit_length() > MAX_BITS:
        raise _out_of_range(f"{name} has more than {MAX_BITS} bits")
    if low is not None and found < low:
        raise _out_of_range(f"{name} is below {low}")
    if high is not None and found > high:
        raise _out_of_range(f"{name} is above {high}")
    return found


def positive(value: object, name: str) -> Fraction:
    """Return `value` as a ratio above zero.

    Raises:
        InputInvalidError: it is a float, is not a number, is zero or less, or has too many bits.

    """
    found = not_negative(value, name)
    if not found:
        raise _out_of_range(f"{name} has to be above zero")
    return found


def not_negative(value: object, name: str) -> Fraction:
    """Return `value` as a ratio of zero or more.

    Raises:
        InputInvalidError: it is a float, is not a number, is below zero, or has too many bits.

    """
    if not isinstance(value, Fraction):
        value = Fraction(_index(value, name, "a whole number or a Fraction"))
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _out_of_range(f"{name} has more than {MAX_BITS} bits")
    if value < 0:
        raise _out_of_range(f"{name} is below zero")
    return value


def _index(value: object, name: str, wanted: str) -> int:
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        try:
            return int(index(value))
        except TypeError:  # an array of another library, which is one only sometimes
            raise _inexact(name, value, wanted) from None
    raise _inexact(name, value, wanted)


def _inexact(name: str, value: object, wanted: str) -> InputInvalidError:
    return InputInvalidError(
        f"{name} is of type {type(value).__name__}; expected {wanted}",
        clause="dp.exact",
        remedy="give an int or a fractions.Fraction, made from digits and not from a float",
    )


def _out_of_range(message: str) -> InputInvalidError:
    return InputInvalidError(message, clause="dp.range")
