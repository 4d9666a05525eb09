"""Canonne, Kamath and Steinke, "The discrete Gaussian for differential privacy", 2020, algorithm 1.

Random bits into exact Bernoulli choices, those with probability exp(-x) among them, by whole
numbers alone. How many bits a choice takes, and so how long, depends on what is chosen: whoever
can time one draw learns something of the noise. Nothing here hides that; the node answers at
fixed moments instead. The paper leaves termination to probability; here a source that is stuck
ends in an error, at a bound that an honest source meets with probability below 2^-1000.
"""

from fractions import Fraction
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng

_MAX_DRAWS: Final = 1 << 16  # for one sample, which takes some fifty


def take(rng: Rng, count: int) -> bytes:
    """Return `count` bytes of `rng`.

    Raises:
        InputInvalidError: the source gave another number of bytes.

    """
    data = rng(count)
    if len(data) != count:
        raise _broken(f"the source of randomness gave {len(data)} bytes for {count}")
    return data


class Coins:
    """What one sample is made from: choices with exact probabilities, drawn from `rng`."""

    def __init__(self, rng: Rng) -> None:
        """Start with all draws left."""
        self._rng = rng
        self._left = _MAX_DRAWS

    def below(self, bound: int) -> int:
        """Return a whole number, uniform in [0, bound). `bound` is at least 1."""
        bits = (bound - 1).bit_length()
        size = (bits + 7) // 8
        while True:
            value = int.from_bytes(self._draw(size)) >> (8 * size - bits)
            if value < bound:
                return value

    def bernoulli(self, numerator: int, denominator: int) -> bool:
        """Return True with probability numerator / denominator, which is in [0, 1]."""
        return self.below(denominator) < numerator

    def bernoulli_exp(self, gamma: Fraction) -> bool:
        """Return True with probability exp(-gamma), gamma >= 0. Algorithm 1."""
        whole, rest = divmod(gamma, 1)
        for _ in range(whole):
            if not self._bernoulli_exp_unit(1, 1):
                return False
        return self._bernoulli_exp_unit(rest.numerator, rest.denominator)

    def _bernoulli_exp_unit(self, numerator: int, denominator: int) -> bool:
        # exp(-g) is the sum of (-g)^k / k!: the first k whose coin of g / k fails is odd.
        k = 1
        while self.bernoulli(numerator, denominator * k):
            k += 1
        return k % 2 == 1

    def _draw(self, size: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise _broken("the source of randomness repeats itself")
        return take(self._rng, size) if size else b""


def _broken(message: str) -> InputInvalidError:
    return InputInvalidError(
        message, clause="dp.randomness", remedy="draw from the system, as secrets.token_bytes does"
    )
