"""Goto and van de Geijn 2008: words of 32 bits times small numbers with signs, in LLVM.

Imported where there is something to compile; `matrix_compiled.py` says what it computes. Everything
wraps at 2^32. Nothing branches on a value.
"""

from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.lowering import I32, I64, at, call
from unseen.protocols.kernels.matrix_compiled import QUERIES, ROWS, WORDS

_VECTOR: Final = ir.VectorType(I32, WORDS)
_REDUCE: Final = f"llvm.vector.reduce.add.v{WORDS}i32"


@intrinsic
def _tile(
    _context: Any,
    _out: Any,
    _out_step: Any,
    _rows: Any,
    _row_step: Any,
    _vectors: Any,
    _vector_step: Any,
    _steps: Any,
) -> Any:
    """Write `ROWS` rows times `QUERIES` vectors; steps are in bytes."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        out, out_step, rows, row_step, vectors, vector_step, steps = arguments
        before = builder.block
        loop, done = (builder.append_basic_block(name) for name in ("column", "done"))
        builder.branch(loop)
        builder.position_at_end(loop)
        number = builder.phi(I64)
        totals = [builder.phi(_VECTOR) for _ in range(ROWS * QUERIES)]

        def read(base: Any, step: Any, times: int) -> Any:
            begin = builder.add(base, builder.mul(step, ir.Constant(I64, times)))
            place = builder.add(begin, builder.mul(number, ir.Constant(I64, 4 * WORDS)))
            return builder.load(at(builder, place, 0, _VECTOR), align=4)

        given = [read(vectors, vector_step, each) for each in range(QUERIES)]
        found = []
        for row in range(ROWS):
            words = read(rows, row_step, row)
            for query, each in enumerate(given):
                total = totals[row * QUERIES + query]
                found.append(builder.add(total, builder.mul(words, each)))
        following = builder.add(number, ir.Constant(I64, 1))
        number.add_incoming(ir.Constant(I64, 0), before)
        number.add_incoming(following, loop)
        for total, new in zip(totals, found, strict=True):
            total.add_incoming(ir.Constant(_VECTOR, [0] * WORDS), before)
            total.add_incoming(new, loop)
        builder.cbranch(builder.icmp_unsigned("<", following, steps), loop, done)
        builder.position_at_end(done)
        for index, total in enumerate(found):
            row, query = divmod(index, QUERIES)
            begin = builder.add(out, builder.mul(out_step, ir.Constant(I64, query)))
            word = call(builder, _REDUCE, I32, [total])
            builder.store(word, at(builder, begin, 4 * row, I32), align=4)
        return ir.Constant(I64, 0)

    return types.int64(*[types.uint64] * 7), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
_tile_one: Any = _tile
_ROWS: Final = numba.uint64(ROWS)
_QUERIES: Final = numba.uint64(QUERIES)
_FOUR: Final = numba.uint64(4)


def dots(  # noqa: PLR0913, PLR0917 - a kernel takes whole numbers alone
    out: Any,
    out_step: Any,
    rows: Any,
    row_step: Any,
    row_groups: Any,
    vectors: Any,
    vector_step: Any,
    vector_groups: Any,
    steps: Any,
) -> None:
    """Write rows times vectors to `out`, a vector's words in a row.

    Groups are of `ROWS` and of `QUERIES`, steps of `WORDS`; `*_step` are bytes.
    """
    for _ in range(vector_groups):
        row, target = rows, out
        for _ in range(row_groups):
            _tile_one(target, out_step, row, row_step, vectors, vector_step, steps)
            row += row_step * _ROWS
            target += _FOUR * _ROWS
        out += out_step * _QUERIES
        vectors += vector_step * _QUERIES
