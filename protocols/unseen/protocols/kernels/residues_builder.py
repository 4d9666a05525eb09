"""Harvey 2014 and schoolbook: sums of words in halves, and products modulo a prime, in LLVM.

Imported where there is something to compile; `residues_compiled.py` says what it computes.
"""

from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.lowering import I64, at, splat
from unseen.protocols.kernels.modular_builder import high as upper
from unseen.protocols.kernels.modular_builder import read, write
from unseen.protocols.kernels.residues_compiled import LANES, TILE, VECTORS

_VECTOR: Final = ir.VectorType(I64, LANES)
_BYTES: Final = 8 * LANES
_HALF: Final = 32


def _times(builder: Any, a: Any, b: Any) -> Any:
    """Return the product of the lower halves: named, as `field_builder.Lanes.mul` says why."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR])
    return builder.asm(kind, "vpmuludq $2, $1, $0", "=v,v,v", [a, b], side_effect=False)


@intrinsic
def _tile(
    _context: Any,
    _out: Any,
    _out_step: Any,
    _parts: Any,
    _weights: Any,
    _offset: Any,
    _count: Any,
) -> Any:
    """Write the four sums of one tile, `offset` bytes behind the begin of each part."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        out, out_step, parts, weights, offset, count = arguments
        shift = ir.Constant(_VECTOR, [_HALF] * LANES)
        mask = ir.Constant(_VECTOR, [(1 << _HALF) - 1] * LANES)
        before = builder.block
        loop, done = (builder.append_basic_block(name) for name in ("part", "done"))
        builder.branch(loop)
        builder.position_at_end(loop)
        number = builder.phi(I64)
        totals = [builder.phi(_VECTOR) for _ in range(4 * VECTORS)]
        entry = builder.mul(number, ir.Constant(I64, 8))

        def listed(table: Any) -> Any:
            return builder.load(at(builder, builder.add(table, entry), 0, I64), align=8)

        begin, weight = builder.add(listed(parts), offset), splat(builder, listed(weights), _VECTOR)
        found = []
        for place in range(VECTORS):
            words = builder.load(at(builder, begin, _BYTES * place, _VECTOR), align=1)
            low, high = builder.and_(words, mask), builder.lshr(words, shift)
            terms = [*(_times(builder, half, weight) for half in (words, high)), low, high]
            sums = totals[4 * place : 4 * place + 4]
            found += [builder.add(*each) for each in zip(sums, terms, strict=True)]
        following = builder.add(number, ir.Constant(I64, 1))
        number.add_incoming(ir.Constant(I64, 0), before)
        number.add_incoming(following, loop)
        for total, new in zip(totals, found, strict=True):
            total.add_incoming(ir.Constant(_VECTOR, [0] * LANES), before)
            total.add_incoming(new, loop)
        builder.cbranch(builder.icmp_unsigned("<", following, count), loop, done)
        builder.position_at_end(done)
        for index, total in enumerate(found):
            row = builder.mul(out_step, ir.Constant(I64, index % 4))
            target = builder.add(builder.add(out, row), offset)
            builder.store(total, at(builder, target, _BYTES * (index // 4), _VECTOR), align=8)
        return ir.Constant(I64, 0)

    return types.int64(*[types.uint64] * 6), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
_tile_one: Any = _tile
_ZERO: Final = numba.uint64(0)
_EIGHT: Final = numba.uint64(8)
_TILE: Final = numba.uint64(8 * TILE)


def sums(out: Any, out_step: Any, parts: Any, weights: Any, count: Any, tiles: Any) -> None:
    """Write four rows of sums to `out`, `out_step` bytes apart; `parts` are addresses."""
    for offset in range(_ZERO, tiles * _TILE, _TILE):
        _tile_one(out, out_step, parts, weights, offset, count)


def scale(words: Any, count: Any, factor: Any, quotient: Any, prime: Any) -> None:
    """Multiply `count` words at an address in place, modulo a prime."""
    for place in range(words, words + count * _EIGHT, _EIGHT):
        word = read(place)
        found = word * factor - upper(word, quotient) * prime
        write(place, min(found, found - prime))
