"""Microsoft SEAL issue 276 (transparent ciphertexts) and others: what is computed with at all.

TenSEAL takes ciphertexts that were altered in every second place tried, and may end a process over
others. So nothing that a peer sent reaches SEAL or a kernel before it is known to be what the plan
expects: its length, each byte of its head (level, form, size, scale), its words below their primes,
and a seed in place of its second half, which therefore is neither zero nor chosen.

Not protected: what is encrypted. Any polynomial with any error passes, see privacy.py.
"""

from typing import Final

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he.plans import Plan
from unseen.protocols.he.seal import Ciphertext, Level, ciphertext_bytes, read_ciphertext

SCALE: Final = 1.0  # plaintexts are whole numbers as they are


def sent_level(parameters: Plan) -> Level:
    """Return the level of ciphertexts that are sent: all primes but that of keys."""
    return Level(parameters.degree, parameters.data_primes)


def back_level(parameters: Plan) -> Level:
    """Return the level of ciphertexts that come back: one prime."""
    return Level(parameters.degree, parameters.primes[:1])


def read_sent(data: bytes, parameters: Plan) -> Ciphertext:
    """Return what a key owner sent, a seed for its second half.

    Raises:
        MalformedMessageError: it is not a fresh ciphertext under these parameters.

    """
    return _read(data, sent_level(parameters), seeded=True)


def read_back(data: bytes, parameters: Plan) -> Ciphertext:
    """Return what a node sent back, both halves.

    Raises:
        MalformedMessageError: it is no response under these parameters.

    """
    return _read(data, back_level(parameters), seeded=False)


def sent_bytes(parameters: Plan) -> int:
    """Return how long each ciphertext is that a key owner sends."""
    return ciphertext_bytes(sent_level(parameters), seeded=True)


def back_bytes(parameters: Plan) -> int:
    """Return how long a response is."""
    return ciphertext_bytes(back_level(parameters), seeded=False)


def _read(data: bytes, level: Level, *, seeded: bool) -> Ciphertext:
    if len(data) != ciphertext_bytes(level, seeded=seeded):
        raise MalformedMessageError("a ciphertext has another length than its parameters give it")
    found = read_ciphertext(data, level)
    if found.scale != SCALE:
        raise MalformedMessageError("a ciphertext of another scale")
    return found
