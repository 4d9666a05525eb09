"""Bonawitz et al., CCS 2017, section 7 (Z_R): whole numbers to words of a ring, and a sum back.

Negative numbers are their two's complement. The bound is checked on every coordinate, block by
block; that a party stays within it by honest means is nothing that anybody else can see.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import DimensionMismatchError, InputInvalidError, RingOverflowError
from unseen.protocols.kernels.words import Words, zeros
from unseen.protocols.secagg.parameters import HEADROOM_BITS, Round

BLOCK: Final = (
    1 << 17
)  # coordinates at a time: few enough for a cache, enough for a call's cost to be small


class Noise(Protocol):
    """Whole numbers to be added before masking. `noise.py` has the one for privacy."""

    @property
    def reach(self) -> int:
        """Return how far values have to stay below the round's bound."""
        ...

    def __call__(self, count: int) -> NDArray[np.int64]:
        """Return so many fresh ones, for the next coordinates."""
        ...


def to_ring(
    parameters: Round, party: str, values: NDArray[np.integer], noise: Noise | None
) -> Words:
    """Return `values`, with noise if there is any, as words of the round's ring.

    Values are held to the bound less the noise's reach, before anything is drawn. Whether a
    vector is refused depends on them alone, never on what was drawn (`noise.py`).

    Raises:
        InputInvalidError: the values are no vector of whole numbers, the noise reaches over the
            bound, or it is no noise.
        DimensionMismatchError: there are more or fewer than the round's dimension.
        RingOverflowError: one is over the bound.

    """
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InputInvalidError("a vector of whole numbers is masked: quantise first")
    if values.size != parameters.dimension:
        raise DimensionMismatchError(party, found=values.size, expected=parameters.dimension)
    room = parameters.bound - (noise.reach if noise else 0)
    if room < 0:
        raise InputInvalidError("the noise reaches over the round's bound", clause="secagg.noise")
    words = zeros(values.size, parameters.ring)
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        _check_bound(party, block, room, start)
        if noise is not None:
            drawn = _drawn(parameters, noise, block.size)
            block = np.add(drawn, block.astype(np.int64, copy=False), out=drawn)
        # Two's complement: a cast of whole numbers keeps the low bits.
        words[start : start + BLOCK] = block
    return words


def from_ring(words: Words) -> NDArray[np.int64]:
    """Return words of a ring as signed numbers."""
    if words.dtype == np.uint32:
        return words.view(np.int32).astype(np.int64)
    return words.view(np.int64)


def _drawn(parameters: Round, noise: Noise, count: int) -> NDArray[np.int64]:
    added = noise(count)
    if added.shape != (count,) or added.dtype != np.int64:
        raise InputInvalidError("noise is one 64-bit whole number for each coordinate")
    # No law whose reach is within the bound gets here, not once in 2^10000: a broken source.
    limit = parameters.bound << HEADROOM_BITS
    if int(added.max()) > limit or int(added.min()) < -limit:
        raise InputInvalidError("noise is far over the round's bound", clause="secagg.noise")
    return added


def _check_bound(party: str, block: NDArray[np.integer], bound: int, start: int) -> None:
    if int(block.max()) > bound or int(block.min()) < -bound:
        over = (block > bound) | (block < -bound)
        raise RingOverflowError(party, start + int(np.flatnonzero(over)[0]))
