"""Canonne, Kamath and Steinke 2020, algorithm 3: the noise of one party in one step.

Short vectors under a wide law are drawn one by one, all others through the kernel's table: the same
exact law either way, and it does not depend on the data which. A party that draws less than it
says is not noticed.
"""

from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp import Gaussian
from unseen.protocols.kernels import noise
from unseen.protocols.party import Rng
from unseen.protocols.secagg.noise import REACH_BITS

_WIDEST: Final = 50_000  # of sigma, for which a table is made
_PAYS: Final = 8  # draws for which a table of sigma entries costs as much as single ones


class StepNoise:
    """Draws of a discrete Gaussian law of whole `sigma2`; a `secagg.Noise`."""

    def __init__(self, sigma2: int, rng: Rng) -> None:
        """Take the law and where its bits come from."""
        self._law = Gaussian(sigma2)
        self._sigma = isqrt(sigma2) + 1
        self._rng = rng

    def __repr__(self) -> str:
        """Say what is drawn from."""
        return f"StepNoise({self._law!r})"

    @property
    def reach(self) -> int:
        """Return how far values have to stay below the round's bound."""
        return self._law.reach(REACH_BITS)

    def __call__(self, count: int) -> NDArray[np.int64]:
        """Return `count` fresh draws.

        Raises:
            InputInvalidError: the source of randomness is broken.
            KernelFaultError: this machine computes draws wrongly.

        """
        if self._sigma <= min(_WIDEST, _PAYS * count):
            return noise.draw(self._law, count, self._rng)
        return np.array([self._law.sample(self._rng) for _ in range(count)], np.int64)
