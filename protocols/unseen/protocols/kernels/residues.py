"""Harvey 2014 and schoolbook: weighted sums of residues, reduced once and not at every step.

By whichever implementation is fastest here, tried with Python's whole numbers before its first use.
Weights are whole numbers with signs, words any of 64 bits: a word stands for what it is modulo its
prime. The time depends on no word; it depends on which weights are below 0, and on how large all
weights of a sign are together, since no sum of half words may pass a word.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features, residues_portable

MAX_WEIGHT_BITS: Final = 128
_LIMB_BITS: Final = 31
_LIMB: Final = (1 << _LIMB_BITS) - 1
MAX_PRIME_BITS: Final = 61
_LIMIT: Final = 1 << 32
_WORD: Final = 1 << 64
Words: TypeAlias = NDArray[np.uint64]
_Sums: TypeAlias = Callable[[Sequence[Words], Sequence[int]], tuple[Words, Words]]
_Scale: TypeAlias = Callable[[Words, int, int, int], None]


class Implementation(NamedTuple):
    """One way: its name and its functions, as in `residues_portable`."""

    name: str
    sums: _Sums
    scale: _Scale


def weighted(parts: Sequence[Words], weights: Sequence[int], primes: tuple[int, ...]) -> Words:
    """Return the sum of all parts, each times its weight, below the primes.

    Args:
        parts: ... x L x N words each, all of one shape; a row a prime.
        weights: one for each part, of magnitudes below 2^128.
        primes: of up to 61 bits.

    Raises:
        InputInvalidError: other shapes, types, numbers or magnitudes.
        KernelFaultError: this machine computes wrongly.

    """
    _check(parts, weights, primes)
    return weighted_by(_selected(), parts, weights, primes)


def reduced(words: Words, primes: tuple[int, ...]) -> Words:
    """Return any words below their primes: ... x L x N, a row a prime.

    Raises:
        InputInvalidError: other shapes, types or primes.
        KernelFaultError: this machine computes wrongly.

    """
    return scaled(words, (1,) * len(primes), primes)


def scaled(words: Words, factors: Sequence[int], primes: tuple[int, ...]) -> Words:
    """Return any words, each row times its factor, below their primes: ... x L x N.

    Raises:
        InputInvalidError: other shapes, types, primes or numbers of factors.
        KernelFaultError: this machine computes wrongly.

    """
    _check([words], [1], primes)
    if len(factors) != len(primes):
        raise InputInvalidError("a factor is needed for each prime")
    return _scaled(_selected(), words, factors, primes)


def weighted_by(
    one: Implementation, parts: Sequence[Words], weights: Sequence[int], primes: tuple[int, ...]
) -> Words:
    """Return what `weighted` does, by this implementation and without its checks."""
    total = np.zeros(parts[0].shape, np.uint64)
    limits = np.array(primes, np.uint64)[:, np.newaxis]
    for sign in (1, -1):
        sizes = [max(sign * weight, 0) for weight in weights]
        for shift in range(0, max(sizes).bit_length(), _LIMB_BITS):
            limbs = [size >> shift & _LIMB for size in sizes]
            for places in _groups(limbs):
                found = _group(one, parts, limbs, places, shift, primes)
                total += found if sign > 0 else limits - found
                total = np.minimum(total, total - limits)
    return total


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    portable = Implementation("portable", residues_portable.sums, residues_portable.scale)
    if not features.has_vectors():
        return (portable,)
    # Here and not above: it needs llvmlite.
    from unseen.protocols.kernels import residues_compiled  # noqa: PLC0415

    name = f"compiled-{64 * residues_compiled.LANES}"
    return Implementation(name, residues_compiled.sums, residues_compiled.scale), portable


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with sums of Python's whole numbers, ends of ranges included.

    Raises:
        KernelFaultError: it does not compute them.

    """
    primes, count = (2305843009213689601, 1073692673), 67
    weights = [1, -1, 0, 2**31 - 1, -(2**32 - 1), 2**31, 977, -(2**100 - 3)]
    parts = [
        [[_word(i + 3 * j + 7 * k) for k in range(count)] for j in range(len(primes))]
        for i in range(len(weights))
    ]
    wanted = [
        [
            sum(weight * part[j][k] for weight, part in zip(weights, parts, strict=True)) % prime
            for k in range(count)
        ]
        for j, prime in enumerate(primes)
    ]
    found = weighted_by(one, [np.array(part, np.uint64) for part in parts], weights, primes)
    if found.tolist() != wanted:
        raise KernelFaultError(f"residues {one.name}")


def warm_up() -> str:
    """Load what is to be loaded, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine computes wrongly.

    """
    return _selected().name


def _groups(magnitudes: Sequence[int]) -> Iterator[list[int]]:
    """Yield places of magnitudes that are not 0, so that no group's sum passes a half word."""
    group: list[int] = []
    total = 0
    for place, magnitude in enumerate(magnitudes):
        if not magnitude:
            continue
        if total + magnitude >= _LIMIT:
            yield group
            group, total = [], 0
        group.append(place)
        total += magnitude
    if group:
        yield group


def _group(
    one: Implementation,
    parts: Sequence[Words],
    limbs: Sequence[int],
    places: Sequence[int],
    shift: int,
    primes: tuple[int, ...],
) -> Words:
    """Return the sum of some parts, each times its limb and 2^shift, below the primes."""
    low, high = one.sums([parts[place] for place in places], [limbs[place] for place in places])
    found = _scaled(one, low, [1 << shift] * len(primes), primes)
    found += _scaled(one, high, [_LIMIT << shift] * len(primes), primes)
    less: Words = np.minimum(found, found - np.array(primes, np.uint64)[:, np.newaxis])
    return less


def _scaled(
    one: Implementation, words: Words, factors: Sequence[int], primes: tuple[int, ...]
) -> Words:
    found = np.array(words, np.uint64, order="C")
    for place in np.ndindex(found.shape[:-1]):
        prime = primes[place[-1]]
        factor = factors[place[-1]] % prime
        one.scale(found[place], factor, factor * _WORD // prime, prime)
    return found


def _word(number: int) -> int:
    ends = (0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, _WORD - 1)
    return ends[number] if number < len(ends) else pow(3, number, _WORD - 59)


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest


def _check(parts: Sequence[Words], weights: Sequence[int], primes: tuple[int, ...]) -> None:
    if not parts or len(parts) != len(weights):
        raise InputInvalidError("a weighted sum has a weight for each part, and a part at least")
    for part in parts:
        if part.dtype != np.uint64 or part.shape != parts[0].shape:
            raise InputInvalidError("parts are words of 64 bits and of one shape")
    if parts[0].ndim < 2 or parts[0].shape[-2] != len(primes) or not parts[0].size:
        raise InputInvalidError("a part has a row for each prime")
    if not all(abs(weight) < 1 << MAX_WEIGHT_BITS for weight in weights):
        raise InputInvalidError(f"a weight is below 2^{MAX_WEIGHT_BITS}")
    if not all(1 < prime < 1 << MAX_PRIME_BITS for prime in primes):
        raise InputInvalidError(f"a prime has up to {MAX_PRIME_BITS} bits")
