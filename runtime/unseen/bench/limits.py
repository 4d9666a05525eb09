"""Limits: what an answer takes at least on this core, with the results thrown away.

Over ristretto255 libsodium's own calls, called in the same way (rbcl's copy through ctypes) with no
hashing, no checks, no list of results; reading memory once; hashing; and products of floats, as
many as a matrix takes of bytes.
"""

import ctypes
import hashlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from unseen.protocols.group import sodium
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES, random_scalar
from unseen.protocols.testing import seeded_rng

if TYPE_CHECKING:
    from numpy.typing import NDArray

_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_SIDE: Final = 1024  # of a square of floats: it stays in the cache

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


def one_thread() -> None:
    """Have numpy multiply floats by one thread: for a process that has not imported it yet."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


def reading(data: "NDArray[Any]", times: int) -> Callable[[], None]:
    """Return a function that reads an array so many times from end to end, 8 bytes at once."""
    import numpy as np  # noqa: PLC0415 - the other benches do without

    flat = data.reshape(-1).view(np.uint8)
    words = flat[: flat.size // 8 * 8].view(np.uint64)

    def work() -> None:
        for _ in range(times):
            words.max(initial=0)

    return work


def floats(products: int) -> Callable[[], None]:
    """Return a function that multiplies and adds about so many pairs of floats, by numpy's BLAS."""
    import numpy as np  # noqa: PLC0415

    left, right = (np.full((_SIDE, _SIDE), value, np.float32) for value in (0.5, 2.0))
    whole, rest = divmod(products, _SIDE**3)
    part = left[: max(1, rest // _SIDE**2)]

    def work() -> None:
        for _ in range(whole):
            left @ right
        part @ right

    return work


def hashes(count: int, size: int) -> Callable[[], None]:
    """Return a function that hashes so many texts of `size` bytes by SHA-512, one at a time."""
    text = bytes(size)

    def work() -> None:
        for _ in range(count):
            hashlib.sha512(text).digest()

    return work


def stretched(count: int, size: int) -> Callable[[], None]:
    """Return a function that makes so many streams of `size` bytes by SHAKE-256."""

    def work() -> None:
        for number in range(count):
            hashlib.shake_256(number.to_bytes(8)).digest(size)

    return work
