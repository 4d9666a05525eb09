"""Kairouz, Liu and Steinke, "The distributed discrete Gaussian mechanism", ICML 2021, section 3.

A party's share of the noise, added to its whole numbers before they are masked. The draw is exact
and is never drawn again, cut off or refused for its size: any of these would change the law by what
the tails hold. Instead values have to stay `reach` below the round's bound, and a draw beyond that
is added in the ring like any other. Reading the sum in the ring is done to the noisy sum, and so
costs no privacy even where it wraps; what a wrap costs is the answer, and `tail` bounds how likely
a draw beyond `reach` is. The round's 3 bits of headroom lie above that: a wrap takes draws that
are, on average over all parties, seven times the bound.

A party that draws less than it says is not noticed; `Distributed` says whose noise counts.
"""

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp.distributed import Distributed
from unseen.protocols.dp.rounding import exp_neg
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import noise
from unseen.protocols.kernels.aes import KEY_BYTES
from unseen.protocols.kernels.noise import KeyStream
from unseen.protocols.party import Rng
from unseen.protocols.secagg.parameters import Round

REACH_BITS: Final = 128
_TAIL_BITS: Final = 512


def reach(spread: Distributed) -> int:
    """Return what values have to stay below the bound: some 16 sigma of one party.

    |X| gets there with probability below 2 exp(-128), which is below 2^-183.
    """
    return spread.law.reach(REACH_BITS)


def tail(spread: Distributed, parties: int = 1) -> Fraction:
    """Return more than the probability that a coordinate of one of `parties` reaches `reach`.

    By Chernoff's bound: the mean of exp(t X) is at most exp(t^2 sigma^2 / 2), since the sum of
    exp(-(x - c)^2 / (2 sigma^2)) over whole x is largest where c is whole.
    """
    exponent = Fraction(reach(spread) ** 2) / (2 * spread.sigma2)
    one_side = Fraction(exp_neg(exponent, _TAIL_BITS)[1], 1 << _TAIL_BITS)
    return 2 * one_side * spread.dimension * parties


class PartyNoise:
    """The noise of one party in one round, drawn from a fresh key as it is asked for.

    For `Party.mask`, once. What the sum then costs is `spread.rho` of its sensitivity.
    """

    def __init__(self, spread: Distributed, parameters: Round, rng: Rng) -> None:
        """Take 16 bytes of `rng` for the key.

        Raises:
            InputInvalidError: `spread` is about another number of coordinates, counts on more
                parties than have to be left, leaves no room below the round's bound, is too wide
                for a table, or `rng` is broken.

        """
        self.spread = spread
        if spread.dimension != parameters.dimension:
            raise _unfit("the noise is for another number of coordinates than the round has")
        if spread.honest > parameters.least:
            raise _unfit("the noise counts on more parties than the round needs to be left")
        self.reach = reach(spread)
        if self.reach >= parameters.bound:
            raise _unfit("noise leaves no room below the round's bound", "take a larger bound")
        key = rng(KEY_BYTES)
        if len(key) != KEY_BYTES:
            raise _unfit("the source of randomness gave another number of bytes than 16")
        self._stream = KeyStream(key)
        self._left = spread.dimension
        noise.draw(spread.law, 0, self._stream)  # the table, before anybody waits

    def __repr__(self) -> str:
        """Say what is drawn, and nothing of the key."""
        return f"PartyNoise({self.spread!r})"

    def __call__(self, count: int) -> NDArray[np.int64]:
        """Return the noise of the next `count` coordinates.

        Raises:
            InputInvalidError: more than the round has.
            KernelFaultError: this machine computes draws wrongly.

        """
        if count > self._left:
            raise _unfit("noise is drawn once for each coordinate", "a new PartyNoise each round")
        self._left -= count
        return noise.draw(self.spread.law, count, self._stream)


def _unfit(message: str, remedy: str = "") -> InputInvalidError:
    return InputInvalidError(message, clause="secagg.noise", remedy=remedy)
