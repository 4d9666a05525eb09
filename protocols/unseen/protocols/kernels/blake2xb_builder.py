"""Aumasson and others, BLAKE2X: roots and leaves on vectors, a hash in each lane, in LLVM.

Imported where there is something to compile; `blake2xb_compiled.py` says what it computes.
"""

from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.blake2b_rounds import IV, compress
from unseen.protocols.kernels.blake2xb_compiled import LANES
from unseen.protocols.kernels.blake2xb_portable import (
    CHUNK_BYTES,
    LEAF_FIRST,
    LEAF_THIRD,
    LEAVES,
    XOF,
)
from unseen.protocols.kernels.lowering import I32, I64, at, call, splat

_VECTOR: Final = ir.VectorType(I64, LANES)
_BYTES: Final = 8 * LANES
_WORDS: Final = 8
_ROOT_FIRST: Final = 64 | 64 << 8 | 1 << 16 | 1 << 24  # digest, key, fanout, depth
_BLOCK: Final = 128


class _Lanes:
    """`blake2b_rounds.Ops` in vectors."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder

    def const(self, value: int) -> Any:
        return ir.Constant(_VECTOR, [value] * LANES)

    def add(self, a: Any, b: Any) -> Any:
        return self._builder.add(a, b)

    def xor(self, a: Any, b: Any) -> Any:
        return self._builder.xor(a, b)

    def rotate(self, a: Any, bits: int) -> Any:
        return call(self._builder, f"llvm.fshr.v{LANES}i64", _VECTOR, [a, a, self.const(bits)])

    def read(self, address: Any, count: int) -> list[Any]:
        """Return words at an address, each in every lane."""
        found = [self._builder.load(at(self._builder, address, 8 * i, I64)) for i in range(count)]
        return [splat(self._builder, word, _VECTOR) for word in found]

    def numbered(self, first: Any) -> Any:
        """Return a number and those that follow it, one in each lane."""
        steps = ir.Constant(_VECTOR, list(range(LANES)))
        return self._builder.add(splat(self._builder, first, _VECTOR), steps)

    def write_each(self, words: list[Any], address: Any) -> None:
        """Write the eight words of every lane side by side, lane after lane."""
        step = 1
        rows = list(words)
        while step < LANES:
            rows = self._swapped(rows, step)
            step *= 2
        for part in range(_WORDS // LANES):
            for lane in range(LANES):
                place = at(self._builder, address, 64 * lane + _BYTES * part, _VECTOR)
                self._builder.store(rows[LANES * part + lane], place, align=8)

    def _swapped(self, rows: list[Any], step: int) -> list[Any]:
        """Exchange, in blocks of 2 x 2 of so many words, what is off the diagonal."""
        found = list(rows)
        low = [i if not i & step else LANES + i - step for i in range(LANES)]
        high = [i + step if not i & step else LANES + i for i in range(LANES)]
        for i, row in enumerate(rows):
            if i & step:
                continue
            other = rows[i + step]
            for place, order in ((i, low), (i + step, high)):
                lanes = ir.Constant(ir.VectorType(I32, LANES), order)
                found[place] = self._builder.shuffle_vector(row, other, lanes)
        return found


@intrinsic
def _key(_context: Any, _keyed: Any, _key: Any) -> Any:
    """Write the state after the block of the key at an address, in every lane."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        keyed, key = arguments
        ops = _Lanes(builder)
        start = [IV[0] ^ _ROOT_FIRST, IV[1] ^ XOF, *IV[2:]]
        state = [ops.const(word) for word in start]
        found = compress(ops, state, ops.read(key, _WORDS), length=_BLOCK, last=False)
        for i, word in enumerate(found):
            builder.store(word, at(builder, keyed, _BYTES * i, _VECTOR), align=8)
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64), generate


@intrinsic
def _roots(_context: Any, _out: Any, _keyed: Any, _first: Any) -> Any:
    """Write the roots of as many chunks as there are lanes, 64 bytes each."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        out, keyed, first = arguments
        ops = _Lanes(builder)
        state = [
            builder.load(at(builder, keyed, _BYTES * i, _VECTOR), align=8) for i in range(_WORDS)
        ]
        found = compress(ops, state, [ops.numbered(first)], length=_BLOCK + 8, last=True)
        ops.write_each(found, out)
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64, types.uint64), generate


@intrinsic
def _leaves(_context: Any, _out: Any, _root: Any, _first: Any) -> Any:
    """Write as many leaves of a root as there are lanes, 64 bytes each, from one on."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        out, root, first = arguments
        ops = _Lanes(builder)
        state = [ops.const(word) for word in IV]
        state[0] = ops.const(IV[0] ^ LEAF_FIRST)
        state[1] = ops.xor(ops.const(IV[1] ^ XOF), ops.numbered(first))
        state[2] = ops.const(IV[2] ^ LEAF_THIRD)
        ops.write_each(compress(ops, state, ops.read(root, _WORDS), length=64, last=True), out)
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64, types.uint64), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
_key_once: Any = _key
_roots_of: Any = _roots
_leaves_of: Any = _leaves
_ZERO: Final = numba.uint64(0)
_LANES: Final = numba.uint64(LANES)
_LEAVES: Final = numba.uint64(LEAVES)
_CHUNK: Final = numba.uint64(CHUNK_BYTES)
_ROOT: Final = numba.uint64(8 * _WORDS)


def expand(out: Any, key: Any, keyed: Any, roots: Any, first: Any, groups: Any) -> None:
    """Write `groups` groups of chunks, as many in each as there are lanes, from chunk `first` on.

    `keyed` is room for eight vectors, `roots` for the roots of a group.
    """
    _key_once(keyed, key)
    for _ in range(groups):
        _roots_of(roots, keyed, first)
        first += _LANES
        root = roots
        for _ in range(_LANES):
            for leaf in range(_ZERO, _LEAVES, _LANES):
                _leaves_of(out + leaf * _ROOT, root, leaf)
            root += _ROOT
            out += _CHUNK
