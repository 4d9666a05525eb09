"""TenSEAL's own vectors, as its tutorials use them: one ciphertext a sample, or one a feature.

Neither hides the weights from whoever has the secret key.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.he.memory import library

MODEL: Final = "semi-honest; no circuit privacy: an answer shows the weights to the key owner"
_DEGREE: Final = 8192
_BITS: Final = (60, 40, 40, 60)
_SCALE: Final = 2.0**40
ROWS: Final = _DEGREE // 2  # samples of a ciphertext, where a feature has one
_Numbers = NDArray[np.float64]


class Vectors:
    """A context with keys, and what the other side gets of it."""

    def __init__(self, *, rotations: bool) -> None:
        """Make keys, with those for rotations if they are wanted."""
        self._library = library("tenseal")
        kind = self._library.SCHEME_TYPE.CKKS
        self._context = self._library.context(kind, _DEGREE, -1, list(_BITS))
        self._context.global_scale = _SCALE
        if rotations:
            self._context.generate_galois_keys()
        self._public = self._context.copy()
        self._public.make_context_public()

    def seal(self, rows: Iterable[_Numbers]) -> list[bytes]:
        """Encrypt each row in a ciphertext of its own."""
        return [self._library.ckks_vector(self._context, row.tolist()).serialize() for row in rows]

    def weighted(self, sent: Sequence[bytes], weights: _Numbers, bias: float) -> bytes:
        """Return the encrypted scores of ciphertexts that hold a feature each."""
        total: Any = bias
        for data, weight in zip(sent, weights.tolist(), strict=True):
            total = self._library.ckks_vector_from(self._public, data) * weight + total
        return bytes(total.serialize())

    def dots(self, sent: Sequence[bytes], weights: _Numbers, bias: float) -> list[bytes]:
        """Return the encrypted score of each ciphertext, which holds a sample."""
        given, plain = weights.tolist(), [bias]
        read = self._library.ckks_vector_from
        return [bytes((read(self._public, data).dot(given) + plain).serialize()) for data in sent]

    def open(self, answers: Iterable[bytes]) -> _Numbers:
        """Decrypt answers, one behind the other."""
        found = [self._library.ckks_vector_from(self._context, each).decrypt() for each in answers]
        return np.concatenate([np.array(each, np.float64) for each in found])
