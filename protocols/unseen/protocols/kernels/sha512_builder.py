"""FIPS 180-4 section 6.4.2: the compression function of SHA-512 on vectors of messages, in LLVM.

Imported where there is something to compile; `sha512_compiled.py` says what it computes. Only
additions, rotations and logic: nothing branches on a message.
"""

from math import isqrt
from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.lowering import I64, at, call, splat
from unseen.protocols.kernels.sha512_compiled import BLOCK_WORDS, LANES, STATE_WORDS

ROUNDS: Final = 80
_VECTOR: Final = ir.VectorType(I64, LANES)
_BYTES: Final = 8 * LANES


def _cube_root_fraction(prime: int) -> int:
    """Return the first 64 bits of the fraction of a cube root (section 4.2.3)."""
    wanted = prime << 192
    low, high = 0, 1 << 70
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= wanted else (low, middle)
    return low & (1 << 64) - 1


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found if prime <= isqrt(number)):
            found.append(number)
        number += 1
    return found


CONSTANTS: Final = tuple(map(_cube_root_fraction, _primes(ROUNDS)))


class _Lanes:
    """What the standard calls its functions (section 4.1.3), on vectors."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder

    def add(self, first: Any, *others: Any) -> Any:
        for other in others:
            first = self._builder.add(first, other)
        return first

    def _rotated(self, value: Any, by: int) -> Any:
        count = ir.Constant(_VECTOR, [by] * LANES)
        name = f"llvm.fshr.v{LANES}i64"
        return call(self._builder, name, _VECTOR, [value, value, count])

    def _mixed(self, value: Any, rotations: tuple[int, ...], shift: int = 0) -> Any:
        parts = [self._rotated(value, by) for by in rotations]
        if shift:
            parts.append(self._builder.lshr(value, ir.Constant(_VECTOR, [shift] * LANES)))
        found = parts[0]
        for part in parts[1:]:
            found = self._builder.xor(found, part)
        return found

    def choose(self, x: Any, y: Any, z: Any) -> Any:
        differ = self._builder.xor(y, z)
        return self._builder.xor(z, self._builder.and_(x, differ))

    def majority(self, x: Any, y: Any, z: Any) -> Any:
        either = self._builder.and_(z, self._builder.or_(x, y))
        return self._builder.or_(self._builder.and_(x, y), either)

    def sum0(self, x: Any) -> Any:
        return self._mixed(x, (28, 34, 39))

    def sum1(self, x: Any) -> Any:
        return self._mixed(x, (14, 18, 41))

    def small0(self, x: Any) -> Any:
        return self._mixed(x, (1, 8), 7)

    def small1(self, x: Any) -> Any:
        return self._mixed(x, (19, 61), 6)


@intrinsic
def _compress(_context: Any, _states: Any, _words: Any) -> Any:
    """Take a block of each message at an address into the states at another."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        states, words = arguments
        f = _Lanes(builder)
        places = [at(builder, states, _BYTES * n, _VECTOR) for n in range(STATE_WORDS)]
        before = [builder.load(place, align=8) for place in places]
        w = [
            builder.load(at(builder, words, _BYTES * n, _VECTOR), align=8)
            for n in range(BLOCK_WORDS)
        ]
        a, b, c, d, e, g, h, i = before  # the standard's a to h
        for number in range(ROUNDS):
            if number >= BLOCK_WORDS:
                w.append(f.add(f.small1(w[-2]), w[-7], f.small0(w[-15]), w[-16]))
            constant = ir.Constant(_VECTOR, [CONSTANTS[number]] * LANES)
            first = f.add(i, f.sum1(e), f.choose(e, g, h), f.add(constant, w[number]))
            second = f.add(f.sum0(a), f.majority(a, b, c))
            a, b, c, d, e, g, h, i = f.add(first, second), a, b, c, f.add(d, first), e, g, h
        for place, old, new in zip(places, before, (a, b, c, d, e, g, h, i), strict=True):
            builder.store(builder.add(old, new), place, align=8)
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64), generate


@intrinsic
def _begin(_context: Any, _states: Any, _start: Any) -> Any:
    """Write the eight words at an address to every lane of the states at another."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        states, start = arguments
        for number in range(STATE_WORDS):
            word = builder.load(at(builder, start, 8 * number, I64), align=8)
            place = at(builder, states, _BYTES * number, _VECTOR)
            builder.store(splat(builder, word, _VECTOR), place, align=8)
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
_compress_one: Any = _compress
_begin_one: Any = _begin
_STATE: Final = numba.uint64(_BYTES * STATE_WORDS)
_BLOCK: Final = numba.uint64(_BYTES * BLOCK_WORDS)


def compress(states: Any, words: Any, groups: Any, blocks: Any, start: Any) -> None:
    """Write the states of so many groups of messages, each of so many blocks."""
    for _ in range(groups):
        _begin_one(states, start)
        for _ in range(blocks):
            _compress_one(states, words)
            words += _BLOCK
        states += _STATE
