"""Comparison with every threshold: 64 draws at a time, by vectors, in numba and LLVM.

Imported where there is something to compile; `noise_compiled.py` says what it computes. Every
threshold is read for every draw, and a draw decides no branch and no address.
"""

from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.lowering import I16, I64, at, splat

_LANES: Final = 32
_VECTORS: Final = 2
_VECTOR: Final = ir.VectorType(I16, _LANES)
GROUP: Final = _LANES * _VECTORS
_BYTES: Final = 2 * GROUP


@intrinsic
def _scan(_context: Any, _words: Any, _out: Any, _count: Any, _edges: Any, _weights: Any) -> Any:
    """Write the draws of one group, which the words at the first address stand for."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        words, out, count, edges, weights = arguments
        given = [
            builder.load(at(builder, words, 2 * _LANES * number, _VECTOR), align=1)
            for number in range(_VECTORS)
        ]
        sums = _sums(builder, given, count, edges, weights)
        one = ir.Constant(_VECTOR, [1] * _LANES)
        zero = ir.Constant(_VECTOR, [0] * _LANES)
        for number, (word, size) in enumerate(zip(given, sums, strict=True)):
            # The lowest bit is the sign: -x is ~x + 1.
            sign = builder.sub(zero, builder.and_(word, one))
            signed = builder.sub(builder.xor(size, sign), sign)
            builder.store(signed, at(builder, out, 2 * _LANES * number, _VECTOR), align=1)
        return ir.Constant(I64, 0)

    return types.int64(*[types.uint64] * 5), generate


def _sums(builder: Any, given: list[Any], count: Any, edges: Any, weights: Any) -> list[Any]:
    one = ir.Constant(_VECTOR, [1] * _LANES)
    cells = [builder.lshr(word, one) for word in given]
    before = builder.block
    loop, done = builder.append_basic_block("edge"), builder.append_basic_block("done")
    builder.branch(loop)
    builder.position_at_end(loop)
    number = builder.phi(I64)
    sums = [builder.phi(_VECTOR) for _ in cells]
    offset = builder.mul(number, ir.Constant(I64, 2))

    def entry(table: Any) -> Any:
        place = at(builder, builder.add(table, offset), 0, I16)
        return splat(builder, builder.load(place), _VECTOR)

    edge, weight = entry(edges), entry(weights)
    found = []
    for cell, total in zip(cells, sums, strict=True):
        beyond = builder.sext(builder.icmp_signed(">=", cell, edge), _VECTOR)
        found.append(builder.add(total, builder.and_(beyond, weight)))
    following = builder.add(number, ir.Constant(I64, 1))
    number.add_incoming(ir.Constant(I64, 0), before)
    number.add_incoming(following, loop)
    for total, new in zip(sums, found, strict=True):
        total.add_incoming(ir.Constant(_VECTOR, [0] * _LANES), before)
        total.add_incoming(new, loop)
    builder.cbranch(builder.icmp_unsigned("<", following, count), loop, done)
    builder.position_at_end(done)
    return found


# Any: to mypy the decorator keeps the typing context among the arguments.
_scan_one: Any = _scan


def scan(words: Any, out: Any, groups: Any, count: Any, edges: Any, weights: Any) -> None:
    """Write 16-bit draws for `groups` groups of words; all but the two numbers are addresses."""
    for _ in range(groups):
        _scan_one(words, out, count, edges, weights)
        words += numba.uint64(_BYTES)
        out += numba.uint64(_BYTES)
