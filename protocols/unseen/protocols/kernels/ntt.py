"""Longa and Naehrig 2016, algorithms 1 and 2: transforms modulo X^N + 1 and a prime, SEAL's way.

By whichever implementation is fastest here, tried with products of polynomials before its first
use. A transform at place j is the polynomial's value at the root's power 2 rev(j) + 1: the root is
the least of its order and rev turns the bits of j round, both as SEAL has it, so that words made
here mean the same there. That a number is prime is the caller's to know.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features, ntt_portable

MAX_DEGREE: Final = 1 << 17
MAX_PRIME_BITS: Final = 61  # four times a prime fits a word
_ATTEMPTS: Final = 1000
_WORD: Final = 1 << 64
Words: TypeAlias = NDArray[np.uint64]
_Transform: TypeAlias = Callable[[Words, Words, int], None]


class Tables(NamedTuple):
    """Powers of a root and of its inverse, each over its quotient 2^64 w / q: 2 x N words.

    `shrink` is the inverse of N and its quotient.
    """

    prime: int
    forward: Words
    inverse: Words
    shrink: tuple[int, int]


class Implementation(NamedTuple):
    """One way: its name, and what transforms N words in place, given a table and its prime.

    Words are below the prime before; below four times (forward) or twice the prime behind.
    """

    name: str
    forward: _Transform
    inverse: _Transform


def forward(words: Words, primes: tuple[int, ...]) -> Words:
    """Return the transforms of polynomials: ... x L x N residues, a row a prime, not below 0.

    Raises:
        InputInvalidError: other shapes or types, words not below their primes, a degree that is
            no power of two, or primes without a root.
        KernelFaultError: this machine transforms wrongly.

    """
    return _each(words, primes, back=False, one=_selected())


def inverse(words: Words, primes: tuple[int, ...]) -> Words:
    """Return the polynomials whose transforms these are.

    Raises:
        InputInvalidError: as `forward`.
        KernelFaultError: as `forward`.

    """
    return _each(words, primes, back=True, one=_selected())


@lru_cache(maxsize=64)
def tables(degree: int, prime: int) -> Tables:
    """Return the tables of a ring and a prime; some milliseconds for each, once.

    Raises:
        InputInvalidError: there is no root of order 2N, or the prime has more than 61 bits.

    """
    root = least_root(degree, prime)
    return Tables(
        prime,
        _powers(root, degree, prime),
        _powers(pow(root, -1, prime), degree, prime),
        _with_quotient(pow(degree, -1, prime), prime),
    )


def least_root(degree: int, prime: int) -> int:
    """Return the least number whose N-th power is -1, which SEAL takes.

    Raises:
        InputInvalidError: there is none.

    """
    if not 2 <= degree <= MAX_DEGREE or degree & (degree - 1):
        raise InputInvalidError(f"a degree is a power of two up to {MAX_DEGREE}")
    if prime.bit_length() > MAX_PRIME_BITS or prime % (2 * degree) != 1:
        raise InputInvalidError(f"a prime has up to {MAX_PRIME_BITS} bits and is 1 modulo 2N")
    for base in range(2, _ATTEMPTS):
        root = pow(base, (prime - 1) // (2 * degree), prime)
        if pow(root, degree, prime) == prime - 1:
            break
    else:
        raise InputInvalidError("a prime has no root of the order asked for")
    step, least = root * root % prime, root
    for _ in range(degree - 1):
        root = root * step % prime
        least = min(least, root)
    return least


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    portable = Implementation("portable", ntt_portable.forward, ntt_portable.inverse)
    if features.target() is None:
        return (portable,)
    # Here and not above: it needs llvmlite.
    from unseen.protocols.kernels import ntt_compiled  # noqa: PLC0415

    return Implementation("compiled", ntt_compiled.forward, ntt_compiled.inverse), portable


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with a product of polynomials in Python's whole numbers.

    Raises:
        KernelFaultError: it does not compute it.

    """
    degree, prime = 64, 2305843009213689601  # the largest of 61 bits that is 1 modulo 2^7
    left = [(prime - 1 - 7 * i**9) % prime for i in range(degree)]
    right = [pow(3, 5 * i + 1, prime) for i in range(degree)]
    wanted = _product(left, right, prime)
    rows = [transformed(one, np.array(each, np.uint64), prime) for each in (left, right)]
    values = _values(left, prime)
    both = [int(a) * int(b) % prime for a, b in zip(*rows, strict=True)]
    found = transformed(one, np.array(both, np.uint64), prime, back=True)
    if rows[0].tolist() != values or found.tolist() != wanted:
        raise KernelFaultError(f"NTT {one.name}")


def transformed(one: Implementation, row: Words, prime: int, *, back: bool = False) -> Words:
    """Return one row's transform by this implementation, reduced."""
    table = tables(row.size, prime)
    found = row.copy()
    if back:
        one.inverse(found, table.inverse, prime)
        return ntt_portable.scaled(found, *table.shrink, prime)
    one.forward(found, table.forward, prime)
    return ntt_portable.reduced(found, prime)


def warm_up() -> str:
    """Load what is to be loaded, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine transforms wrongly.

    """
    return _selected().name


def _each(words: Words, primes: tuple[int, ...], *, back: bool, one: Implementation) -> Words:
    if words.dtype != np.uint64 or words.ndim < 2 or words.shape[-2] != len(primes):
        raise InputInvalidError("polynomials are rows of 64-bit words, one for each prime")
    if not words.size or (words.max(axis=-1) >= np.array(primes, np.uint64)).any():
        raise InputInvalidError("a word is not below its prime")
    found = np.empty(words.shape, np.uint64)
    for place in np.ndindex(words.shape[:-1]):
        found[place] = transformed(one, words[place], primes[place[-1]], back=back)
    return found


def _powers(root: int, degree: int, prime: int) -> Words:
    """Return the powers of a root at the places their exponents' bits say backwards."""
    bits = degree.bit_length() - 1
    table = np.empty((2, degree), np.uint64)
    power = 1
    for exponent in range(degree):
        place = int(f"{exponent:0{bits}b}"[::-1], 2)
        table[:, place] = _with_quotient(power, prime)
        power = power * root % prime
    return table


def _with_quotient(number: int, prime: int) -> tuple[int, int]:
    return number, number * _WORD // prime


def _product(left: list[int], right: list[int], prime: int) -> list[int]:
    degree = len(left)
    found = [0] * degree
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            sign = 1 if i + j < degree else -1
            found[(i + j) % degree] += sign * a * b
    return [each % prime for each in found]


def _values(row: list[int], prime: int) -> list[int]:
    """Return a polynomial's values where its transform has them."""
    root, bits = least_root(len(row), prime), len(row).bit_length() - 1
    points = [pow(root, 2 * int(f"{j:0{bits}b}"[::-1], 2) + 1, prime) for j in range(len(row))]
    return [sum(a * pow(x, i, prime) for i, a in enumerate(row)) % prime for x in points]


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest
