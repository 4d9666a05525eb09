"""Shamir, "How to share a secret", CACM 1979, over the integers modulo 2^256 - 189.

Of a threshold of shares the secret comes back, of fewer nothing. No branch and no index depends on
a secret, and loops have public lengths; CPython's integer arithmetic itself is not constant in
time, so that who measures it finely on the same machine may learn of secrets. Nothing here notices
a wrong share: the caller holds shares against commitments.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng

PRIME: Final = 2**256 - 189
SHARE_BYTES: Final = 32


def random_secret(rng: Rng) -> bytes:
    """Return 32 fresh bytes that are a secret `split` takes: drawn anew in 2^-248 of cases."""
    while True:
        found = rng(SHARE_BYTES)
        if int.from_bytes(found) < PRIME:
            return found


def split(secret: bytes, threshold: int, points: Sequence[int], rng: Rng) -> tuple[bytes, ...]:
    """Return a share of 32 bytes for each of `points`, distinct and from 1 on.

    Costs `threshold` multiplications a point.

    Raises:
        InputInvalidError: the secret is none of `random_secret`, or points and threshold do not
            fit each other.

    """
    value = int.from_bytes(secret)
    if len(secret) != SHARE_BYTES or value >= PRIME:
        raise InputInvalidError("a secret is 32 bytes, below the field's prime")
    distinct = len(set(points)) == len(points) and all(0 < point < PRIME for point in points)
    if not distinct or not 1 <= threshold <= len(points):
        raise InputInvalidError("shares are for distinct points, at least the threshold of them")
    # 16 bytes more than the prime keep the bias under 2^-128.
    terms = [int.from_bytes(rng(SHARE_BYTES + 16)) % PRIME for _ in range(threshold - 1)]
    shares = []
    for point in points:
        total = 0
        for term in terms:
            total = (total + term) * point % PRIME
        shares.append(((total + value) % PRIME).to_bytes(SHARE_BYTES))
    return tuple(shares)


@lru_cache(maxsize=16)
def weights(points: tuple[int, ...]) -> tuple[int, ...]:
    """Return the Lagrange coefficients at 0 for distinct points, in their order.

    Kept, since all secrets of a round are made up from the same points, which are public.
    """
    found = []
    for one in points:
        top, bottom = 1, 1
        for other in points:
            if other != one:
                top = top * other % PRIME
                bottom = bottom * (other - one) % PRIME
        found.append(top * pow(bottom, -1, PRIME) % PRIME)
    return tuple(found)


def combine(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret behind shares by their points; there are as many as the threshold.

    Raises:
        InputInvalidError: a share is not the encoding of a number below the prime.

    """
    numbers = [int.from_bytes(share) for share in shares.values()]
    if any(len(s) != SHARE_BYTES for s in shares.values()) or max(numbers, default=0) >= PRIME:
        raise InputInvalidError("a share is 32 bytes, below the field's prime")
    terms = zip(weights(tuple(shares)), numbers, strict=True)
    return (sum(weight * number for weight, number in terms) % PRIME).to_bytes(SHARE_BYTES)
