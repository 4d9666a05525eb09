"""FIPS 202, section 6.2: the randomness of one query, stretched from a seed by SHAKE-256.

    SHAKE-256("unseen/lookup/lwe_pir/v1/query" 00 || seed), from its start on

A buyer keeps the 32 bytes and can show later which query it sent, and to whom it likes, what the
query was about. Whoever has a seed and the query reads the subject's cells: a seed is as secret as
the subject, fresh for every query, and used for no other.
"""

import hashlib
from typing import Final

from unseen.protocols.errors import InputInvalidError

SEED_BYTES: Final = 32
_NAME: Final = b"unseen/lookup/lwe_pir/v1/query\x00"


class Seeded:
    """An `Rng` that hands out the stream of one seed, from its start on."""

    def __init__(self, seed: bytes) -> None:
        """Take a seed of 32 bytes that is used for one query.

        Raises:
            InputInvalidError: it has another length.

        """
        if len(seed) != SEED_BYTES:
            raise InputInvalidError(f"the seed of a query has {SEED_BYTES} bytes")
        self._hash = hashlib.shake_256(_NAME + seed)
        self._place = 0

    def __repr__(self) -> str:
        """Say how far it is, and not what the seed is."""
        return f"Seeded(at {self._place})"

    def __call__(self, count: int) -> bytes:
        """Return the next `count` bytes. Costs as much as all bytes so far."""
        first, self._place = self._place, self._place + count
        return self._hash.digest(self._place)[first:]
