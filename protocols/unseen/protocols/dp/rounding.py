"""Bounds of exp, log and square root by whole numbers, each rounded away from the truth on purpose.

Textbook series (Brent and Zimmermann, "Modern computer arithmetic", 2010, section 4.4) in fixed
point: a pair (low, high) of parts of 2^bits has the real number between them, whatever was lost on
the way. What is charged or sampled by these errs on the side of more privacy, or asks for more
bits. The time taken depends on the arguments: only for public ones.
"""

from fractions import Fraction
from math import isqrt
from typing import Final

Bounds = tuple[int, int]
"""Parts of 2^bits, the first not above and the second not below the real number."""

PI_BELOW: Final = Fraction(3141592653589793238462643383279, 10**30)  # the next digit is 5
_GUARD = 32


def exp_neg(x: Fraction, bits: int) -> Bounds:
    """Return bounds of exp(-x), x >= 0, that are a few parts of 2^bits apart at most."""
    if x > bits + 1:
        return 0, 1  # exp(-x) < 2^-bits
    halvings = int(x).bit_length() + 4
    work = bits + halvings + _GUARD
    low, high = _exp_small(x / (1 << halvings), work)
    for _ in range(halvings):
        low, high = low * low >> work, -(-high * high >> work)
    one = 1 << (work + bits)
    return one // high, min(-(-one // low), 1 << bits)


def log(x: Fraction, bits: int) -> Bounds:
    """Return bounds of the natural logarithm of x > 0."""
    twos = x.numerator.bit_length() - x.denominator.bit_length()
    work = bits + twos.bit_length() + _GUARD
    mantissa = x / (1 << twos) if twos >= 0 else x * (1 << -twos)
    part = (mantissa - 1) / (mantissa + 1)  # ln m = 2 artanh((m - 1) / (m + 1)), and |part| < 1/3
    low, high = _artanh(abs(part), work)
    if part < 0:
        low, high = -high, -low
    two_low, two_high = _artanh(Fraction(1, 3), work)
    if twos < 0:
        two_low, two_high = two_high, two_low
    shift = work - bits - 1  # the factor 2 of both artanh is in here
    return (low + twos * two_low) >> shift, -(-(high + twos * two_high) >> shift)


def sqrt_above(x: Fraction, bits: int = 128) -> Fraction:
    """Return a ratio not below the square root of x >= 0, and less than 2^-bits above it."""
    scaled = -(-(x.numerator << 2 * bits) // x.denominator)
    root = isqrt(scaled)
    return Fraction(root + (root * root < scaled), 1 << bits)


def _exp_small(x: Fraction, bits: int) -> Bounds:
    """Return bounds of exp(x) for x in [0, 1/16], by its series."""
    x_low, x_high = _scaled(x, bits)
    low = high = term_low = term_high = 1 << bits
    k = 0
    while term_high > 1:
        k += 1
        term_low = term_low * x_low // (k << bits)
        term_high = -(-term_high * x_high // (k << bits))
        low += term_low
        high += term_high
    return low, high + 1  # all terms after one that is at most 1 sum up to less than 1


def _artanh(x: Fraction, bits: int) -> Bounds:
    """Return bounds of artanh(x) for x in [0, 1/3], by its series."""
    low_power, high_power = _scaled(x, bits)
    square_low, square_high = _scaled(x * x, bits)
    low, high, k = 0, 0, 1
    while high_power > 1:
        low += low_power // k
        high -= -high_power // k
        low_power = low_power * square_low >> bits
        high_power = -(-high_power * square_high >> bits)
        k += 2
    return low, high + 2  # each later power is at most a ninth of the one before, the first 1


def _scaled(x: Fraction, bits: int) -> Bounds:
    scaled = x.numerator << bits
    return scaled // x.denominator, -(-scaled // x.denominator)
