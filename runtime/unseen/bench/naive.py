"""Intersection by Diffie-Hellman as it is written first: one element at a time, by libsodium.

A baseline of our own making for the bench `psi`: the messages of `unseen.protocols.psi.ecdh`, and
around them nothing but calls of one function for one element.
"""

from collections.abc import Sequence

from unseen.bench.registry import CURVE_BITS
from unseen.protocols.group import ristretto255
from unseen.protocols.party import Rng, Steps
from unseen.protocols.psi import messages

_TAG = b"unseen/bench/naive"


class Naive:
    """Both parties. The first learns the places of its items that the second has."""

    threat_model = "both follow the protocol; Diffie-Hellman, random oracle"
    security_bits = CURVE_BITS

    def first(self, given: Sequence[bytes], rng: Rng) -> Steps:
        """Send the own items masked; find which come back among the other's."""
        scalar = ristretto255.random_scalar(rng)
        masked = [_masked(scalar, item) for item in given]
        order = sorted(range(len(given)), key=masked.__getitem__)
        answer = yield messages.pack([[masked[index] for index in order]])
        doubled, theirs = messages.unpack(answer, (False, True))
        both = {ristretto255.multiply(scalar, element) for element in theirs}
        return tuple(sorted(i for i, found in zip(order, doubled, strict=True) if found in both))

    def second(self, given: Sequence[bytes], message: bytes, rng: Rng) -> Steps:
        """Mask what came once more, and send the own items masked."""
        scalar = ristretto255.random_scalar(rng)
        (asked,) = messages.unpack(message, (True,))
        doubled = [ristretto255.multiply(scalar, element) for element in asked]
        yield messages.pack([doubled, sorted(_masked(scalar, item) for item in given)])


def _masked(scalar: bytes, item: bytes) -> bytes:
    return ristretto255.multiply(scalar, ristretto255.hash_to_group(item, _TAG))
