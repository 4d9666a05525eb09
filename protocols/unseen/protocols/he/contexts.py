"""FIPS 180-4 names a context: what a key owner sends once, and what a node computes under.

Bytes are a mark, the parameters and the public key as SEAL writes it: two polynomials modulo all
primes. Galois and relinearisation keys are no part of it: weighted sums need none, and they would
be megabytes that depend on the secret. Checked before anything else reads it: lengths, the
parameters of the contract, words below their primes, and that the key hides something.

Not protected: a key that was made to be weak. Only its owner could prove how it was made.
"""

import hashlib
from typing import Final

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import seal
from unseen.protocols.he.parameters import Parameters

_MARK: Final = b"unseen/he/context/1\x00"


def write(parameters: Parameters, public_key: bytes) -> bytes:
    """Return a context; `public_key` is what `engine.KeyOwner.public_key` returned."""
    return _head(parameters) + public_key


def read(data: bytes, parameters: Parameters) -> bytes:
    """Return the public key of a context.

    Raises:
        MalformedMessageError: it is cut off, of other parameters, or holds no public key.

    """
    head = _head(parameters)
    if not data.startswith(head):
        raise MalformedMessageError("a context of other parameters")
    key = data[len(head) :]
    if seal.read_ciphertext(key, _level(parameters)).scale != 1:
        raise MalformedMessageError("a public key has no scale")
    return key


def size(parameters: Parameters) -> int:
    """Return how long a context is."""
    return len(_head(parameters)) + seal.ciphertext_bytes(_level(parameters), seeded=False)


def digest(data: bytes) -> bytes:
    """Return what a context is called by: 32 bytes, SHA-256."""
    return hashlib.sha256(data).digest()


def _head(parameters: Parameters) -> bytes:
    return _MARK + parameters.encoded()


def _level(parameters: Parameters) -> seal.Level:
    return seal.Level(parameters.degree, parameters.primes)
