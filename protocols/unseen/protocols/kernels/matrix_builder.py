"""Goto and van de Geijn 2008: a tile of a matrix product, bytes times words of 32 bits, in LLVM.

Imported where there is something to compile; `matrix_compiled.py` says what it computes. A word is
split into a low and a high half with signs, so that the processor's multiplication of 16 bits with
sums of pairs (`pmaddwd`) does the work; everything wraps at 2^32. Nothing branches on a value.
"""

from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.lowering import I8, I16, I32, I64, at, call
from unseen.protocols.kernels.matrix_compiled import COLUMNS, QUERIES, ROWS

_WIDE: Final = COLUMNS == 32
_BYTES: Final = ir.VectorType(I8, COLUMNS)
_HALVES: Final = ir.VectorType(I16, COLUMNS)
_SUMS: Final = ir.VectorType(I32, COLUMNS // 2)
_MADD: Final = "llvm.x86.avx512.pmaddw.d.512" if _WIDE else "llvm.x86.avx2.pmadd.wd"
_REDUCE: Final = f"llvm.vector.reduce.add.v{COLUMNS // 2}i32"


@intrinsic
def _tile(
    _context: Any,
    _out: Any,
    _out_step: Any,
    _rows: Any,
    _row_step: Any,
    _low: Any,
    _high: Any,
    _query_step: Any,
    _steps: Any,
) -> Any:
    """Add `ROWS` rows times `QUERIES` vectors to as many words; steps are in bytes."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        out, out_step, rows, row_step, low, high, query_step, steps = arguments
        before = builder.block
        loop, done = (builder.append_basic_block(name) for name in ("column", "done"))
        builder.branch(loop)
        builder.position_at_end(loop)
        number = builder.phi(I64)
        totals = [builder.phi(_SUMS) for _ in range(2 * ROWS * QUERIES)]

        def place(base: Any, step: Any, times: int, size: int) -> Any:
            begin = builder.add(base, builder.mul(step, ir.Constant(I64, times)))
            return builder.add(begin, builder.mul(number, ir.Constant(I64, size * COLUMNS)))

        halves = []
        for query in range(QUERIES):
            for half in (low, high):
                where = at(builder, place(half, query_step, query, 2), 0, _HALVES)
                halves.append(builder.load(where, align=2))
        found = list(totals)
        for row in range(ROWS):
            where = at(builder, place(rows, row_step, row, 1), 0, _BYTES)
            wide = builder.sext(builder.load(where, align=1), _HALVES)
            for other, half in enumerate(halves):
                index = row * len(halves) + other
                product = call(builder, _MADD, _SUMS, [wide, half])
                found[index] = builder.add(found[index], product)
        following = builder.add(number, ir.Constant(I64, 1))
        number.add_incoming(ir.Constant(I64, 0), before)
        number.add_incoming(following, loop)
        for total, new in zip(totals, found, strict=True):
            total.add_incoming(ir.Constant(_SUMS, [0] * (COLUMNS // 2)), before)
            total.add_incoming(new, loop)
        builder.cbranch(builder.icmp_unsigned("<", following, steps), loop, done)
        builder.position_at_end(done)
        for row in range(ROWS):
            for query in range(QUERIES):
                index = row * len(halves) + 2 * query
                sums = [call(builder, _REDUCE, I32, [each]) for each in found[index : index + 2]]
                word = builder.add(sums[0], builder.shl(sums[1], ir.Constant(I32, 16)))
                begin = builder.add(out, builder.mul(out_step, ir.Constant(I64, query)))
                target = at(builder, begin, 4 * row, I32)
                builder.store(builder.add(builder.load(target, align=4), word), target, align=4)
        return ir.Constant(I64, 0)

    return types.int64(*[types.uint64] * 8), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
_tile_one: Any = _tile
_ROWS: Final = numba.uint64(ROWS)
_QUERIES: Final = numba.uint64(QUERIES)
_FOUR: Final = numba.uint64(4)


def product(  # noqa: PLR0913, PLR0917 - a kernel takes whole numbers alone
    out: Any,
    out_step: Any,
    rows: Any,
    row_step: Any,
    row_groups: Any,
    low: Any,
    high: Any,
    query_step: Any,
    query_groups: Any,
    steps: Any,
) -> None:
    """Add a tile's rows times its vectors to `out`, a vector's words in a row.

    Groups are of `ROWS` and of `QUERIES`, steps of `COLUMNS`; `*_step` are bytes.
    """
    for _ in range(query_groups):
        row, target = rows, out
        for _ in range(row_groups):
            _tile_one(target, out_step, row, row_step, low, high, query_step, steps)
            row += row_step * _ROWS
            target += _FOUR * _ROWS
        out += out_step * _QUERIES
        low += query_step * _QUERIES
        high += query_step * _QUERIES
