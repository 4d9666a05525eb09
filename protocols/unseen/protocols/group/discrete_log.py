"""Shanks 1971, baby steps and giant steps: the small number that an element is a multiple by.

Takes a time that depends on the number, and memory for 2^18 elements at most: some 40 MB. Within
2^32 of 0 it takes a second, and up to a minute where kernels are compiled, within 2^42.
"""

import math
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.group import fixed, ristretto255
from unseen.protocols.group.fixed import Term

MAX_BOUND: Final = 1 << 42
_MAX_STEPS: Final = 1 << 18
_FIRST: Final = 64  # giant steps at a time, on either side; then twice as many,
_BLOCK: Final = 8192  # up to these
_NUMBER_BYTES: Final = 4
_KEY_BYTES: Final = 8  # of an encoding: what is found is tried
_BYTES: Final = ristretto255.ELEMENT_BYTES


def solve(element: bytes, bound: int) -> int | None:
    """Return the number m with m G = `element`, from -bound to bound; None if there is none.

    Numbers near 0 are found first.

    Raises:
        InputInvalidError: the bound is not from 0 to 2^42.
        ElementInvalidError: it is no element. The identity is: 0 times the generator.

    """
    if not 0 <= bound <= MAX_BOUND:
        raise InputInvalidError("a discrete logarithm is looked for within 2^42 of 0")
    if element == ristretto255.IDENTITY:
        return 0
    ristretto255.check_element(element)
    steps = min(math.isqrt(2 * bound) + 1, _MAX_STEPS)
    babies = _babies(steps)
    strides = (_multiple(-steps), _multiple(steps))
    start, end = 0, bound // steps + 2
    while start < end:
        numbers = range(start, min(start + max(_FIRST, min(start, _BLOCK)), end))
        start = numbers.stop
        scalars = b"".join(number.to_bytes(_NUMBER_BYTES, "little") for number in numbers)
        for sign, stride in zip((1, -1), strides, strict=True):
            giants = fixed.plus_multiples(element, [Term(stride, scalars, _NUMBER_BYTES)])
            for number, place in zip(numbers, range(0, len(giants), _BYTES), strict=True):
                baby = babies.get(giants[place : place + _KEY_BYTES])
                if baby is None:
                    continue
                found = sign * number * steps + baby
                if abs(found) <= bound and _multiple(found) == element:
                    return found
    return None


def _babies(steps: int) -> dict[bytes, int]:
    """Return the numbers from 0 to steps - 1 by the first bytes of their multiples."""
    scalars = b"".join(number.to_bytes(_NUMBER_BYTES, "little") for number in range(steps))
    base = Term(ristretto255.GENERATOR, scalars, _NUMBER_BYTES)
    multiples = fixed.plus_multiples(ristretto255.IDENTITY, [base])
    return {
        multiples[_BYTES * number : _BYTES * number + _KEY_BYTES]: number for number in range(steps)
    }


def _multiple(number: int) -> bytes:
    reduced = number % ristretto255.ORDER
    if reduced == 0:
        return ristretto255.IDENTITY
    return ristretto255.multiply_base(reduced.to_bytes(ristretto255.SCALAR_BYTES, "little"))
