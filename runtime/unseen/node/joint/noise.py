"""A node's noise over a vector of several parts, each with a law of its own. ADR 0027.

Drawn exactly, in bulk where a law fits into a table. Values stay the widest law's reach below the
round's bound and are refused by themselves alone; what is drawn is never looked at.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp.distributed import Distributed
from unseen.protocols.dp.laws import Gaussian
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import noise
from unseen.protocols.party import Rng
from unseen.protocols.secagg.noise import reach

WIDEST: Final = 2**96  # sigma squared: what is drawn has to fit into 64 bits
_KEY_BYTES: Final = 16


class PartsNoise:
    """The noise of one party in one round, in the order of its parts. For `Party.mask`, once."""

    def __init__(self, parts: Sequence[tuple[Distributed, int]], rng: Rng) -> None:
        """Take the noise of each part and how many coordinates it has.

        Raises:
            InputInvalidError: noise is so wide that it does not fit into the ring.

        """
        if any(spread.sigma2 > WIDEST for spread, _ in parts):
            raise InputInvalidError(
                "noise is wider than the ring", clause="secagg.noise", remedy="a larger rho"
            )
        self.reach = max(reach(spread) for spread, _ in parts)
        self._parts = list(parts)
        self._rng = noise.KeyStream(rng(_KEY_BYTES))
        self._drawn = np.zeros(0, np.int64)

    def __repr__(self) -> str:
        """Say how many parts there are, and nothing of what is drawn."""
        return f"PartsNoise({len(self._parts)} parts left)"

    def __call__(self, count: int) -> NDArray[np.int64]:
        """Return the noise of the next `count` coordinates.

        Raises:
            InputInvalidError: more than all parts have.

        """
        while len(self._drawn) < count:
            if not self._parts:
                raise InputInvalidError("noise is drawn once for each coordinate")
            spread, size = self._parts.pop(0)
            self._drawn = np.concatenate([self._drawn, self._of(spread.law, size)])
        found, self._drawn = self._drawn[:count], self._drawn[count:]
        return found

    def _of(self, law: Gaussian, size: int) -> NDArray[np.int64]:
        try:
            return noise.draw(law, size, self._rng)
        except InputInvalidError:  # too wide for a table: one by one
            return np.array([law.sample(self._rng) for _ in range(size)], np.int64)
