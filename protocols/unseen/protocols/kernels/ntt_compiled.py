"""Harvey 2014: butterflies modulo a prime with a quotient known beforehand, compiled by numba.

Nothing branches on a word; LLVM is free to change that. Call only where `features.target()` is
something.
"""

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import objects

_Words = NDArray[np.uint64]


def forward(words: _Words, table: _Words, prime: int) -> None:
    """Transform N words below 4q in place; they are below 4q behind, and in turned-round order."""
    _run("forward", words, table, prime)


def inverse(words: _Words, table: _Words, prime: int) -> None:
    """Transform N words below 2q back in place, but for the factor N; below 2q behind."""
    _run("inverse", words, table, prime)


def _run(name: str, words: _Words, table: _Words, prime: int) -> None:
    plain = words.flags.c_contiguous and words.flags.aligned and words.flags.writeable
    if not plain or table.shape != (2, words.size) or not table.flags.c_contiguous:
        raise InputInvalidError("a transform takes words side by side and a table of their number")
    objects.load("ntt_builder", name)(
        words.ctypes.data, table[0].ctypes.data, table[1].ctypes.data, words.size, prime
    )
