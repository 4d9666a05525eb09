"""Devroye, "Non-uniform random variate generation", 1986, section III.2: inversion, made exact.

The real line [0, 1) is cut at B(k) = P[|X| <= k]; a uniform real u that falls in [B(k - 1), B(k))
stands for |X| = k. Neither is ever written down whole: u is revealed in blocks of bits, and the
B(k) are known to lie in intervals (`rounding.py`). A block that leaves no doubt about k decides;
else, with probability about 2^-50, more of u is revealed and the table is made with more bits.
So the law that comes out is the exact one, tails and all: distance 0, nothing to add to delta.

Which of these paths a draw takes depends on what is drawn, and so does the time it takes.
Tables are public: they depend on the law alone.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

from unseen.protocols.dp.coins import take
from unseen.protocols.dp.laws import Law
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng

BLOCK_BITS: Final = 64
MAX_ENTRIES: Final = 1 << 20  # of a table: sigma up to some 100,000
_DEEPEST: Final = 1 << 12  # bits of one u; doubt reaches this far with probability 2^-4000


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where |X| changes: B(k) lies in (lows[k], lows[k] + slack), as parts of 2^bits.

    Both ends exclude: a block c, which stands for u in [c, c + 1), is k without doubt if
    lows[k - 1] + slack <= c < lows[k].
    """

    bits: int
    lows: "array[int] | tuple[int, ...]"
    slack: int

    def find(self, block: int) -> int | None:
        """Return |X| for all u that begin with `block`, or None if that is in doubt."""
        k = bisect_right(self.lows, block)
        if k == len(self.lows) or (k and block < self.lows[k - 1] + self.slack):
            return None
        return k


@lru_cache(maxsize=16)
def cuts(law: Law, bits: int = BLOCK_BITS) -> Cuts:
    """Return the cuts of a law. About 1.5 us an entry; kept for laws that come again.

    Raises:
        InputInvalidError: the law is so wide that there would be more than MAX_ENTRIES.

    """
    reach = law.reach(bits + 2)
    if law.reach(BLOCK_BITS + 2) > MAX_ENTRIES:
        raise InputInvalidError(
            "the law is too wide for a table", clause="dp.range", remedy="draw with law.sample"
        )
    work = bits + 2 * reach.bit_length() + 32
    lows, highs = _weights(law, reach, work)
    below, above = list(accumulate(lows)), list(accumulate(highs))
    # P[|X| <= k] = S(k) / (S(k) + T(k)): smallest with S low and T high, and the other way round.
    parts = [
        (
            (below[k] << bits) // (below[k] + above[-1] - above[k]),
            -(-(above[k] << bits) // (above[k] + below[-1] - below[k])),
        )
        for k in range(reach)
    ]
    slack = max(high - low for low, high in parts)
    starts = [low for low, _ in parts]
    return Cuts(bits, array("Q", starts) if bits == BLOCK_BITS else tuple(starts), slack)


def resume(law: Law, block: int, rng: Rng) -> int:
    """Return |X| for a u of which `block`, of BLOCK_BITS bits, left a doubt.

    Raises:
        InputInvalidError: the law is too wide, or the source of randomness is broken.

    """
    bits = BLOCK_BITS
    while bits < _DEEPEST:
        block = block << bits | int.from_bytes(take(rng, bits // 8))
        bits *= 2
        found = cuts(law, bits).find(block)
        if found is not None:
            return found
    raise InputInvalidError("the source of randomness repeats itself", clause="dp.randomness")


def _weights(law: Law, reach: int, work: int) -> tuple[list[int], list[int]]:
    """Return bounds of P[|X| = k] / P[X = 0] for k in [0, reach), and of all beyond in one."""
    low, high = 1 << work, 1 << work
    lows, highs = [low], [high]
    low, high = 2 * low, 2 * high  # both signs
    ratio_high = 0
    for _, (ratio_low, ratio_high) in zip(range(reach), law.ratios(work), strict=False):
        low, high = low * ratio_low >> work, -(-high * ratio_high >> work)
        lows.append(low)
        highs.append(high)
    # Ratios never rise, so all from `reach` on are less than a geometric series.
    rest = (1 << work) - ratio_high
    lows[reach] = 0
    highs[reach] = -(-(highs[reach] << work) // rest)
    return lows, highs
