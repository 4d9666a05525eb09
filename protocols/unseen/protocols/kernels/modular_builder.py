"""Words of 64 bits at addresses, and their long products: what kernels modulo primes are made of.

Imported where there is something to compile.
"""

from typing import Any, Final

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.lowering import I64, at

_I128: Final = ir.IntType(128)


@intrinsic
def _read(_context: Any, _address: Any) -> Any:
    """Return the word at an address, aligned or not."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.load(at(builder, arguments[0], 0, I64), align=1)

    return types.uint64(types.uint64), generate


@intrinsic
def _write(_context: Any, _address: Any, _word: Any) -> Any:
    """Write a word to an address."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        builder.store(arguments[1], at(builder, arguments[0], 0, I64), align=1)
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64), generate


@intrinsic
def _high(_context: Any, _left: Any, _right: Any) -> Any:
    """Return the upper 64 bits of a product."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        left, right = (builder.zext(each, _I128) for each in arguments)
        upper = builder.lshr(builder.mul(left, right), ir.Constant(_I128, 64))
        return builder.trunc(upper, I64)

    return types.uint64(types.uint64, types.uint64), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
read: Any = _read
write: Any = _write
high: Any = _high
