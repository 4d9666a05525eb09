"""Kairouz, Liu and Steinke, "The distributed discrete Gaussian mechanism", ICML 2021, section 4.

Stochastic rounding of real numbers to whole ones, and its check of the norm. Rounding is unbiased
up to 2^-33 of a step. It hides nothing by itself, and whoever has to bound a person's influence
clips before; without `norm`, rounding may lengthen a vector.
"""

from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, RingOverflowError, VectorInvalidError
from unseen.protocols.kernels import aes
from unseen.protocols.party import Rng
from unseen.protocols.secagg.parameters import HEADROOM_BITS
from unseen.protocols.secagg.ring import BLOCK

BETA: Final = exp(-0.5)  # how often a vector at the clip's edge is rounded anew, at most
_EDGE: Final = 2.0**-10  # far above the rounding of the scale: bounds have at most 31 bits
_TRIES: Final = 1000  # all of them fail with probability under 2^-700


@dataclass(frozen=True, slots=True)
class Quantiser:
    """Real coordinates from -`clip` to `clip` to whole numbers of `bits` bits, and sums back.

    `clip` is in the unit of the data.
    """

    clip: float
    bits: int

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            InputInvalidError: the clip is not positive and finite, or there are not 2 to 32 bits.

        """
        if not (isfinite(self.clip) and self.clip > 0 and 2 <= self.bits <= 32):
            raise InputInvalidError("a quantiser has a positive clip and 2 to 32 bits")

    @property
    def bound(self) -> int:
        """Return the largest whole number that a coordinate becomes: the round's bound."""
        return (1 << (self.bits - 1)) - 1

    @property
    def step(self) -> float:
        """Return what one whole number is worth, in the unit of the data."""
        return self.clip / self.bound

    def headroom(self, parties: int, ring: int) -> int:
        """Return how many bits stay unused when so many parties add up; at least 3.

        Raises:
            InputInvalidError: fewer than 3 bits stay.

        """
        left = ring - 1 - (parties * self.bound).bit_length()
        if left < HEADROOM_BITS:
            raise InputInvalidError(
                f"{parties} parties with {self.bits} bits leave {left} bits of headroom in {ring}",
                remedy="fewer bits, or a ring of 64",
            )
        return left

    def norm_bound(self, norm: float, dimension: int) -> float:
        """Return the largest squared norm, in steps, of a rounded vector of length `norm`.

        A random rounding stays within with probability 1 - BETA or more.
        """
        length = norm / self.step
        wide = (length + sqrt(dimension)) ** 2
        swing = sqrt(2 * log(1 / BETA)) * (length + sqrt(dimension) / 2)
        return min(wide, length**2 + dimension / 4 + swing)

    def quantise(
        self, party: str, values: NDArray[np.floating], rng: Rng, norm: float | None = None
    ) -> NDArray[np.int32]:
        """Round each coordinate up or down at random, so that its mean is the coordinate.

        With `norm`, the length in the unit of the data that the caller clipped to, a rounding that
        is too long is thrown away and done anew. Memory: 4 bytes a coordinate and a block.

        Raises:
            VectorInvalidError: a coordinate is not a number, or infinite.
            RingOverflowError: a coordinate is over the clip.
            InputInvalidError: no vector of floating-point numbers, or one longer than `norm`.

        """
        if values.ndim != 1 or values.dtype.kind != "f":
            raise InputInvalidError("a vector of floating-point numbers is quantised")
        limit = None if norm is None else self.norm_bound(norm, values.size)
        for _ in range(_TRIES):
            found = self._rounded(party, values, rng(aes.KEY_BYTES))
            if limit is None or _squared(found) <= limit:
                return found
        raise InputInvalidError(f"{party}: the vector is longer than it was clipped to")

    def restore(self, total: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a sum of quantised vectors in the unit of the data."""
        return total.astype(np.float64) * self.step

    def _rounded(self, party: str, values: NDArray[np.floating], key: bytes) -> NDArray[np.int32]:
        found = np.empty(values.size, np.int32)
        scale = self.bound / self.clip
        parts = np.empty(min(BLOCK, values.size), np.float64)
        for start in range(0, values.size, BLOCK):
            given = values[start : start + BLOCK]
            most = _check(party, given, self.clip, start)
            block, part = given.astype(np.float64), parts[: given.size]
            block *= scale
            np.multiply(aes.stream(key, given.size, start // 4), 2.0**-32, out=part)
            block += part
            np.floor(block, out=block)
            if most * scale > self.bound - _EDGE:
                # At the very edge the scale's own rounding may reach one step beyond.
                np.clip(block, -self.bound, self.bound, out=block)
            found[start : start + BLOCK] = block
        return found


def clip_norm(values: NDArray[np.floating], norm: float) -> NDArray[np.float64]:
    """Return the vector, shortened to the Euclidean length `norm` if it is longer."""
    wide: NDArray[np.float64] = values.astype(np.float64)
    length = float(np.sqrt(wide @ wide))
    if length > norm:
        np.multiply(wide, norm / length, out=wide)
    return wide


def _squared(found: NDArray[np.int32]) -> float:
    """Return the squared length, block by block."""
    total = 0.0
    for start in range(0, found.size, BLOCK):
        block = found[start : start + BLOCK].astype(np.float64)
        total += float(np.einsum("i,i->", block, block))  # BLAS would start threads for it
    return total


def _check(party: str, block: NDArray[np.floating], clip: float, start: int) -> float:
    """Return the largest magnitude of a block, if all of it is finite and within the clip."""
    top, bottom = float(block.max()), float(block.min())
    if isfinite(top) and isfinite(bottom) and top <= clip and bottom >= -clip:
        return max(top, -bottom)
    for wrong, what in ((np.isnan(block), "not a number"), (np.isinf(block), "an infinity")):
        if wrong.any():
            raise VectorInvalidError(party, what, start + _first(wrong))
    raise RingOverflowError(party, start + _first(np.abs(block) > clip))


def _first(places: "NDArray[np.bool_]") -> int:
    return int(np.flatnonzero(places)[0])
