"""A protocol that somebody brings: common items by salted hashes, fast and without protection.

    cd examples/06_own_protocol
    ../../unseen bench run psi --protocol salted_hashes:SaltedHashes --set protocol=ecdh
    ../../.venv/bin/python salted_hashes.py

The first command measures it beside the project's own intersection, the second one breaks it.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from itertools import islice

from unseen.protocols.party import Rng, Steps
from unseen.protocols.testing import drive_pair

SALT = 16
DIGEST = 16


class SaltedHashes:
    """The first party sends a salt and its items hashed with it; the second one says which it has.

    The second party, or whoever overhears, hashes every item there may be and reads the whole set.
    """

    threat_model = "none where items can be guessed: ids, phone numbers, names"
    security_bits = 0

    def first(self, given: Sequence[bytes], rng: Rng) -> Steps:
        """Send hashes in ascending order, and put what comes back in the order of the items."""
        salt = rng(SALT)
        hashed = {digest(salt, item): place for place, item in enumerate(given)}
        order = sorted(hashed)
        bits = yield salt + b"".join(order)
        return tuple(sorted(hashed[key] for key, bit in zip(order, bits, strict=True) if bit))

    def second(self, given: Sequence[bytes], message: bytes, rng: Rng) -> Steps:
        """Answer with a byte for each hash: 1 where it is one of the own."""
        del rng
        salt, asked = split(message)
        own = {digest(salt, item) for item in given}
        yield bytes(each in own for each in asked)


def digest(salt: bytes, item: bytes) -> bytes:
    """Return an item's hash under a salt."""
    return hashlib.sha256(salt + item).digest()[:DIGEST]


def split(message: bytes) -> tuple[bytes, list[bytes]]:
    """Return the salt and the hashes of a message."""
    places = range(SALT, len(message), DIGEST)
    return message[:SALT], [message[place : place + DIGEST] for place in places]


def overheard(message: bytes, candidates: Iterable[bytes]) -> list[bytes]:
    """Return the items of a first message, given all that they may be."""
    salt, asked = split(message)
    sought = set(asked)
    found = (item for item in candidates if digest(salt, item) in sought)
    return list(islice(found, len(asked)))


def main() -> None:
    """Run it over two sets of six-digit ids, then read the first one from its message alone."""
    ids = [b"%06d" % secrets.randbelow(10**6) for _ in range(2000)]
    mine, theirs = list(dict.fromkeys(ids[:1000])), list(dict.fromkeys(ids[900:]))
    learnt, transcript = drive_pair(SaltedHashes(), (mine, theirs), secrets.token_bytes)
    common = [place for place, item in enumerate(mine) if item in set(theirs)]
    print(f"items of the first party: {len(mine)}, in both: {len(common)}")
    print(f"found by the protocol: {learnt[0] == tuple(common)}")
    (message,) = transcript.messages[0].parts
    read = overheard(message, (b"%06d" % number for number in range(10**6)))
    print(f"read by whoever sees the message: {len(read)} of {len(mine)}")


if __name__ == "__main__":
    main()
