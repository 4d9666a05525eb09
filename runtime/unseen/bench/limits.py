"""The limit of everything over ristretto255: libsodium's own calls and nothing around them.

The same library, called in the same way (rbcl's copy through ctypes), with results thrown away:
no hashing, no checks, no list of results.
"""

import ctypes
from collections.abc import Callable

from unseen.protocols.group import sodium
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES, random_scalar
from unseen.protocols.testing import seeded_rng

_from_hash = sodium.function("core_ristretto255_from_hash", 1)
_multiply = sodium.function("scalarmult_ristretto255", 2)
_multiply_base = sodium.function("scalarmult_ristretto255_base", 1)
_add = sodium.function("core_ristretto255_add", 2)


def raw(
    seed: int, *, hashes: int = 0, products: int = 0, bases: int = 0, sums: int = 0
) -> Callable[[], None]:
    """Return a function that makes so many raw calls.

    `hashes` map 64 bytes to an element, `products` multiply an element, `bases` the generator,
    `sums` add two elements.
    """
    rng = seeded_rng(seed)
    wide, scalar = rng(64), random_scalar(rng)
    out = (ctypes.c_char * ELEMENT_BYTES)()
    _multiply_base(out, scalar)
    element = out.raw

    def work() -> None:
        for _ in range(hashes):
            _from_hash(out, wide)
        for _ in range(products):
            _multiply(out, scalar, element)
        for _ in range(bases):
            _multiply_base(out, scalar)
        for _ in range(sums):
            _add(out, element, element)

    return work
