"""LLVM language reference: small words for the intrinsics that kernels are made of."""

from typing import Any, Final

from llvmlite import ir

I8: Final = ir.IntType(8)
I16: Final = ir.IntType(16)
I32: Final = ir.IntType(32)
I64: Final = ir.IntType(64)


def call(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """Call one of LLVM's intrinsics."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    found = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(found, arguments)


def at(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    """Return a pointer to a `kind` so many bytes behind an address."""
    moved = builder.add(address, ir.Constant(I64, offset))
    return builder.inttoptr(moved, kind.as_pointer())


def splat(builder: Any, value: Any, vector: Any) -> Any:
    """Return a vector with the same value in every lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(I32, 0))
    lanes = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, nothing, lanes)
