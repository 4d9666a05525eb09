"""Bonawitz et al., CCS 2017, section 7 (Z_R): whole numbers to words of a ring, and a sum back.

Negative numbers are their two's complement. The bound is checked on every coordinate, block by
block; that a party stays within it by honest means is nothing that anybody else can see.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import DimensionMismatchError, InputInvalidError, RingOverflowError
from unseen.protocols.kernels.words import Words, zeros
from unseen.protocols.secagg.parameters import Round

BLOCK: Final = 1 << 15  # coordinates at a time: what is made on the way stays in the cache

Noise: TypeAlias = Callable[[int], NDArray[np.int64]]
"""`noise(n)` returns n fresh whole numbers, to be added to the next n coordinates."""


def to_ring(
    parameters: Round, party: str, values: NDArray[np.integer], noise: Noise | None
) -> Words:
    """Return `values`, with noise if there is any, as words of the round's ring.

    Raises:
        InputInvalidError: the values are no vector of whole numbers, or the noise is none.
        DimensionMismatchError: there are more or fewer than the round's dimension.
        RingOverflowError: one is over the round's bound, alone or with its noise.

    """
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InputInvalidError("a vector of whole numbers is masked: quantise first")
    if values.size != parameters.dimension:
        raise DimensionMismatchError(party, found=values.size, expected=parameters.dimension)
    words = zeros(values.size, parameters.ring)
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        _check_bound(parameters, party, block, start)
        if noise is not None:
            added = noise(block.size)
            if added.shape != block.shape or added.dtype != np.int64:
                raise InputInvalidError("noise is one 64-bit whole number for each coordinate")
            _check_bound(parameters, party, added, start)
            block = block.astype(np.int64) + added
            _check_bound(parameters, party, block, start)
        # Two's complement: a cast of whole numbers keeps the low bits.
        words[start : start + BLOCK] = block.astype(words.dtype)
    return words


def from_ring(words: Words) -> NDArray[np.int64]:
    """Return words of a ring as signed numbers."""
    if words.dtype == np.uint32:
        return words.view(np.int32).astype(np.int64)
    return words.view(np.int64)


def _check_bound(parameters: Round, party: str, block: NDArray[np.integer], start: int) -> None:
    bound = parameters.bound
    if int(block.max()) > bound or int(block.min()) < -bound:
        over = (block > bound) | (block < -bound)
        raise RingOverflowError(party, start + int(np.flatnonzero(over)[0]))
