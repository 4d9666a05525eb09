"""Microsoft SEAL 4 (`relinkeys.cpp`): keys that products need, checked before SEAL reads them.

Behind a head, byte for byte the one expected, a seeded public key for each prime that ciphertexts
have: words below their primes, seeds of 64 bytes.

Not protected: keys that were made to be weak, or with larger errors. Only their owner could prove
how they were made.
"""

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import seal


def relin_bytes(level: seal.Level, count: int) -> int:
    """Return how long keys for products are, at the level of keys, of `count` public keys."""
    each = seal.ciphertext_bytes(level, seeded=True)
    return len(seal.relin_keys_head(level, count)) + count * each


def check_relin_keys(keys: bytes, level: seal.Level, count: int) -> None:
    """Return if bytes are keys for products at a level.

    Raises:
        MalformedMessageError: they are not.

    """
    head = seal.relin_keys_head(level, count)
    if len(keys) != relin_bytes(level, count) or not keys.startswith(head):
        raise MalformedMessageError("keys for products of other parameters")
    each = seal.ciphertext_bytes(level, seeded=True)
    for place in range(len(head), len(keys), each):
        if seal.read_ciphertext(keys[place : place + each], level).scale != 1:
            raise MalformedMessageError("a key for products has no scale")
