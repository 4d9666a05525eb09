"""Miller and Rabin with the bases of Sorenson and Webster 2015: primes below 2^64, for certain.

A ring of N coefficients transforms modulo primes that are 1 modulo 2 N. They are public.
"""

from collections.abc import Iterable
from typing import Final

from unseen.protocols.errors import InputInvalidError

_BASES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_LIMIT: Final = 1 << 64


def is_prime(number: int) -> bool:
    """Return whether a number below 2^64 is prime.

    Raises:
        InputInvalidError: it is 2^64 or more.

    """
    if number >= _LIMIT:
        raise InputInvalidError("primes are below 2^64 here")
    if number < 2 or any(number % base == 0 for base in _BASES):
        return number in _BASES
    twos = ((number - 1) & (1 - number)).bit_length() - 1
    return all(_passes(number, base, twos) for base in _BASES)


def ntt_primes(degree: int, bits: Iterable[int]) -> tuple[int, ...]:
    """Return different primes, each the largest that is left below 2^bits and 1 modulo 2 N.

    Raises:
        InputInvalidError: there are too few of one size.

    """
    found: list[int] = []
    for size in bits:
        step = 2 * degree
        candidates = range((1 << size) - step + 1, 1 << (size - 1), -step)
        prime = next((one for one in candidates if one not in found and is_prime(one)), None)
        if prime is None:
            raise InputInvalidError(f"no prime of {size} bits is left for {degree} coefficients")
        found.append(prime)
    return tuple(found)


def _passes(number: int, base: int, twos: int) -> bool:
    power = pow(base, (number - 1) >> twos, number)
    if power in {1, number - 1}:
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
