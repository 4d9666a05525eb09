"""RFC 7693 section 3.2: the compression function of BLAKE2b over whatever can add, xor and rotate.

Written once for numpy's vectors and for LLVM's. Nothing branches on what is hashed.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

IV: Final = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
_ALL_ONES: Final = (1 << 64) - 1
_SCHEDULE: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_ROUNDS: Final = 12
_COLUMNS_THEN_DIAGONALS: Final = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


class Ops(Protocol):
    """Words of 64 bits, many side by side."""

    def const(self, value: int) -> Any:
        """Return a constant in every lane."""

    def add(self, a: Any, b: Any) -> Any:
        """Return a + b modulo 2^64."""

    def xor(self, a: Any, b: Any) -> Any:
        """Return the exclusive or."""

    def rotate(self, a: Any, bits: int) -> Any:
        """Return a, rotated to the right."""


def compress(
    ops: Ops, state: Sequence[Any], message: Sequence[Any], *, length: int, last: bool
) -> list[Any]:
    """Return the state of eight words after a block.

    Args:
        ops: what computes.
        state: before the block.
        message: the block's words, from the first on; those that are missing are 0.
        length: of all bytes up to the end of this block.
        last: whether this block is the last one.

    """
    v = [*state, *map(ops.const, IV)]
    v[12] = ops.const(IV[4] ^ length)
    if last:
        v[14] = ops.const(IV[6] ^ _ALL_ONES)
    for number in range(_ROUNDS):
        order = _SCHEDULE[number % len(_SCHEDULE)]
        for place, (a, b, c, d) in enumerate(_COLUMNS_THEN_DIAGONALS):
            for half, (first, second) in enumerate(((32, 24), (16, 63))):
                word = order[2 * place + half]
                v[a] = ops.add(v[a], v[b])
                if word < len(message):
                    v[a] = ops.add(v[a], message[word])
                v[d] = ops.rotate(ops.xor(v[d], v[a]), first)
                v[c] = ops.add(v[c], v[d])
                v[b] = ops.rotate(ops.xor(v[b], v[c]), second)
    return [ops.xor(old, ops.xor(v[i], v[i + 8])) for i, old in enumerate(state)]
