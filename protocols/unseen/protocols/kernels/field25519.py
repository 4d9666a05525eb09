"""Bernstein 2006, "Curve25519", section 3: GF(2^255 - 19) in ten limbs, several elements at once.

Limb i stands for 2^ceil(25.5 i), so limbs have 26 and 25 bits by turns. What is computed on limbs
is written once, over `Ops`: a builder gives those of LLVM, lanes of 64 bits, and a test those of
intervals, which proves that nothing overflows. Two sizes of elements: *tight* (up to `TIGHT`),
which every product is, and *loose* (up to `LOOSE`), which products take.

Nothing branches on a value. Whoever compiles it may still not promise constant time.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

LIMBS: Final = 10
P: Final = 2**255 - 19
SLACK: Final = 1 << 18
BITS: Final = tuple(26 - i % 2 for i in range(LIMBS))
PLACES: Final = tuple(-(-51 * i // 2) for i in range(LIMBS))
TIGHT: Final = tuple((1 << bits) + SLACK for bits in BITS)
LOOSE: Final = tuple(int(3.3 * (1 << bits)) for bits in BITS)
WIDE: Final = tuple(2 * limb for limb in LOOSE)  # what the left factor of a product may be
# 2p, with limbs that are larger than those of any tight element.
_TWICE: Final = tuple(2 * ((1 << bits) - (19 if i == 0 else 1)) for i, bits in enumerate(BITS))

Lane: TypeAlias = Any
Element: TypeAlias = Sequence[Lane]


class Ops(Protocol):
    """Arithmetic on whole numbers of 64 bits, not negative."""

    def const(self, value: int) -> Lane:
        """Return a constant."""

    def add(self, a: Lane, b: Lane) -> Lane:
        """Return a + b."""

    def sub(self, a: Lane, b: Lane) -> Lane:
        """Return a - b, where b is not more than a."""

    def mul(self, a: Lane, b: Lane) -> Lane:
        """Return a * b of numbers below 2^32."""

    def shl(self, a: Lane, bits: int) -> Lane:
        """Return a * 2^bits."""

    def shr(self, a: Lane, bits: int) -> Lane:
        """Return a / 2^bits, rounded down."""

    def low(self, a: Lane, bits: int) -> Lane:
        """Return a modulo 2^bits."""


def limbs_of(value: int) -> tuple[int, ...]:
    """Return the limbs of a number below 2^255."""
    return tuple(
        value >> place & ((1 << bits) - 1) for place, bits in zip(PLACES, BITS, strict=True)
    )


def value_of(limbs: Sequence[int]) -> int:
    """Return the number that limbs stand for, not reduced."""
    return sum(limb << place for limb, place in zip(limbs, PLACES, strict=True))


def add(ops: Ops, a: Element, b: Element) -> list[Lane]:
    """Return a + b; of tight elements a loose one."""
    return [ops.add(x, y) for x, y in zip(a, b, strict=True)]


def sub(ops: Ops, a: Element, b: Element, times: int = 1) -> list[Lane]:
    """Return a - b + 2p * times: loose for tight a and b, where `times` is 1.

    Limbs of b are not more than those of 2p * times.
    """
    return [
        ops.sub(ops.add(x, ops.const(times * most)), y)
        for x, y, most in zip(a, b, _TWICE, strict=True)
    ]


def tighten(ops: Ops, a: Element) -> list[Lane]:
    """Return the same element, tight, for limbs below 2^38."""
    over = [ops.shr(x, bits) for x, bits in zip(a, BITS, strict=True)]
    kept = [ops.low(x, bits) for x, bits in zip(a, BITS, strict=True)]
    carried = [_by_19(ops, over[-1]), *over[:-1]]
    return add(ops, kept, carried)


def mul(ops: Ops, f: Element, g: Element) -> list[Lane]:
    """Return f * g, tight; f is up to twice a loose element, g loose."""
    folded = [g[0], *(ops.mul(x, ops.const(19)) for x in g[1:])]
    doubled = [ops.add(x, x) if i % 2 else x for i, x in enumerate(f)]
    sums: list[Lane] = []
    for k in range(LIMBS):
        terms = []
        for i in range(LIMBS):
            j = k - i
            right = g[j] if j >= 0 else folded[j + LIMBS]
            # Two odd limbs meet in a place that is half a bit lower than theirs together.
            left = doubled[i] if i % 2 and j % 2 else f[i]
            terms.append(ops.mul(left, right))
        sums.append(_total(ops, terms))
    return _carried(ops, sums)


def square(ops: Ops, f: Element) -> list[Lane]:
    """Return f * f, tight, for loose f."""
    folded = [f[0], *(ops.mul(x, ops.const(19)) for x in f[1:])]
    doubled = [ops.add(x, x) for x in f]
    fourfold = [ops.add(x, x) if i % 2 else x for i, x in enumerate(doubled)]
    sums: list[Lane] = []
    for k in range(LIMBS):
        terms = []
        for i in range(LIMBS):
            j = (k - i) % LIMBS
            if j < i:
                continue
            right = f[j] if i + j < LIMBS else folded[j]
            both_odd = i % 2 and j % 2
            if i == j:
                left = doubled[i] if both_odd else f[i]
            else:
                left = fourfold[i] if both_odd else doubled[i]
            terms.append(ops.mul(left, right))
        sums.append(_total(ops, terms))
    return _carried(ops, sums)


def freeze(ops: Ops, a: Element) -> list[Lane]:
    """Return the limbs of the least number that stands for a loose or tight element."""
    h = tighten(ops, tighten(ops, a))
    # Is it at least p? Then 19 more pass 2^255.
    over = ops.const(19)
    for x, bits in zip(h, BITS, strict=True):
        over = ops.shr(ops.add(x, over), bits)
    carry = _by_19(ops, over)
    found = []
    for x, bits in zip(h, BITS, strict=True):
        full = ops.add(x, carry)
        found.append(ops.low(full, bits))
        carry = ops.shr(full, bits)
    return found


def _by_19(ops: Ops, a: Lane) -> Lane:
    return ops.add(ops.add(ops.shl(a, 4), ops.shl(a, 1)), a)


def _total(ops: Ops, terms: list[Lane]) -> Lane:
    total = terms[0]
    for term in terms[1:]:
        total = ops.add(total, term)
    return total


def _carried(ops: Ops, sums: list[Lane]) -> list[Lane]:
    h = list(sums)

    def carry(i: int) -> None:
        over = ops.shr(h[i], BITS[i])
        h[i] = ops.low(h[i], BITS[i])
        after = (i + 1) % LIMBS
        h[after] = ops.add(h[after], over if after else _by_19(ops, over))

    # Two chains at once, five apart: neither waits for the other.
    for i in (0, 5, 1, 6, 2, 7, 3, 8, 4, 9, 5, 0):
        carry(i)
    return h
