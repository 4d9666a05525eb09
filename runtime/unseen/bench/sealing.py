"""The same scores through calls of SEAL: what a node would do that leaves words to the library.

The same ciphertexts in, the same circuit privacy, the same kind of answer out.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from unseen.protocols.he import checks, coefficients, privacy, seal
from unseen.protocols.he.engine import Ring
from unseen.protocols.he.memory import load, saved
from unseen.protocols.he.parameters import Parameters
from unseen.protocols.kernels import ntt
from unseen.protocols.party import Rng

_LIMIT: Final = 1 << 24


class Calls:
    """A node that has the key owner's public key, as SEAL writes it."""

    def __init__(self, parameters: Parameters, public_key: bytes) -> None:
        """Make SEAL's tables and read the key."""
        ring = Ring(parameters.degree, parameters.primes)
        self._seal, self._context = ring.seal, ring.context
        self._parameters = parameters
        self._encoder = self._seal.CKKSEncoder(self._context)
        self._evaluator = self._seal.Evaluator(self._context)
        self._encryptor = self._seal.Encryptor(self._context, self._read("PublicKey", public_key))

    def answer(self, sent: Sequence[bytes], weights: Sequence[int], bias: int, rng: Rng) -> bytes:
        """Return the encrypted scores, hidden as `privacy.hidden` does it."""
        do = self._evaluator
        total = self._seal.Ciphertext()
        self._encryptor.encrypt_zero(total)
        total.scale = checks.SCALE
        for data, weight in zip(sent, weights, strict=True):
            part = self._read("Ciphertext", data)
            do.multiply_plain_inplace(part, self._constant(weight))
            do.add_inplace(total, part)
        do.add_plain_inplace(total, self._added(bias, rng))
        for _ in self._parameters.data_primes[1:]:
            do.rescale_to_next_inplace(total)
        total.scale = checks.SCALE
        return saved(total, _LIMIT)

    def _constant(self, weight: int) -> Any:
        plain = self._seal.Plaintext()
        self._encoder.encode(float(weight), checks.SCALE, plain)
        return plain

    def _added(self, bias: int, rng: Rng) -> Any:
        """Return the bias in every coefficient, and the flood."""
        given, level = self._parameters, checks.sent_level(self._parameters)
        words = ntt.forward(privacy.flood(given, rng), level.primes)
        words += coefficients.encode(np.full(given.degree, bias, np.int64), given.shift, level)
        limits = np.array(level.primes, np.uint64)[:, np.newaxis]
        words = np.minimum(words, words - limits)
        return self._read("Plaintext", seal.write(seal.Plaintext(level, checks.SCALE, words)))

    def _read(self, kind: str, data: bytes) -> Any:
        found = getattr(self._seal, kind)()
        load(found, self._context, data)
        return found
