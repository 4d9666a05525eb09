"""Goto and van de Geijn 2008: products of bytes with signs and words of 32 bits, modulo 2^32.

Whichever implementation is fastest here, tried with known answers before its first use. What is
multiplied is not looked at: sums wrap in silence, as protocols over Z_2^32 want them to.
"""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features, matrix_portable

_Product: TypeAlias = Callable[[NDArray[np.int8], NDArray[np.uint32]], NDArray[np.uint32]]
_Dots: TypeAlias = Callable[[NDArray[np.uint32], NDArray[np.int8]], NDArray[np.uint32]]
MAX_WIDTH: Final = 1 << 28


class Implementation(NamedTuple):
    """One way to multiply: its name and its functions, as in `matrix_portable`."""

    name: str
    product: _Product
    dots: _Dots


def product(rows: NDArray[np.int8], words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return for each of the k rows of `words` its products with all rows: k x R.

    Args:
        rows: R x W, each row in one piece of memory.
        words: k x W.

    Raises:
        InputInvalidError: other shapes or types.
        KernelFaultError: this machine multiplies wrongly.

    """
    _check(rows, words)
    return _selected().product(rows, words)


def dots(words: NDArray[np.uint32], small: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Return for each of the k rows of `small` its products with all rows of `words`: k x R.

    Args:
        words: R x n.
        small: k x n.

    Raises:
        InputInvalidError: other shapes or types.
        KernelFaultError: this machine multiplies wrongly.

    """
    _check(small, words)
    return _selected().dots(words, small)


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    portable = Implementation("portable", matrix_portable.product, matrix_portable.dots)
    if not features.has_vectors():
        return (portable,)
    # Here and not above: it needs llvmlite.
    from unseen.protocols.kernels import matrix_compiled  # noqa: PLC0415

    name = f"compiled-{16 * matrix_compiled.COLUMNS}"
    return Implementation(name, matrix_compiled.product, matrix_compiled.dots), portable


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with sums of Python's whole numbers, ends of ranges included.

    Raises:
        KernelFaultError: it does not compute them.

    """
    width = 67
    small = np.array([[(7 * i * i + 31 * j) % 256 - 128 for j in range(width)] for i in range(5)])
    words = np.array([[_word(i, j) for j in range(width)] for i in range(3)], np.uint64)
    sums = [
        [sum(int(a) * int(b) for a, b in zip(s, w, strict=True)) % 2**32 for s in small]
        for w in words
    ]
    bytes_, narrow = small.astype(np.int8), words.astype(np.uint32)
    found = one.product(bytes_, narrow).tolist(), one.dots(narrow, bytes_).T.tolist()
    if found != (sums, sums):
        raise KernelFaultError(f"matrix {one.name}")


def warm_up() -> str:
    """Load what is to be loaded, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine multiplies wrongly.

    """
    return _selected().name


def _word(i: int, j: int) -> int:
    ends = (0, 1, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 0xFFFF8000)
    return ends[j] if i == 0 and j < len(ends) else (2654435761 * (i + 1) * (j + 3)) % 2**32


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest


def _check(small: NDArray[np.int8], words: NDArray[np.uint32]) -> None:
    typed = small.dtype == np.int8 and words.dtype == np.uint32
    if not typed or small.ndim != 2 or words.ndim != 2 or small.shape[1] != words.shape[1]:
        raise InputInvalidError("a product takes rows of bytes and of 32-bit words of one length")
    if not 0 < words.shape[1] <= MAX_WIDTH or (small.shape[1] > 1 and small.strides[1] != 1):
        raise InputInvalidError(f"rows have 1 to {MAX_WIDTH} numbers, side by side")
