"""Harvey 2014 and schoolbook: weighted sums of residues, reduced once and not at every step.

By whichever implementation is fastest here, tried with Python's whole numbers before its first use.
Weights are whole numbers with signs, words any of 64 bits: a word stands for what it is modulo its
prime. The time depends on how many parts there are and on the bound on weights, on no weight and on
no word; where no bound is given, on the size of the largest weight and on whether one is below 0.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features, residues_portable

MAX_WEIGHT_BITS: Final = 128
MAX_PARTS: Final = 1 << 16
_HALF_BITS: Final = 32
MAX_PRIME_BITS: Final = 61
_WORD: Final = 1 << 64
Words: TypeAlias = NDArray[np.uint64]
_Sums: TypeAlias = Callable[[Sequence[Words], Sequence[int]], Words]
_Scale: TypeAlias = Callable[[Words, int, int, int], None]


class Implementation(NamedTuple):
    """One way: its name and its functions, as in `residues_portable`."""

    name: str
    sums: _Sums
    scale: _Scale


def weighted(
    parts: Sequence[Words], weights: Sequence[int], primes: tuple[int, ...], bits: int = 0
) -> Words:
    """Return the sum of all parts, each times its weight, below the primes.

    Args:
        parts: ... x L x N words each, all of one shape; a row a prime.
        weights: one for each part, of magnitudes below 2^128.
        primes: of up to 61 bits.
        bits: where weights are secret, a bound that is not: their magnitudes are below 2^bits.

    Raises:
        InputInvalidError: other shapes, types, numbers or magnitudes.
        KernelFaultError: this machine computes wrongly.

    """
    _check(parts, weights, primes)
    if bits and not all(abs(weight) < 1 << bits for weight in weights):
        raise InputInvalidError("a weight is beyond its bound")
    return weighted_by(_selected(), parts, weights, primes, bits)


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
    one: Implementation,
    parts: Sequence[Words],
    weights: Sequence[int],
    primes: tuple[int, ...],
    bits: int = 0,
) -> Words:
    """Return what `weighted` does, by this implementation and without its checks."""
    signed = bits > 0 or min(weights) < 0
    bits = bits or max(map(abs, weights)).bit_length()
    # No weight is below 0 with this added to each; the sum of all parts, times it, is taken off.
    lift = 1 << bits if signed else 0
    # So many bits of a weight at once that no sum of half words passes a word.
    limb = _HALF_BITS - (len(parts) - 1).bit_length()
    total = np.zeros(parts[0].shape, np.uint64)
    for shift in range(0, bits + signed, limb):
        factors = [weight + lift >> shift & (1 << limb) - 1 for weight in weights]
        sums = one.sums(parts, factors)
        _add(one, total, sums[:2], 1 << shift, primes)
        if signed and not shift:
            _add(one, total, sums[2:], -lift, primes)
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


def _add(
    one: Implementation, total: Words, halves: Words, factor: int, primes: tuple[int, ...]
) -> None:
    """Add to a sum lower and upper halves, times a factor, below the primes; spoils the halves."""
    # Row by row: what is passing stays in the cache.
    for place in np.ndindex(total.shape[:-1]):
        row, prime = total[place], primes[place[-1]]
        for half, times in zip(halves, (factor, factor << _HALF_BITS), strict=True):
            scaled_by = times % prime
            one.scale(half[place], scaled_by, scaled_by * _WORD // prime, prime)
            row += half[place]
            np.minimum(row, row - np.uint64(prime), out=row)


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
    if not 0 < len(parts) == len(weights) <= MAX_PARTS:
        raise InputInvalidError(f"a weighted sum has 1 to {MAX_PARTS} parts and their weights")
    for part in parts:
        if part.dtype != np.uint64 or part.shape != parts[0].shape:
            raise InputInvalidError("parts are words of 64 bits and of one shape")
    if parts[0].ndim < 2 or parts[0].shape[-2] != len(primes) or not parts[0].size:
        raise InputInvalidError("a part has a row for each prime")
    if not all(abs(weight) < 1 << MAX_WEIGHT_BITS for weight in weights):
        raise InputInvalidError(f"a weight is below 2^{MAX_WEIGHT_BITS}")
    if not all(1 < prime < 1 << MAX_PRIME_BITS for prime in primes):
        raise InputInvalidError(f"a prime has up to {MAX_PRIME_BITS} bits")
