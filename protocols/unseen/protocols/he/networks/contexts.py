"""FIPS 180-4 names a context (`contexts.digest`): here with keys that a product needs.

Bytes are a mark, the parameters, the public key and seeded relinearisation keys as SEAL writes
them. Checked before SEAL reads any of it: lengths, every byte of a head, words below their primes.

Not protected: keys that were made to be weak. Only their owner could prove how they were made.
"""

from typing import Final

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import relin, seal
from unseen.protocols.he.networks.parameters import SquaresParameters

_MARK: Final = b"unseen/he/context/squares/1\x00"


def write(parameters: SquaresParameters, public_key: bytes, relin_keys: bytes) -> bytes:
    """Return a context, of keys as `engine.KeyOwner` returns them."""
    return _MARK + parameters.encoded() + public_key + relin_keys


def read(data: bytes, parameters: SquaresParameters) -> tuple[bytes, bytes]:
    """Return the public key and the keys for products of a context.

    Raises:
        MalformedMessageError: it is cut off, of other parameters, or holds no public key.

    """
    head = _MARK + parameters.encoded()
    level = seal.Level(parameters.degree, parameters.primes)
    middle = len(head) + seal.ciphertext_bytes(level, seeded=False)
    if not data.startswith(head) or len(data) != size(parameters):
        raise MalformedMessageError("a context of other parameters, or cut off")
    key, keys = data[len(head) : middle], data[middle:]
    if seal.read_ciphertext(key, level).scale != 1:
        raise MalformedMessageError("a public key has no scale")
    relin.check_relin_keys(keys, level, len(parameters.data_primes))
    return key, keys


def size(parameters: SquaresParameters) -> int:
    """Return how long a context is."""
    level = seal.Level(parameters.degree, parameters.primes)
    key = seal.ciphertext_bytes(level, seeded=False)
    return len(_MARK) + len(parameters.encoded()) + key + relin_bytes(parameters)


def relin_bytes(parameters: SquaresParameters) -> int:
    """Return how long keys for products are: a seeded public key for each prime that is sent."""
    level = seal.Level(parameters.degree, parameters.primes)
    return relin.relin_bytes(level, len(parameters.data_primes))
