"""`field25519.py` in LLVM: elements of GF(2^255 - 19), `LANES` side by side in vectors of 64 bits.

The address of an element is that of ten vectors in a row. Routines take addresses, are compiled
once in a module and called from there; what is chosen in them is chosen by masks.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels import field25519 as field
from unseen.protocols.kernels.field25519 import LIMBS, P, limbs_of
from unseen.protocols.kernels.lowering import I32, I64, at
from unseen.protocols.kernels.ristretto_compiled import ELEMENT_BYTES, LANES

VECTOR: Final = ir.VectorType(I64, LANES)
_STEP: Final = ELEMENT_BYTES // LIMBS
_Element = Sequence[Any]


class Lanes:
    """`field25519.Ops` in vectors."""

    def __init__(self, builder: Any) -> None:
        """Write instructions with `builder`."""
        self.builder = builder

    def const(self, value: int) -> Any:
        """Return a constant in every lane."""
        return ir.Constant(VECTOR, [value] * LANES)

    def add(self, a: Any, b: Any) -> Any:
        """Return a + b."""
        return self.builder.add(a, b)

    def sub(self, a: Any, b: Any) -> Any:
        """Return a - b."""
        return self.builder.sub(a, b)

    def mul(self, a: Any, b: Any) -> Any:
        """Return the product of the lower halves.

        Named as an instruction, since LLVM multiplies all 64 bits, for thrice the time, where it
        has forgotten that the upper halves are empty.
        """
        kind = ir.FunctionType(VECTOR, [VECTOR, VECTOR])
        return self.builder.asm(kind, "vpmuludq $2, $1, $0", "=v,v,v", [a, b], side_effect=False)

    def shl(self, a: Any, bits: int) -> Any:
        """Return a * 2^bits."""
        return self.builder.shl(a, self.const(bits))

    def shr(self, a: Any, bits: int) -> Any:
        """Return a / 2^bits, rounded down."""
        return self.builder.lshr(a, self.const(bits))

    def low(self, a: Any, bits: int) -> Any:
        """Return a modulo 2^bits."""
        return self.builder.and_(a, self.const((1 << bits) - 1))


class Code:
    """The body of a routine. Elements in registers are lists of ten vectors."""

    def __init__(self, builder: Any) -> None:
        """Write with `builder`."""
        self._ops = Lanes(builder)
        self._builder = builder

    def load(self, address: Any, place: int = 0) -> list[Any]:
        """Read an element: the one at `place` of those in a row."""
        return [self._builder.load(each, align=8) for each in self._limbs(address, place)]

    def store(self, element: _Element, address: Any, place: int = 0) -> None:
        """Write an element."""
        for limb, where in zip(element, self._limbs(address, place), strict=True):
            self._builder.store(limb, where, align=8)

    def store_mask(self, mask: Any, address: Any) -> None:
        """Write one vector."""
        self._builder.store(mask, at(self._builder, address, 0, VECTOR), align=8)

    def load_mask(self, address: Any) -> Any:
        """Read one vector."""
        return self._builder.load(at(self._builder, address, 0, VECTOR), align=8)

    def load_chosen(self, addresses: Any, count: int) -> list[list[Any]]:
        """Read `count` elements in a row for each lane, from an address of the lane's own.

        Two limbs stand in a word, the first one low.
        """
        words = [ir.Constant(VECTOR, ir.Undefined)] * (count * LIMBS // 2)
        for lane in range(LANES):
            place = ir.Constant(I32, lane)
            address = self._builder.extract_element(addresses, place)
            for i, vector in enumerate(words):
                found = self._builder.load(at(self._builder, address, 8 * i, I64), align=8)
                words[i] = self._builder.insert_element(vector, found, place)
        limbs = [
            limb for word in words for limb in (self._ops.low(word, 32), self._ops.shr(word, 32))
        ]
        return [limbs[LIMBS * i : LIMBS * (i + 1)] for i in range(count)]

    def room(self, count: int = 1) -> Any:
        """Return the address of elements in a row that live as long as the routine runs."""
        found = self._builder.alloca(ir.ArrayType(VECTOR, LIMBS * count))
        return self._builder.ptrtoint(found, I64)

    def number(self, value: int) -> list[Any]:
        """Return a constant, reduced."""
        return [self._ops.const(limb) for limb in limbs_of(value % P)]

    def add(self, a: _Element, b: _Element) -> list[Any]:
        """Return a + b, as `field25519.add`."""
        return field.add(self._ops, a, b)

    def sub(self, a: _Element, b: _Element, times: int = 1) -> list[Any]:
        """Return a - b, as `field25519.sub`."""
        return field.sub(self._ops, a, b, times)

    def mul(self, f: _Element, g: _Element) -> list[Any]:
        """Return f * g, tight."""
        return field.mul(self._ops, f, g)

    def square(self, f: _Element) -> list[Any]:
        """Return f * f, tight."""
        return field.square(self._ops, f)

    def tighten(self, a: _Element) -> list[Any]:
        """Return the same element, tight."""
        return field.tighten(self._ops, a)

    def freeze(self, a: _Element) -> list[Any]:
        """Return the limbs of the least number that stands for an element."""
        return field.freeze(self._ops, a)

    def negative(self, a: _Element) -> list[Any]:
        """Return -a of a tight element, tight."""
        return self.tighten(self.sub(self.number(0), a))

    def odd(self, a: _Element) -> Any:
        """Return a mask of the lanes whose least number is odd: negative, as RFC 9496 says it."""
        return self._ops.sub(self._ops.const(0), self._ops.low(self.freeze(a)[0], 1))

    def zero(self, a: _Element) -> Any:
        """Return a mask of the lanes that are 0."""
        first, *rest = self.freeze(a)
        for limb in rest:
            first = self._builder.or_(first, limb)
        equal = self._builder.icmp_unsigned("==", first, self._ops.const(0))
        return self._builder.sext(equal, VECTOR)

    def either(self, a: Any, b: Any) -> Any:
        """Return a mask of the lanes that one of two masks has."""
        return self._builder.or_(a, b)

    def without(self, a: Any, b: Any) -> Any:
        """Return a mask of the lanes that a has and b has not."""
        return self._builder.and_(a, self._builder.not_(b))

    def choose(self, mask: Any, a: _Element, b: _Element) -> list[Any]:
        """Return a in the lanes of the mask, b in the others."""
        return [
            self._builder.xor(self._builder.and_(self._builder.xor(x, y), mask), y)
            for x, y in zip(a, b, strict=True)
        ]

    def absolute(self, a: _Element) -> list[Any]:
        """Return of a and -a the one that is even; a is tight."""
        return self.choose(self.odd(a), self.negative(a), a)

    def call(self, routine: "Routine", *addresses: Any) -> None:
        """Call a routine."""
        routine.call(self._builder, addresses)

    def times(self, count: int, routine: "Routine", *addresses: Any) -> None:
        """Call a routine `count` times."""
        before = self._builder.block
        loop, done = (self._builder.append_basic_block(name) for name in ("again", "done"))
        self._builder.branch(loop)
        self._builder.position_at_end(loop)
        number = self._builder.phi(I64)
        routine.call(self._builder, addresses)
        following = self._builder.add(number, ir.Constant(I64, 1))
        number.add_incoming(ir.Constant(I64, 0), before)
        number.add_incoming(following, loop)
        more = self._builder.icmp_unsigned("<", following, ir.Constant(I64, count))
        self._builder.cbranch(more, loop, done)
        self._builder.position_at_end(done)

    def _limbs(self, address: Any, place: int) -> list[Any]:
        first = ELEMENT_BYTES * place
        return [at(self._builder, address, first + _STEP * i, VECTOR) for i in range(LIMBS)]


class Routine:
    """A function of addresses, written by a body; a module that calls it has it once."""

    def __init__(self, body: Callable[..., None]) -> None:
        """Take the body: a function of `Code` and addresses."""
        self._body = body
        self.__name__ = body.__name__
        self.count = len(inspect.signature(body).parameters) - 1

    def call(self, builder: Any, addresses: Sequence[Any]) -> None:
        """Write a call; and the routine, if the module has it not yet."""
        name = f"unseen.{self.__name__}"
        found = builder.module.globals.get(name)
        if found is None:
            kind = ir.FunctionType(ir.VoidType(), [I64] * self.count)
            found = ir.Function(builder.module, kind, name)
            found.linkage = "internal"
            found.attributes.add("noinline")
            inner = ir.IRBuilder(found.append_basic_block())
            self._body(Code(inner), *found.args)
            inner.ret_void()
        builder.call(found, addresses)

    def lowered(self, _context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        """Lower a call, as numba asks an intrinsic to."""
        self.call(builder, arguments)
        return ir.Constant(I64, 0)


def kernel_call(routine: Routine) -> Any:
    """Return a routine as what a kernel can call, with up to four addresses."""
    kind = types.int64(*[types.uint64] * routine.count)
    typed = (
        lambda _context, _a: (kind, routine.lowered),
        lambda _context, _a, _b: (kind, routine.lowered),
        lambda _context, _a, _b, _c: (kind, routine.lowered),
        lambda _context, _a, _b, _c, _d: (kind, routine.lowered),
    )
    return intrinsic(typed[routine.count - 1])


def kernel_read() -> Any:
    """Return what reads the word of 64 bits at an address."""

    def read(_context: Any, _address: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            return builder.load(at(builder, arguments[0], 0, I64), align=8)

        return types.uint64(types.uint64), generate

    return intrinsic(read)
